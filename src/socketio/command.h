// socketio/command.h: what one worker asks of all, and what they answer: the seam at which a cluster can
// carry it further. Values; a Command is immutable once it is sent.
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
        emit,         // `packet` to all of `target`.
        ask,          // The same; each is to answer by the ack `ack_id`.
        join,         // `rooms`
        leave,        // `rooms`
        disconnect,   // `close`
        fetch,        // Who they are.
        server_event  // `args`: for the handlers of on_server_side().
    };

    Kind kind = Kind::emit;
    // The namespace; all children of a pattern where `nsp` is empty.
    NamespaceSetup* setup = nullptr;
    std::string nsp = {};
    Target target = {};
    Encoded packet = {};
    uint64_t ack_id = 0;
    std::vector<std::string> rooms = {};
    bool close = false;
    boost::json::array args = {};  // With the name in front.
    uint64_t offset = 0;           // In the log of the recovery.
    // Who waits for answers: a request of that core, null for nobody.
    Server* origin = nullptr;
    uint64_t request = 0;

    [[nodiscard]] size_t bytes() const noexcept;  // To be held while it is on its way.
};

// Answers to a request, at its origin. `expected`: so many more will come from that worker.
struct Report {
    uint64_t request = 0;
    size_t expected = 0;
    bool first = false;  // The worker has counted: one of these from each.
    std::vector<Json> responses = {};
    std::vector<sio::RemoteSocket> sockets = {};
};

}  // namespace starling::socketio
