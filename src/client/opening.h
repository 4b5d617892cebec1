// client/opening.h: makes the connection of one WebSocket: dials, sends the request, reads the answer
// (ws/client_opening.h), follows redirects if the options allow it.
//
// Owner: the SocketCore, while it is CONNECTING; destroying an Opening cancels it. Thread: the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/dialer.h"
#include "ws/client_opening.h"
#include "ws/client_url.h"

namespace starling::client {

class LoopCore;
class OpeningHandler;
class SocketCore;

class Opening final : private net::DialReceiver {
public:
    Opening(SocketCore& core, LoopCore& loop, ws::ClientUrl url);
    ~Opening();
    void dial();

private:
    friend class OpeningHandler;

    // net::DialReceiver
    void on_connected(net::Dialed dialed) override;
    void on_failed(const net::DialError& error) override;

    [[nodiscard]] uint64_t left_ms() const noexcept;
    void start_handshake(net::Stream& stream);
    void on_step(ws::ClientOpening::Step step);
    void on_redirect();
    void on_time();
    void fail(std::string_view message, int status = 0, std::string_view body = {});
    void let_go() noexcept;

    SocketCore& core_;
    LoopCore& loop_;
    ws::ClientUrl url_;
    bool credentials_ = true;
    int redirects_ = 0;
    uint64_t ends_ms_ = 0;  // Of the loop's time; 0: never.
    std::unique_ptr<net::Dial> dial_;
    std::unique_ptr<ws::ClientOpening> handshake_;
    OpeningHandler* handler_ = nullptr;  // Owned by its stream.
};

}  // namespace starling::client
