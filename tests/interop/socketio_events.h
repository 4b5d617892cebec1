// tests/interop/socketio_events.h: the events that the test server of Socket.IO serves, as
// socketio/server.mjs beside it describes them.
//
// Ledger: what the events report of the past. Owner: main. Thread: any.
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
    // By the namespace's name, which outlives it where empty ones are cleaned up.
    std::map<std::string, boost::json::array> gone_;
};

struct Context {
    sio::Server* io = nullptr;
    Ledger ledger = {};
};

// `context` outlives the server.
void serve(sio::Namespace& nsp, Context& context);

}  // namespace starling::interop
