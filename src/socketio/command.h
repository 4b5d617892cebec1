// socketio/command.h: the commands that one worker sends to all workers, and their reports. A
// cluster could carry the same values between processes. A Command is immutable once it is sent.
#pragma once

#include <starling/socketio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "socketio/codec/encoder.h"
#include "socketio/stream_place.h"
#include "socketio/target.h"

namespace starling::socketio {

class Server;
struct NamespaceSetup;

struct Command {
    enum class Kind : uint8_t {
        emit,         // Sends `packet` to `target`.
        ask,          // Like emit; each client answers with the ack `ack_id`.
        join,         // Adds the target's sockets to `rooms`.
        leave,        // Removes the target's sockets from `rooms`.
        disconnect,   // Disconnects the target's sockets; `close`: with their connections.
        fetch,        // Reports the target's sockets.
        server_event  // Calls the handlers of on_server_side() with `args`.
    };

    Kind kind = Kind::emit;
    // The namespace. Empty `nsp`: all children of a pattern.
    NamespaceSetup* setup = nullptr;
    std::string nsp = {};
    Target target = {};
    Encoded packet = {};
    uint64_t ack_id = 0;
    std::vector<std::string> rooms = {};
    bool close = false;
    bool moved = false;  // A disconnect: the client is elsewhere now, and keeps its session.
    // The first item is the event's name. An event without `packet` is encoded on each worker.
    boost::json::array args = {};
    uint64_t offset = 0;                    // Position in the recovery log.
    std::optional<StreamPlace> place = {};  // Of an entry in a stream of the cluster.
    // The core whose request waits for reports. Null: no request waits.
    Server* origin = nullptr;
    uint64_t request = 0;

    [[nodiscard]] size_t bytes() const noexcept;  // Memory held until the command is delivered.
};

// One worker's answers to a request, sent to the request's origin. `expected`: the number of
// answers still to come. A cluster reports as one more worker does; its count comes last.
struct Report {
    uint64_t request = 0;
    size_t expected = 0;
    bool first = false;        // This report holds the worker's count; one per worker.
    bool complete = true;      // False: some node of the cluster has not answered.
    size_t missing_nodes = 0;  // Of those, as many as are known.
    std::vector<Json> responses = {};
    std::vector<sio::RemoteSocket> sockets = {};
};

}  // namespace starling::socketio
