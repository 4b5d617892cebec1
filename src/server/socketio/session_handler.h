// server/socketio/session_handler.h: connects one Engine.IO session with Socket.IO.
//
// Owner: the session. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/slab.h"
#include "server/engineio/engine.h"
#include "server/socketio/pace.h"
#include "socketio/connection.h"

namespace starling::server {

// Counts what the sessions of a server carry, for a feature that shows it.
//
// Owner: the feature; it lives longer than the workers. Thread: the session's worker's.
class SessionMeter {
public:
    virtual void opened(Worker& worker, bool polling) = 0;
    virtual void upgraded(Worker& worker) = 0;
    virtual void message_in(Worker& worker, size_t bytes) = 0;
    virtual void message_out(Worker& worker, size_t bytes) = 0;
    // `polling`: the session never moved to a WebSocket.
    virtual void closed(Worker& worker, bool polling, std::string_view reason) = 0;

protected:
    ~SessionMeter() = default;
};

class SocketIoSessionHandler : public EngineHandler,
                               protected socketio::Connection,
                               public base::InSlab {
public:
    SocketIoSessionHandler(EngineSession& session, socketio::ConnectInfo info);
    ~SocketIoSessionHandler() override { closed("forced server close"); }

    void on_open() override;
    void on_text(std::string_view text) override { Connection::on_text(text); }
    void on_binary(std::span<const std::byte> bytes) override { on_bytes(bytes); }
    void on_upgrade() override;
    void on_timer() override { timed_out(); }
    void describe(ConnectionFacts& facts) const override;
    void on_close(EngineClose reason) override { closed(engineio::reason_text(reason)); }

    [[nodiscard]] socketio::Server& server() const noexcept override;

protected:
    void send(std::string_view text, bool text_is_binary, std::span<const std::string> attachments,
              bool compress) override;
    void deliver(hub::Publication& message) override { session_.deliver(message); }
    [[nodiscard]] bool writable() const noexcept override { return session_.writable(); }
    void end(End how) override;
    void set_timer(uint64_t delay_ms) override { session_.set_timer(delay_ms); }
    void cancel_timer() override { session_.cancel_timer(); }
    void pause_reading() override { session_.pause(); }
    void resume_reading() override { session_.resume(); }
    void joined() override { session_.keep(); }
    [[nodiscard]] bool takes_join() override { return session_.takes_join(); }
    [[nodiscard]] unsigned revision() const noexcept override { return session_.revision(); }
    [[nodiscard]] std::string sid() const override { return std::string(session_.sid().view()); }
    [[nodiscard]] std::string_view name() const noexcept override {
        return session_.on_websocket() ? "websocket" : "polling";
    }
    [[nodiscard]] const socketio::ConnectInfo& info() const noexcept override { return info_; }

    EngineSession& session_;

private:
    const socketio::ConnectInfo info_;
};
static_assert(sizeof(SocketIoSessionHandler) <= 56, "part of what an idle client costs");

// The handler of a session whose messages are counted, and that may keep pace with its client. Other
// sessions pay nothing for it.
class MeteredSessionHandler final : public SocketIoSessionHandler {
public:
    MeteredSessionHandler(EngineSession& session, socketio::ConnectInfo info, SessionMeter& meter)
        : SocketIoSessionHandler(session, std::move(info)), meter_(meter) {}

    void on_open() override;
    void on_text(std::string_view text) override;
    void on_binary(std::span<const std::byte> bytes) override;
    void on_upgrade() override;
    void on_pong() override;
    void on_close(EngineClose reason) override;

private:
    void send(std::string_view text, bool text_is_binary, std::span<const std::string> attachments,
              bool compress) override;
    void deliver(hub::Publication& message) override;
    [[nodiscard]] bool writable() const noexcept override;
    void keep_pace() override;
    [[nodiscard]] size_t packets_wanted() const noexcept override;
    void count_for_pace();

    SessionMeter& meter_;
    std::unique_ptr<Pace> pace_;  // Null: the client takes what comes.
    bool polling_ = false;
};

// Collects what is kept of the request that opened a session.
[[nodiscard]] socketio::ConnectInfo connect_info(const http::Request& request, int64_t unix_ms,
                                                 std::string_view user,
                                                 const socketio::ConnectInfo::Login& login,
                                                 base::Slabs* slabs = nullptr);

}  // namespace starling::server
