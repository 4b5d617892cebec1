// <starling/events.h>: server events: channels that push short notices to their listeners.
//
//     auto& channels = server.events({.auth = {...}});
//     channels.declare({.pattern = "ArticleMessage{id:number}"});
//     channels.declare({.pattern = "SystemMessage{email}", .access = events::Access::owner});
//     channels.publish("ArticleMessage256", "GotNew");
//
// Clients listen at /ws/ServerEvent?Ref=ArticleMessage256 and get the text "WS Server
// Event:GotNew". Clients without WebSocket listen at /sse/ServerEvent?Ref=... A client of
// /ws/channels subscribes to many channels on one WebSocket, with the subprotocol starling.v1. The
// server answers the texts that clients send to /ws/ClientEvent. See docs/events.md.
//
// A channel may have a history, so that a client that comes back gets what it missed, and presence,
// which says who is there: see docs/history.md.
#pragma once

#include <starling/auth.h>
#include <starling/http.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace starling::events {

enum class Access : uint8_t {
    anyone,
    user,   // Any logged-in user.
    owner,  // The user named by the channel's first parameter.
};

enum class Excess : uint8_t {
    drop,    // Events inside the interval after a push are lost.
    latest,  // The last such event is pushed at the interval's end.
};

// The events of a channel that are kept: at most `messages`, none older than `age`. All channels
// together keep at most Options::history_bytes_max.
struct History {
    size_t messages = 0;  // 0: no history; at most 100,000.
    std::chrono::milliseconds age{60'000};
};

enum class Presence : uint8_t {
    none,
    connections,  // Each connection is a member.
    users,        // All connections of a user are one member.
};

// The clients of /ws/channels that may publish. They must be allowed to listen as well.
enum class Publishers : uint8_t {
    nobody,
    anyone,
    user,   // Any logged-in user.
    owner,  // The user named by the channel's first parameter.
};

struct Channel {
    // "ApiIndex", "ArticleMessage{id:number}", "SystemMessage{email}". A parameter is not empty and
    // ends where the text after it begins; {id:number} takes digits, without a leading zero.
    std::string pattern;
    Access access = Access::anyone;
    // Shortest time between two pushes to one client, at most a day; 0: no limit. A channel with a
    // history has no such limit, since every event must arrive.
    std::chrono::milliseconds interval{250};
    Excess excess = Excess::drop;
    History history = {};
    Presence presence = Presence::none;
    Publishers publishers = Publishers::nobody;
};

struct Options {
    auth::Options auth = {};
    // POST /api/publish always requires this key, even from a loopback address, because behind a
    // proxy every client has a loopback address. "": the server makes a random key, see
    // Channels::api_key().
    std::string api_key = {};
    size_t event_bytes_max = 64 * 1024;           // POST /api/publish: a larger event gets 413.
    size_t batch_events_max = 1024;               // POST /api/publish: more events get 400.
    std::chrono::milliseconds heartbeat{25'000};  // Between comments on /sse/; 0: none.
    // Origins of other sites whose pages may listen, in the format of ws::Route::origins: by
    // WebSocket, and by EventSource or fetch, whose answers carry CORS fields for these pages.
    // Cookies count, except for a page that only "*" or "null" allows.
    std::vector<std::string> origins = {};
    // GET `api` answers with the index, POST `api`/publish publishes; "": neither is served.
    std::string api = "/api";
    uint64_t history_bytes_max = 64 * 1024 * 1024;  // Of all channels. The oldest events go first.
    // A client that missed more than this begins without what it missed, and is told so.
    size_t recovery_bytes_max = 1024 * 1024;
    size_t presence_members_max = 1000;              // Of a channel; further ones are refused.
    uint64_t presence_bytes_max = 16 * 1024 * 1024;  // Of all channels.
    size_t presence_info_bytes_max = 1024;           // What a member says about itself, JSON.
    size_t subscriptions_max = 100;                  // Channels of one client of /ws/channels.
    // Pages for a GET of /ws/ClientEvent and /ws/ServerEvent without an upgrade. Empty: a small
    // page to try the endpoint.
    http::Handler client_page = {}, server_page = {};
};

struct Published {
    size_t delivered = 0;     // Connections that got the event, or will at the interval's end.
    size_t limited = 0;       // Connections that lost the event to the interval.
    std::string offset = {};  // The event's place in the history; "": the channel has none.
    // The history is away, and nobody gets the event. See docs/history.md, "In a cluster".
    bool refused = false;
};

// An event with its place in the history. Offsets are opaque: keep the newest one, and give it back.
struct Event {
    std::string offset;  // "": the channel has no history.
    std::string text;
};

struct HistoryQuery {
    std::string since = {};  // An offset; "": the newest events.
    size_t limit = 100;
};
struct HistoryPage {
    std::vector<Event> events;  // Oldest first.
    std::string offset;         // Of the channel's newest event.
    // False: events after `since` are lost, because they were too many or too old, or because the
    // history was lost. `events` has those that are left.
    bool recovered = true;
    bool more = false;    // The limit left newer events out.
    bool failed = false;  // The history is away: nothing else is set.
};

struct PresenceMember {
    std::string client;  // Id of the connection. Presence::users: of the user's first connection.
    std::string user;    // "": no login.
    std::string info;    // JSON that the client gave; "": none.
};
struct PresenceList {
    std::vector<PresenceMember> members;  // In the order in which they joined.
    size_t connections = 0;
    size_t missing = 0;  // Nodes of the cluster that may have members and did not answer.
};

// A client of /ws/channels wants to listen or to publish. Valid for the call.
struct ClientRequest {
    std::string_view channel;
    std::string_view client;  // Id of the connection.
    std::string_view user;    // "": no login.
    std::string_view text;    // The event to be published; "": none.
};

// What a client wants of a channel, and whether it may have it.
enum class Use : uint8_t { listen, publish };
enum class Permission : uint8_t {
    allowed,
    no_channel,     // No declared channel matches the name.
    needs_login,    // Publishing or listening is for users.
    forbidden,      // It is for other users.
    no_publishers,  // Clients do not publish to this channel.
    refused,        // By the handler of on_subscribe() or on_publish().
    too_many,       // Over Limits::channel_publishes.
};

// How Channels::listen() begins, and what happened to it.
struct Listening {
    std::string since = {};  // An offset: begins with what was published after it. "": from now on.
    // Called once, before the first event: false if events after `since` are lost.
    std::function<void(bool recovered)> begun = {};
    // Events were lost because this process has not read them in time.
    std::function<void()> lost = {};
};

// A listener within the program. Its end is the end of listening.
class Listener {
public:
    virtual ~Listener() = default;
};

// Owner: the Server. Thread: declare and the on_... functions before the server starts; the others
// on any.
class Channels {
public:
    virtual ~Channels() = default;
    // The first declared pattern that matches a name decides. Throws std::invalid_argument for a
    // bad pattern or option.
    virtual void declare(Channel channel) = 0;
    // Answers a text of /ws/ClientEvent. The default: "WS echo from server:" and the input.
    virtual void on_client_event(std::function<std::string(std::string_view input)> answer) = 0;
    // False: no declared channel matches the name. Throws std::invalid_argument if `event` is not
    // UTF-8. `done` is called once, on any thread, with the sum over all workers of this process. A
    // server that stops meanwhile may never call `done`.
    virtual bool publish(std::string_view channel, std::string_view event,
                         PlainCallback<void(Published)> done = {}) = 0;
    // Reads the history of a channel. False: no declared channel with a history matches the name.
    // `done` is called once, on this thread or on a worker's.
    virtual bool history(std::string_view channel, HistoryQuery query,
                         PlainCallback<void(HistoryPage)> done) = 0;
    // The members of a channel, at most `limit` of them. Any thread. Empty for a channel without
    // presence; in a cluster also for a channel that has no member on this node.
    [[nodiscard]] virtual PresenceList presence(std::string_view channel,
                                                size_t limit = 1000) const = 0;
    // The same; in a cluster the other nodes are asked. `done` is called once, at once or on a worker's
    // thread.
    virtual void presence(std::string_view channel, size_t limit,
                          PlainCallback<void(PresenceList)> done) = 0;
    // Calls `handler` for each event of the channel, on the worker's thread that calls listen(); on
    // the first worker if the caller is another thread. Events come once, in the order of their
    // offsets. Null: no declared channel matches the name. Throws std::logic_error before start().
    // Events that come while the Listener is being destroyed on another thread may still be
    // handled. The interval of the channel applies.
    [[nodiscard]] virtual std::unique_ptr<Listener> listen(
        std::string_view channel, std::function<void(const Event&)> handler,
        Listening options = {}) = 0;
    // Asked before the server listens or publishes for a client of /ws/channels, or makes a client
    // of /sse/ServerEvent a member, whom the declaration of the channel allows it; false refuses.
    // They run on the client's worker. Set them before start(), like on_join and on_leave.
    virtual void on_subscribe(PlainCallback<bool(const ClientRequest&)> allows) = 0;
    virtual void on_publish(PlainCallback<bool(const ClientRequest&)> allows) = 0;
    // What the declaration of the channel, the handlers above and the limits say about a client of
    // the application's own protocol, as about one of /ws/channels. Use::publish counts as one
    // publication. On a worker's thread.
    [[nodiscard]] virtual Permission permission(Use use, const ClientRequest& request) const = 0;
    // A member came or went. Called on the worker of the member's connection. If a node of the cluster
    // dies, one of the nodes that have members of the channel is told that the dead node's are gone.
    using MemberHandler = PlainCallback<void(std::string_view channel, const PresenceMember&)>;
    virtual void on_join(MemberHandler handler) = 0;
    virtual void on_leave(MemberHandler handler) = 0;
    // While the server runs, any thread: takes over the declarations, and `auth`, `api_key` and
    // `origins` of the options. Rooms that have listeners keep their declaration. Throws
    // std::invalid_argument for what is wrong, and for what a running server cannot take over: a
    // first channel with a history, a first or no origin, a first or no key. Then nothing changes.
    virtual void change(Options options, std::vector<Channel> channels) = 0;
    // The key that POST /api/publish requires: Options::api_key, or a random key that is made anew
    // at each start of the program. Show the key only to an operator.
    [[nodiscard]] virtual const std::string& api_key() const noexcept = 0;
};

}  // namespace starling::events
