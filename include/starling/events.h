// <starling/events.h>: server events: channels that push short notices to their listeners.
//
//     auto& channels = server.events({.auth = {...}});
//     channels.declare({.pattern = "ArticleMessage{id:number}"});
//     channels.declare({.pattern = "SystemMessage{email}", .access = events::Access::owner});
//     channels.publish("ArticleMessage256", "GotNew");
//
// Clients listen at /ws/ServerEvent?Ref=ArticleMessage256 and get the text "WS Server
// Event:GotNew". Clients without WebSocket listen at /sse/ServerEvent?Ref=... The server answers
// the texts that clients send to /ws/ClientEvent. See docs/events.md.
#pragma once

#include <starling/auth.h>
#include <starling/http.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
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

struct Channel {
    // "ApiIndex", "ArticleMessage{id:number}", "SystemMessage{email}". A parameter is not empty and
    // ends where the text after it begins; {id:number} takes digits, without a leading zero.
    std::string pattern;
    Access access = Access::anyone;
    // Shortest time between two pushes to one client, at most a day; 0: no limit.
    std::chrono::milliseconds interval{250};
    Excess excess = Excess::drop;
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
    // Pages for a GET of /ws/ClientEvent and /ws/ServerEvent without an upgrade. Empty: a small
    // page to try the endpoint.
    http::Handler client_page = {}, server_page = {};
};

struct Published {
    size_t delivered = 0;  // Connections that got the event, or will at the interval's end.
    size_t limited = 0;    // Connections that lost the event to the interval.
};

// Owner: the Server. Thread: declare and on_client_event before the server starts; publish from
// any.
class Channels {
public:
    virtual ~Channels() = default;
    // The first declared pattern that matches a name decides. Throws std::invalid_argument for a
    // bad pattern or option.
    virtual void declare(Channel channel) = 0;
    // Answers a text of /ws/ClientEvent. The default: "WS echo from server:" and the input.
    virtual void on_client_event(std::function<std::string(std::string_view input)> answer) = 0;
    // False: no declared channel matches the name. Throws std::invalid_argument if `event` is not
    // UTF-8. `done` is called once, on any thread, with the sum over all workers. A server that
    // stops meanwhile may never call `done`.
    virtual bool publish(std::string_view channel, std::string_view event,
                         PlainCallback<void(Published)> done = {}) = 0;
    // The key that POST /api/publish requires: Options::api_key, or a random key that is made anew
    // at each start of the program. Show the key only to an operator.
    [[nodiscard]] virtual const std::string& api_key() const noexcept = 0;
};

}  // namespace starling::events
