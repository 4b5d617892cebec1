// server/events/v1.h: the WebSocket endpoint /ws/channels, whose subprotocol is starling.v1: many
// channels on one connection. See docs/protocol-v1.md and events/v1_session.h.
//
// Thread: the worker's.
#pragma once

#include <starling/websocket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "events/v1_session.h"
#include "server/events/events.h"
#include "server/events/presence_seat.h"

namespace starling::server {

class WsConnection;
class V1Member;

// Owner: the WebSocket's user data.
class V1Connection final : private events::v1::Session::Host {
public:
    V1Connection(Events& events, EventsWorker& host, std::optional<auth::Identity> identity);
    ~V1Connection();
    V1Connection(const V1Connection&) = delete;
    V1Connection& operator=(const V1Connection&) = delete;

    void open(WsConnection& connection);
    void on_text(std::string_view text) { session_.on_text(text); }
    // Ends the subscriptions. Nothing is sent.
    void close();
    // Ends a subscription of which the client is told. Posted by its member.
    void end(std::string_view channel, uint64_t attempt, const events::v1::Problem& why);

    [[nodiscard]] WsConnection& connection() noexcept { return *connection_; }

private:
    using Request = events::v1::Request;
    using Problem = events::v1::Problem;

    void send(std::string text) override;
    void subscribe(const Request& request, uint64_t attempt) override;
    void unsubscribe(std::string_view channel) override;
    Problem publish(const Request& request) override;
    Problem presence(const Request& request) override;
    Problem history(const Request& request) override;
    Problem login(const Request& request) override;

    // The user of the login, unless it has expired.
    [[nodiscard]] std::optional<std::string_view> user() const;
    // May the client listen? Sets `match` if so.
    [[nodiscard]] Problem admit(const Request& request, events::Match& match) const;
    [[nodiscard]] Problem permit(events::Use use, const Request& request) const;
    [[nodiscard]] std::unique_ptr<V1Member> make_member(const Request& request, uint64_t attempt,
                                                        const events::Rule& rule);
    void announce(const std::string& channel, uint64_t attempt,
                  const std::optional<hub::Position>& since);
    void listen(V1Member& member, std::optional<hub::Position> since);
    [[nodiscard]] bool begin(V1Member& member, bool asked, hub::Beginning beginning);
    // The member of that subscription; null: it has ended.
    [[nodiscard]] V1Member* find(std::string_view channel, uint64_t attempt) const;
    void remove(std::string_view channel);

    Events& events_;
    EventsWorker& host_;
    const std::string client_;
    std::optional<auth::Identity> identity_;
    uint64_t login_tried_ms_ = 0;  // 0: never.
    WsConnection* connection_ = nullptr;
    events::v1::Session session_;
    std::unordered_map<std::string, std::unique_ptr<V1Member>, base::KeyedTextHash, std::equal_to<>>
        members_;
};

// One subscription. Owner: the V1Connection.
class V1Member final : public events::Member, public hub::Subscriber {
public:
    V1Member(V1Connection& connection, EventsWorker& host, std::string channel, uint64_t attempt)
        : connection_(connection), host_(host), channel_(std::move(channel)), attempt_(attempt) {}

    // In the presence of the channel.
    void take(std::unique_ptr<PresenceSeat> seat) noexcept { seat_ = std::move(seat); }
    [[nodiscard]] PresenceSeat* seat() const noexcept { return seat_.get(); }
    [[nodiscard]] const std::string& channel() const noexcept { return channel_; }
    [[nodiscard]] uint64_t attempt() const noexcept { return attempt_; }

    // hub::Subscriber
    void deliver(hub::Publication& publication) override;

private:
    // events::Member
    void expired(hub::Subscriber& subscriber) override;
    void lost(hub::Subscriber& subscriber) override;
    void presence_changed(const hub::PresenceChange& change,
                          hub::Publication& publication) override;
    void end_later(events::v1::Problem why);

    V1Connection& connection_;
    EventsWorker& host_;
    const std::string channel_;
    const uint64_t attempt_;
    std::unique_ptr<PresenceSeat> seat_;  // Null: the client did not ask for presence.
};

[[nodiscard]] ws::Route v1_route(Events& events);

}  // namespace starling::server
