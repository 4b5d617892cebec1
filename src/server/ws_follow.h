// server/ws_follow.h: shows the messages of one WebSocket to somebody else, while they pass. The
// connection gets another handler, which tells the follower and calls the handler of the endpoint;
// so a connection that nobody follows pays nothing.
//
// Owner: the Extras of the connection. Thread: the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "server/worker.h"
#include "server/ws_connection.h"
#include "server/ws_handler.h"

namespace starling::server {

// Must not call the connection.
class WsFollower {
public:
    enum class Direction : uint8_t { in, out };
    virtual ~WsFollower() = default;
    // `bytes` ends with the call.
    virtual void message(Direction direction, std::span<const std::byte> bytes, bool binary) = 0;
    virtual void closed(uint16_t code, std::string_view reason) = 0;
};

class WsFollowing final : public WsHandler {
public:
    WsFollowing(const WsContext& original, std::shared_ptr<WsFollower> follower)
        : WsHandler(original.handler().remembers()),
          original_(original),
          context_(original.worker, original.site, *this),
          follower_(std::move(follower)) {}

    [[nodiscard]] const WsContext& original() const noexcept { return original_; }
    [[nodiscard]] const WsContext& context() const noexcept { return context_; }
    [[nodiscard]] WsFollower& follower() const noexcept { return *follower_; }

    void admit(WsAdmission& admission) const override { inner().admit(admission); }
    void on_open(WsConnection& connection) const override { inner().on_open(connection); }
    void on_message(WsConnection& connection, ws::Message message) const override {
        follower_->message(WsFollower::Direction::in, message.bytes(), message.is_binary());
        inner().on_message(connection, message);
    }
    void on_ping(WsConnection& connection, std::string_view payload) const override {
        inner().on_ping(connection, payload);
    }
    void on_pong(WsConnection& connection, std::string_view payload) const override {
        inner().on_pong(connection, payload);
    }
    void on_drained(WsConnection& connection) const override { inner().on_drained(connection); }
    void on_dropped(WsConnection& connection, uint64_t messages) const override {
        inner().on_dropped(connection, messages);
    }
    void on_violation(WsConnection& connection) const override { inner().on_violation(connection); }
    void on_server_stops(WsConnection& connection) const override {
        inner().on_server_stops(connection);
    }
    void on_closed(WsConnection& connection, uint16_t code, std::string_view reason,
                   ws::ClosedBy by) const override {
        follower_->closed(code, reason);
        inner().on_closed(connection, code, reason, by);
    }
    void on_freed(WsConnection& connection) const noexcept override {
        inner().on_freed(connection);
    }
    void describe(WsConnection& connection, ConnectionFacts& facts) const override {
        inner().describe(connection, facts);
    }
    [[nodiscard]] bool may_drop() const noexcept override { return inner().may_drop(); }

private:
    [[nodiscard]] const WsHandler& inner() const noexcept { return original_.handler(); }

    const WsContext& original_;
    const WsContext context_;
    const std::shared_ptr<WsFollower> follower_;
};

}  // namespace starling::server
