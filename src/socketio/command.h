// socketio/command.h: the commands that one worker sends to all workers, and their reports. A
// cluster could carry the same values between processes. Values; a Command is immutable once it is
// sent.
#pragma once

#include <starling/socketio.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "socketio/codec/encoder.h"
#include "socketio/target.h"

namespace starling::socketio {

class Server;
struct NamespaceSetup;

struct Command {
    enum class Kind : uint8_t {
        emit,         // Sends `packet` to `target`.
        ask,          // As emit; each client answers with the ack `ack_id`.
        join,         // `rooms`
        leave,        // `rooms`
        disconnect,   // `close`
        fetch,        // Reports the sockets.
        server_event  // `args`: for the handlers of on_server_side().
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
    boost::json::array args = {};  // Begins with the event's name.
    uint64_t offset = 0;           // In the recovery log.
    // The core whose request waits for reports. Null: no request waits.
    Server* origin = nullptr;
    uint64_t request = 0;

    [[nodiscard]] size_t bytes() const noexcept;  // Memory held until it is delivered.
};

// A worker's answers to a request, for the request's origin. `expected`: how many more answers will
// come.
struct Report {
    uint64_t request = 0;
    size_t expected = 0;
    bool first = false;  // The worker's count; one per worker.
    std::vector<Json> responses = {};
    std::vector<sio::RemoteSocket> sockets = {};
};

}  // namespace starling::socketio
