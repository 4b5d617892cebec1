// server/socketio/session_handler.h: connects one Engine.IO session with Socket.IO.
//
// Owner: the session. Thread: the worker's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "server/engineio/engine.h"
#include "socketio/connection.h"
#include "socketio/transport.h"

namespace starling::server {

class SocketIoSessionHandler final : public EngineHandler, private socketio::Transport {
public:
    SocketIoSessionHandler(EngineSession& session, socketio::Server& server,
                           socketio::ConnectInfo info, const std::string& initial_packet);

    void on_open() override;
    void on_text(std::string_view text) override { connection_.on_text(text); }
    void on_binary(std::span<const std::byte> bytes) override { connection_.on_bytes(bytes); }
    void on_timer() override { connection_.timed_out(); }
    void describe(ConnectionFacts& facts) const override;
    void on_close(EngineClose reason) override {
        connection_.closed(engineio::reason_text(reason));
    }

private:
    void send(std::string_view text, bool text_is_binary, std::span<const std::string> attachments,
              bool compress) override;
    void deliver(hub::Publication& message) override { session_.deliver(message); }
    [[nodiscard]] bool writable() const noexcept override { return session_.writable(); }
    void end(End how) override;
    void set_timer(uint64_t delay_ms) override { session_.set_timer(delay_ms); }
    void pause() override { session_.pause(); }
    void resume() override { session_.resume(); }
    void joined() override { session_.keep(); }
    [[nodiscard]] unsigned revision() const noexcept override { return session_.revision(); }
    [[nodiscard]] std::string sid() const override { return std::string(session_.sid().view()); }
    [[nodiscard]] std::string_view name() const noexcept override {
        return session_.on_websocket() ? "websocket" : "polling";
    }
    [[nodiscard]] const socketio::ConnectInfo& info() const noexcept override { return info_; }

    EngineSession& session_;
    const socketio::ConnectInfo info_;
    const std::string& initial_packet_;  // Part of the server's options, which live longer.
    socketio::Connection connection_;
};

// Collects what is kept of the request that opened a session.
[[nodiscard]] socketio::ConnectInfo connect_info(const http::Request& request, int64_t unix_ms,
                                                 std::string_view user);

}  // namespace starling::server
