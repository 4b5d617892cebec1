// tests/interop/socketio_events.h: the events of the Socket.IO test server, as described in
// socketio/server.mjs beside it.
//
// Ledger: past events, for the events that report them. Owner: main. Thread: any.
#pragma once

#include <starling/socketio.h>

#include <boost/json.hpp>

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace starling::interop {

class Ledger {
public:
    void add_namespace(std::string_view name);
    void add_room_event(std::string line);
    void add_gone(const std::string& nsp, sio::Json entry);

    [[nodiscard]] boost::json::array namespaces() const;
    [[nodiscard]] boost::json::array room_events() const;
    [[nodiscard]] boost::json::array gone(const std::string& nsp) const;

private:
    mutable std::mutex mutex_;
    boost::json::array namespaces_, room_events_;
    // Keyed by the namespace's name, since empty namespaces are removed with --cleanup.
    std::map<std::string, boost::json::array> gone_;
};

struct Context {
    sio::Server* io = nullptr;
    Ledger ledger = {};
};

// `context` must outlive the server.
void serve(sio::Namespace& nsp, Context& context);

}  // namespace starling::interop
