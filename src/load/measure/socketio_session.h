// load/measure/socketio_session.h: a client of Socket.IO from its first packet on: the open packet of
// Engine.IO 4, CONNECT to the namespace /, heartbeats, and then the events and acks of a scenario.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <cstdint>
#include <string_view>

#include "load/measure/faults.h"

namespace starling::load {

class SocketIoSession {
public:
    enum class Told : uint8_t {
        nothing,
        reply,    // Send the packet `text`.
        joined,   // The server has answered CONNECT.
        refused,  // The packet is CONNECT_ERROR; packet::refusal_text() says why.
        event,    // For the scenario.
        ack,
        fault,  // `fault`, with the words `text`.
    };
    struct Taken {
        Told told = Told::nothing;
        std::string_view text = {};
        Fault::Kind fault = Fault::Kind::bad_answer;
    };
    // One text packet of the server.
    [[nodiscard]] Taken take(std::string_view packet) noexcept;

    [[nodiscard]] bool joined() const noexcept { return step_ == Step::joined; }
    // The open packet has arrived.
    [[nodiscard]] bool opened() const noexcept { return step_ != Step::opening; }

private:
    enum class Step : uint8_t { opening, joining, joined };

    Step step_ = Step::opening;
};

}  // namespace starling::load
