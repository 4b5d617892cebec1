// client/socket_core.h: what is behind a WebSocket: its options, its life (ws/client_life.h) and its
// listeners, from the constructor to the close event. An Opening makes the connection; a Connection
// carries the messages.
//
// Owner:  the WebSocket, and whatever may still call: the stream's handler, a posted call. It holds a
//         pointer to the loop until the close event, or until the loop ends.
// Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "client/listeners.h"
#include "client/options.h"
#include "ws/buffered.h"
#include "ws/client_life.h"
#include "ws/client_opening.h"
#include "ws/client_url.h"
#include "ws/heartbeat.h"
#include "ws/receiver.h"

namespace starling::net {
class Stream;
}

namespace starling::client {

class Connection;
class LoopCore;
class Opening;

class SocketCore final : public base::ListLink, public std::enable_shared_from_this<SocketCore> {
public:
    // Throws what WebSocket's constructor throws.
    SocketCore(LoopCore& loop, std::string_view url, WebSocketOptions options);
    ~SocketCore();
    void start();  // Connects, from the loop.

    // ---- WebSocket ------------------------------------------------------------------------------
    void send(ws::Message message);
    void close(bool has_code, uint16_t code, std::string_view reason);
    void terminate();
    void ping(std::string_view payload);
    void pause();
    void resume();
    void abandon();  // The WebSocket is destroyed.
    [[nodiscard]] uint64_t buffered_amount() const noexcept;
    [[nodiscard]] ws::ClientLife::State state() const noexcept { return life_.state(); }
    [[nodiscard]] Listeners& listeners() noexcept { return listeners_; }
    [[nodiscard]] const Listeners& listeners() const noexcept { return listeners_; }
    [[nodiscard]] const std::string& protocol() const noexcept { return protocol_; }
    [[nodiscard]] const std::string& extensions() const noexcept { return extensions_; }
    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    [[nodiscard]] const Connection* connection() const noexcept { return connection_; }
    // Null after the close event, and after the end of the loop.
    [[nodiscard]] LoopCore* loop() const noexcept { return loop_; }
    bool blob = true;  // binary_type()

    // ---- LoopCore -------------------------------------------------------------------------------
    void loop_ends() noexcept;

    // ---- Opening --------------------------------------------------------------------------------
    void opened(net::Stream& stream, const ws::ClientOpening& opening);
    void open_failed(std::string_view message, int status, std::string_view body);

    // ---- Connection -----------------------------------------------------------------------------
    void on_message(const ws::Event& event);
    void on_peer_close(uint16_t code, std::string_view reason);
    // Of the server, or of a handler: the server gets `code` and `reason`.
    void fail(uint16_t code, std::string_view reason, std::string_view message);
    void on_timeout(std::string_view message);
    void on_gone(bool ended);
    void overflowed();  // The send queue is full: fails from the loop.
    [[nodiscard]] bool may_send() const noexcept { return life_.may_send() && !overflowed_; }
    [[nodiscard]] ws::Buffered& buffered() noexcept { return buffered_; }

    // While CONNECTING.
    [[nodiscard]] const WebSocketOptions& options() const noexcept { return asked_->options; }
    [[nodiscard]] const ws::OpeningOptions& opening_options() const noexcept {
        return asked_->opening;
    }
    // Outlives the Connection.
    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }

private:
    void tell_open();
    void tell_failure(const ws::ClientLife::Actions& actions, std::string_view message,
                      int status = 0, std::string_view body = {});
    void tell_close();
    template <class Event>
    void tell(const Event& event);
    void handler_threw(std::string_view what);
    void leave_loop() noexcept;

    // What only the opening needs: an open connection does not pay for it.
    struct Asked {
        WebSocketOptions options;
        ws::OpeningOptions opening;
    };

    LoopCore* loop_;
    std::unique_ptr<const Asked> asked_;  // While CONNECTING.
    const Settings settings_;
    std::unique_ptr<Opening> opening_;  // While CONNECTING.
    Connection* connection_ = nullptr;  // While its stream is there and this socket is not CLOSED.
    Listeners listeners_;
    ws::Buffered buffered_;
    ws::ClientLife life_;
    bool overflowed_ = false;
    std::string url_, protocol_, extensions_;
    std::string close_reason_;  // Of the peer's close frame.
};

}  // namespace starling::client
