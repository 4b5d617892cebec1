// load/measure/polling_session.h: Socket.IO over HTTP long-polling, as one connection carries it: the
// handshake, CONNECT, and then a POST with an event and the GET that returns its ack, again and again.
// Says which request is next; the answer of the server decides.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "load/measure/faults.h"
#include "load/measure/responses.h"
#include "load/measure/socketio_session.h"
#include "load/measure/upgrade.h"

namespace starling::load {

// What all connections of a test have in common.
struct PollingText {
    // `upgrade.target` is that of the handshake.
    PollingText(Upgrade upgrade, std::string_view event, std::string_view text);

    const Upgrade upgrade;
    const std::string handshake;   // A whole request.
    const std::string event, ack;  // Packets.
};

class PollingSession {
public:
    enum class Told : uint8_t {
        request,  // request() is to be sent.
        joined,   // The server has answered CONNECT; next() begins with an event.
        acked,    // The ack of the event has come; next() begins with the next event.
        fault,
    };

    // The session ends with the connection. The text outlives it.
    void begin(const PollingText& text);
    // The answer to the last request.
    [[nodiscard]] Told take(const Response& response);
    // After joined or acked: the POST of an event.
    void next();
    [[nodiscard]] std::string_view request() const noexcept { return *request_; }
    [[nodiscard]] const Fault& fault() const noexcept { return fault_; }

private:
    enum class Step : uint8_t { opening, posting, getting };

    Told fail(Fault::Kind kind, uint16_t code, std::string text);
    Told opened(std::string_view body);
    Told got(std::string_view body);

    const PollingText* text_ = nullptr;
    SocketIoSession session_;
    Step step_ = Step::opening;
    bool owes_pong_ = false;
    const std::string* request_ = nullptr;
    std::string get_, post_, connect_, pong_and_post_;
    Fault fault_;
};

}  // namespace starling::load
