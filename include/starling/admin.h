// <starling/admin.h>: what operators see and do: metrics for Prometheus, a JSON API and a page, on
// a listener of their own.
//
//     admin::serve(server, {.listen = "127.0.0.1:8081"});     // curl http://127.0.0.1:8081/metrics
//
// The listener has a thread of its own, so it answers while a worker is stuck. It collects the
// figures of the workers by calls that it posts to them, once a second. See docs/metrics.md and
// docs/admin.md.
#pragma once

#include <starling/server.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::admin {

struct Options {
    // Server::start() throws std::runtime_error if an address cannot be bound.
    ListenList listen = "127.0.0.1:8081";
    // As ServerOptions::inherited.
    std::vector<int> inherited = {};
    // False: if an address is taken, the server logs a line and runs without the admin listener.
    bool required = true;
    bool inherited_files_stay = false;  // As ServerOptions::inherited_files_stay.
    // Every request must bring it: as X-Api-Key, as the token of Authorization: Bearer, or as the
    // password of Basic, which browsers ask for. "": serve() makes one, see Admin::key(). GET
    // /metrics then needs none, unless a proxy's field tells of another peer; serve() accepts that
    // only if all addresses are loopback or Unix-domain sockets.
    std::string key = {};
    // Names in the Host field that are accepted beside IP addresses and "localhost", such as
    // "admin.example.com". They keep pages of other sites out (DNS rebinding).
    std::vector<std::string> hosts = {};
    // The follower of a connection sees the payloads of its messages, not only their sizes.
    bool payloads = false;
    std::string pages = {};            // Folder of the page, served at /admin/; "": no page.
    std::string configuration = "{}";  // JSON that /admin/api/config shows; without secrets.
    // Publishes an event to a channel, for the page and the API; on the listener's thread. False:
    // the channel or the event is refused. Empty: they publish to topics only.
    std::function<bool(std::string_view channel, std::string_view event)> publish_event = {};
};

// Owner: the Server. Thread: any.
class Admin {
public:
    virtual ~Admin() = default;
    // With their actual ports. Valid after Server::start().
    [[nodiscard]] virtual std::vector<std::string> addresses() const = 0;
    // That of Options, or the one that serve() made.
    [[nodiscard]] virtual const std::string& key() const noexcept = 0;
    // Another key, while the server runs. Any thread. Throws std::invalid_argument for an empty key.
    virtual void change_key(const std::string& key) = 0;
};

// Before the server starts. The server owns the result. Throws std::invalid_argument for wrong
// options, and std::logic_error when called again.
Admin& serve(Server& server, Options options = {});

}  // namespace starling::admin
