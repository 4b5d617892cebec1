// server/admin/connections.h: finds connections on all workers, and does something to one of them.
//
// Thread: that of the admin listener; the workers run posted calls, each of which looks at few
// connections, so that a search among many stops no worker for long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peer/address_set.h"
#include "server/admin/connection_id.h"
#include "server/connection_facts.h"

namespace starling::server {

class Admin;
class WsConnection;
class Worker;

struct FoundConnection {
    ConnectionId id;
    ConnectionFacts facts;
};

// Empty members match every connection.
struct ConnectionQuery {
    static constexpr size_t limit_max = 1000;

    std::string kind, user, room, path;  // `path`: its beginning.
    std::optional<peer::AddressSet> addresses = {};
    size_t limit = 100;
    // The first place to look at.
    uint32_t worker = 0, slot = 0;

    [[nodiscard]] bool matches(const ConnectionFacts& facts) const;
};

struct ConnectionPage {
    std::vector<FoundConnection> connections;
    std::string next;      // The cursor of the next page; "": this is the last one.
    bool complete = true;  // False: a worker did not answer.
};

// "WORKER:SLOT"; false: it is no cursor.
[[nodiscard]] bool read_cursor(std::string_view text, ConnectionQuery& query);

void find_connections(Admin& admin, ConnectionQuery query,
                      std::function<void(ConnectionPage)> done);
// `done` gets null if the connection is gone, or its worker does not answer.
void describe_connection(Admin& admin, ConnectionId id,
                         std::function<void(std::shared_ptr<FoundConnection>)> done);

// What an operator does to a connection. The text says what went wrong; "": done.
using Outcome = std::function<void(std::string problem)>;
void disconnect(Admin& admin, ConnectionId id, uint16_t code, std::string reason, Outcome done);
void send_text(Admin& admin, ConnectionId id, std::string text, Outcome done);
// Calls `call` with the WebSocket on its worker; `done` on the thread of the admin listener.
void on_websocket(Admin& admin, ConnectionId id, std::function<std::string(WsConnection&)> call,
                  Outcome done);

}  // namespace starling::server
