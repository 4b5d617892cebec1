// server/events/member.h: the listeners of a channel, by WebSocket or by Server-Sent Events.
//
// Thread: the worker's.
#pragma once

#include <starling/websocket.h>

#include <chrono>
#include <memory>
#include <optional>

#include "base/slab.h"
#include "events/room.h"
#include "server/connection.h"
#include "server/events/events.h"
#include "server/events/presence_seat.h"
#include "server/route.h"

namespace starling::server {

class WsConnection;

constexpr uint16_t login_expired_code = 4401;  // RFC 6455 section 7.4.2: 4000 to 4999 are private.

// Owner: the WebSocket's user data.
class EventMember final : public events::Member {
public:
    void expired(hub::Subscriber& subscriber) override;
    static void open(const Events& events, ws::Socket socket);
    // Null: the socket is gone, or is of another thread.
    [[nodiscard]] static WsConnection* connection_of(ws::Socket socket);
};

[[nodiscard]] ws::Route client_event_route(const Events& events);
[[nodiscard]] ws::Route server_event_route(Events& events);

// An event stream, text/event-stream (WHATWG HTML section 9.2). The HTTP connection carries nothing
// else from then on. Owner: its net::Stream.
class EventStream final : public Connection,
                          public hub::Subscriber,
                          public base::InSlab,
                          private events::Member {
public:
    // `since`: the client's Last-Event-ID; none: from now on. `seat`: null if the client did not
    // ask for presence.
    EventStream(EventsWorker& host, const Admission& admission, const Events& events,
                std::optional<hub::Position> since, std::unique_ptr<PresenceSeat> seat);

    // Connection
    void took_over() override;
    void go_away() override;
    void on_bytes(std::span<std::byte>& input) override { input = {}; }  // Input is ignored.
    void on_timeout() override;
    void on_closed(net::CloseReason reason) override;
    void describe(ConnectionFacts& facts) override;
    void disconnect(uint16_t, std::string_view) override { stream_->close(); }
    // hub::Subscriber
    void deliver(hub::Publication& publication) override;

private:
    void expired(hub::Subscriber& subscriber) override;
    void lost(hub::Subscriber& subscriber) override;
    void presence_changed(const hub::PresenceChange& change,
                          hub::Publication& publication) override;
    void begin(const hub::Beginning& beginning, bool asked, size_t recovery_bytes_max);
    // `text` makes the bytes for the first stream that gets the publication.
    template <class F>
    void push(hub::Publication& publication, F&& text);
    [[nodiscard]] uint64_t queue_bytes_max() const noexcept;
    void await_members();
    void list_members();

    // The client is a member of the channel's presence.
    struct Presence {
        EventStream& stream;
        std::unique_ptr<PresenceSeat> seat;
        bool listens = false;   // The stream is told of changes from now on.
        bool is_known = false;  // The members on all nodes are.
    };
    // What is needed until the stream listens, and afterwards if the client is a member.
    struct Extras {
        std::optional<hub::Position> since;
        size_t recovery_bytes_max;
        std::shared_ptr<Presence> presence;  // Late answers have weak pointers.
    };

    const uint32_t heartbeat_ms_;  // Lies in the padding at the end of events::Member.
    EventsWorker& host_;
    std::unique_ptr<Extras> extras_;
};
static_assert(sizeof(EventStream) <= 88, "part of the 200 bytes that an idle listener may cost");

[[nodiscard]] std::unique_ptr<Route> event_stream_route(Events& events);

}  // namespace starling::server
