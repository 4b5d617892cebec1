// load/plan.h: what a load test does. A plan is made once and does not change while it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace starling::load {

enum class Scenario : uint8_t {
    echo,          // WebSocket: each message comes back.
    fanout,        // WebSocket: one publisher, all connections receive.
    connect,       // WebSocket: connections open and close, `connections` of them at a time.
    idle,          // WebSocket: connections open and stay.
    events,        // Server-Sent Events: all connections listen.
    socketio_ack,  // Socket.IO: an event with an ack.
    // The same as without Socket.IO, after CONNECT to the namespace /.
    socketio_fanout,
    socketio_connect,
    socketio_idle,
    socketio_polling,  // Socket.IO over HTTP long-polling: an event with an ack.
};
inline constexpr Scenario scenarios[] = {
    Scenario::echo,
    Scenario::fanout,
    Scenario::connect,
    Scenario::idle,
    Scenario::events,
    Scenario::socketio_ack,
    Scenario::socketio_fanout,
    Scenario::socketio_connect,
    Scenario::socketio_idle,
    Scenario::socketio_polling,
};
[[nodiscard]] constexpr const char* name_of(Scenario scenario) noexcept {
    constexpr const char* names[] = {
        "echo",         "fanout",          "connect",          "idle",          "events",
        "socketio-ack", "socketio-fanout", "socketio-connect", "socketio-idle", "socketio-polling"};
    return names[static_cast<size_t>(scenario)];
}

[[nodiscard]] constexpr bool is_socketio(Scenario scenario) noexcept {
    return scenario >= Scenario::socketio_ack;
}
// One connection publishes, and the others receive.
[[nodiscard]] constexpr bool is_fanout(Scenario scenario) noexcept {
    return scenario == Scenario::fanout || scenario == Scenario::socketio_fanout;
}
// Connections open and end, `connections` of them at a time.
[[nodiscard]] constexpr bool is_storm(Scenario scenario) noexcept {
    return scenario == Scenario::connect || scenario == Scenario::socketio_connect;
}
[[nodiscard]] constexpr bool is_idle(Scenario scenario) noexcept {
    return scenario == Scenario::idle || scenario == Scenario::socketio_idle;
}

struct Plan {
    Scenario scenario = Scenario::echo;
    std::string url;  // ws, wss, http, https or ws+unix; see ws/client_url.h.
    // fanout, socketio-fanout, events: where the publisher sends. "": `url`; events: nobody does.
    std::string publish_url;

    uint32_t connections = 50;
    uint32_t threads = 1;  // Each has its share of the connections.
    uint32_t depth =
        1;              // Closed model: messages in flight on each connection. fanout: 0: no limit.
    uint32_t rate = 0;  // Open model: messages in a second of all connections; 0: closed model.
    size_t payload_bytes = 64;
    std::string before, after;  // echo, fanout, events: text around the payload in a message.
    bool binary = false;
    bool compress = false;  // WebSocket: offer permessage-deflate.
    double seconds = 10, warmup_seconds = 1, ramp_up_seconds = 0;
    // For opening a connection, and for the last answers after the end.
    double timeout_seconds = 10;

    bool verify = true;
    std::string ca_path;
    std::optional<std::string> proxy;  // Its URL; "": none. nullopt: that of the environment.
    std::string origin;
    std::vector<std::string> protocols, headers;  // "Name: value".
    // Numeric addresses that connections come from, in turn. Empty: the system's choice; for a
    // server in 127.0.0.0/8, 64 addresses of that network.
    std::vector<std::string> sources;
    std::vector<int> server_pids;  // Processes of the server on this machine: their CPU time.

    std::string event;  // Socket.IO: its name.

    // Of the repository's own benchmarks; see bench/load.cpp.
    bool raw = false;          // echo: no handshake, for a server that returns what it gets.
    bool naps = false;         // echo: sleeps in place of waiting in epoll.
    bool refill_each = false;  // Closed model: one message for each that returns.
    bool reset = false;        // connect: ends with RST in place of FIN.
    std::function<std::string(uint32_t connection)>
        connection_headers;  // Lines with CRLF, or null.
};

[[nodiscard]] inline bool publishes(const Plan& plan) noexcept {
    return is_fanout(plan.scenario) || !plan.publish_url.empty();
}

// The message that each connection sends.
[[nodiscard]] inline std::string message_of(const Plan& plan) {
    return plan.before + std::string(plan.payload_bytes, 'x') + plan.after;
}

}  // namespace starling::load
