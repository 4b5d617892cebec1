// server/engineio/websocket.h: the WebSocket of an Engine.IO session, as its transport or being
// probed.
//
// Owner: the WsConnection; of a RelayedSocket the RelayPart. The socket and its session are
//        base::Tied: the end of one clears the pointer of the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "hub/hub.h"
#include "server/engineio/engine.h"
#include "server/ws_connection.h"
#include "server/ws_handler.h"

namespace starling::server {

// What a WebSocket of an Engine has for data. The calls are those of the EngineWsHandler.
class EngineWsData : public ws::detail::AnyData {
public:
    using Event = engineio::Session::Event;

    virtual void opened(WsConnection& connection) = 0;
    virtual void received(ws::Message message) = 0;
    virtual void drained() {}
    virtual void server_stops() {}
    // Not only once.
    virtual void ended(Event event) = 0;
    virtual void describe(ConnectionFacts& facts) { (void)facts; }
    // False: the session is one of another node.
    [[nodiscard]] virtual bool is_of_this_node() const noexcept { return true; }
};

// The end of a session's WebSocket. RelayedSocket has one whose client is at another node.
class EngineSocket : public EngineWsData,
                     public base::Tied<EngineSocket, EngineSession>,
                     public base::InSlab {
public:
    // Stays untied if the session already has a WebSocket.
    explicit EngineSocket(EngineSession& session) noexcept;

    // EngineWsData
    void opened(WsConnection& connection) final {
        connection_ = &connection;
        attach();
    }
    void received(ws::Message message) final {
        if (tied()) tied()->on_frame(message.bytes(), message.is_binary());
    }
    void server_stops() final {
        if (tied()) tied()->drop(EngineClose::server_shutting_down);
    }
    void ended(Event event) final {
        if (tied()) tied()->socket_ended(event);
    }
    void describe(ConnectionFacts& facts) final {
        if (tied()) tied()->describe(facts);
    }

    // ---- For the session: see WsConnection ------------------------------------------------------
    void send(ws::Message message, bool compress = true) {
        if (connection_) [[likely]]
            connection_->send(message, compress);
        else
            send_far(message, compress);
    }
    void deliver(hub::Publication& publication) {
        if (connection_) [[likely]]
            return connection_->deliver(publication);
        ++publication.taken;
        const auto bytes = publication.message.bytes;
        send_far(
            publication.message.binary ? ws::Message(bytes) : ws::Message(base::text_of(bytes)),
            publication.compress);
    }
    [[nodiscard]] size_t buffered_amount() const noexcept {
        return connection_ ? connection_->buffered_amount() : far_buffered_amount();
    }
    [[nodiscard]] bool is_writable() const noexcept {
        return connection_ ? connection_->is_writable() : is_far_writable();
    }
    void pause() { connection_ ? connection_->pause() : pause_far(true); }
    void resume() { connection_ ? connection_->resume() : pause_far(false); }
    [[nodiscard]] std::string remote_address() const {
        return connection_ ? connection_->remote_address() : far_address();
    }
    // The session no longer needs the WebSocket.
    void close(uint16_t code) {
        untie();
        connection_ ? connection_->close(code, {}) : close_far(code);
    }
    // The client's connection is at another node.
    [[nodiscard]] virtual bool is_far() const noexcept { return false; }

protected:
    void attach() {
        if (!tied()) return close(ws::close_code::normal);
        tied()->socket_opened(*this);
    }

private:
    // Without a connection here: not opened yet, or at another node.
    virtual void send_far(ws::Message, bool) {}
    [[nodiscard]] virtual size_t far_buffered_amount() const noexcept { return 0; }
    [[nodiscard]] virtual bool is_far_writable() const noexcept { return false; }
    virtual void pause_far(bool) {}
    [[nodiscard]] virtual std::string far_address() const { return {}; }
    virtual void close_far(uint16_t) {}

    WsConnection* connection_ = nullptr;  // Set by opened(). The connection owns this object.
};

// The handler of all WebSockets of an Engine. The data of each connection is its EngineWsData.
class EngineWsHandler final : public WsHandler {
public:
    explicit EngineWsHandler(Engine& engine) noexcept : WsHandler(Remembers{}), engine_(engine) {}

    void admit(WsAdmission& admission) const override { engine_.admit(admission); }
    void on_open(WsConnection& connection) const override {
        count(connection, +1);
        data_of(connection).opened(connection);
    }
    void on_message(WsConnection& connection, ws::Message message) const override {
        data_of(connection).received(message);
    }
    // The acks and attachments of a dropped packet would be missing.
    bool may_drop() const noexcept override { return false; }
    void on_ping(WsConnection&, std::string_view) const override {}
    void on_pong(WsConnection&, std::string_view) const override {}
    void on_drained(WsConnection& connection) const override { data_of(connection).drained(); }
    // Not called: a full queue closes the connection.
    void on_dropped(WsConnection&, uint64_t) const override {}
    void on_violation(WsConnection& connection) const override {
        data_of(connection).ended(engineio::Session::Event::websocket_error);
    }
    void on_server_stops(WsConnection& connection) const override {
        data_of(connection).server_stops();
    }
    void describe(WsConnection& connection, ConnectionFacts& facts) const override;
    void on_closed(WsConnection& connection, uint16_t, std::string_view,
                   ws::ClosedBy) const override {
        count(connection, -1);
        data_of(connection).ended(engineio::Session::Event::websocket_closed);
    }

private:
    void count(WsConnection& connection, int change) const noexcept;
    [[nodiscard]] static EngineWsData& data_of(WsConnection& connection) noexcept {
        return base::checked_cast<EngineWsData>(*connection.data());
    }

    Engine& engine_;
};

inline EngineSocket* EngineSession::socket() const noexcept { return tied(); }

inline EngineSocket::EngineSocket(EngineSession& session) noexcept {
    if (!session.socket()) tie(session);
}

}  // namespace starling::server
