// bench/options.h: the command line of the load generator: a mode, then `--name value` pairs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace starling::load {}
namespace starling::bench {

using namespace load;  // The benchmarks are programs on top of src/load.

[[noreturn]] inline void fail(const std::string& why) {
    std::fprintf(stderr, "load: %s\n", why.c_str());
    std::exit(1);
}

// A message that is JSON begins and ends so.
inline constexpr std::string_view json_begin = R"({"text":")", json_end = R"("})";

struct Options {
    std::string mode;              // echo, raw, handshake, idle, socketio-idle, control-...
    uint16_t port = 0;             // The server's port, on 127.0.0.1.
    std::vector<int> server_pids;  // Whose CPU time and memory are read.
    uint32_t connections = 50;     // handshake: how many at once.
    uint32_t in_flight = 1;        // echo, raw: messages on the way per connection; control-send,
                                   // control-users: requests on the way.
    uint32_t payload_bytes = 64;
    uint32_t rate = 2000;     // control-list: pings in a second.
    uint32_t pinging = 1000;  // control-list: connections that send the pings.
    uint32_t list_rate = 10;  // control-list: lists that are asked for in a second.
    double seconds = 2;       // Measured.
    double warmup_seconds = 0.5;
    bool binary = false;           // Opcode of the messages.
    bool json = false;             // echo, idle: the message is a JSON object.
    bool naps = false;             // echo: sleeps instead of waiting in epoll.
    bool named = false;            // Each connection has a user and a token of its own.
    uint32_t warm = 16;            // idle: connections that are not counted.
    bool refill_each = false;      // echo, raw: send one message for each that returns; otherwise
                                   // all that are in flight go together when all have returned.
    bool reset = false;            // handshake: end with RST instead of FIN.
    std::string path = "/";        // Path of the upgrade request.
    std::string heap_path;         // idle: GET this before and after for the allocator's view.
    std::string subprotocol;       // Offered when not empty.
    uint32_t connect_batch = 500;  // idle: connections opened before their answers are read.
    uint32_t sources = 64;         // Addresses 127.0.0.x that connections come from, so that
                                   // the ports of one cannot run out.
    double drain_seconds_max = 3;  // control-...: how long late deliveries are waited for.
};

namespace detail {

inline double number(std::string_view name, const char* text, double min, double max) {
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    if (end == text || *end || !(value >= min && value <= max))
        fail("--" + std::string(name) + ": not a number in range: " + text);
    return value;
}

inline uint32_t count(std::string_view name, const char* text) {
    return static_cast<uint32_t>(number(name, text, 1, 1 << 28));
}

// "12" or "12,13,14".
inline std::vector<int> pids(const char* text) {
    std::vector<int> found;
    for (std::string_view left = text; !left.empty();) {
        const size_t end = std::min(left.find(','), left.size());
        found.push_back(
            static_cast<int>(count("server-pid", std::string(left.substr(0, end)).c_str())));
        left.remove_prefix(std::min(end + 1, left.size()));
    }
    return found;
}

// The rarer options, most of them of the loads on gateways; false: it is none of these.
inline bool set_gateway_option(Options& o, std::string_view name, const char* value) {
    if (name == "pinging")
        o.pinging = count(name, value);
    else if (name == "list-rate")
        o.list_rate = count(name, value);
    else if (name == "naps")
        o.naps = std::string_view(value) == "yes";
    else if (name == "named")
        o.named = std::string_view(value) == "yes";
    else if (name == "warm")
        o.warm = count(name, value);
    else if (name == "refill")
        o.refill_each = std::string_view(value) == "each";
    else
        return false;
    return true;
}

}  // namespace detail

inline Options parse_options(int argc, char** argv) {
    if (argc < 2 || argc % 2)
        fail("usage: load echo|raw|handshake|idle|socketio-idle|control-... --port N [--x V]...");
    Options o;
    o.mode = argv[1];
    for (int i = 2; i < argc; i += 2) {
        std::string_view name = argv[i];
        const char* value = argv[i + 1];
        if (!name.starts_with("--")) fail("not an option: " + std::string(name));
        name.remove_prefix(2);
        if (name == "port")
            o.port = static_cast<uint16_t>(detail::number(name, value, 1, 65535));
        else if (name == "server-pid")
            o.server_pids = detail::pids(value);
        else if (name == "connections")
            o.connections = detail::count(name, value);
        else if (name == "in-flight")
            o.in_flight = detail::count(name, value);
        else if (name == "payload")
            o.payload_bytes = detail::count(name, value);
        else if (name == "rate")
            o.rate = detail::count(name, value);
        else if (name == "seconds")
            o.seconds = detail::number(name, value, 0.01, 3600);
        else if (name == "warmup")
            o.warmup_seconds = detail::number(name, value, 0, 3600);
        else if (name == "kind")
            o.binary = std::string_view(value) == "binary",
            o.json = std::string_view(value) == "json";
        else if (name == "close")
            o.reset = std::string_view(value) == "reset";
        else if (name == "path")
            o.path = value;
        else if (name == "heap-path")
            o.heap_path = value;
        else if (name == "subprotocol")
            o.subprotocol = value;
        else if (name == "batch")
            o.connect_batch = detail::count(name, value);
        else if (name == "sources")
            o.sources = detail::count(name, value);
        else if (name == "drain")
            o.drain_seconds_max = detail::number(name, value, 0, 3600);
        else if (!detail::set_gateway_option(o, name, value))
            fail("unknown option: --" + std::string(name));
    }
    if (!o.port) fail("--port is missing");
    if (o.json && o.payload_bytes < json_begin.size() + json_end.size())
        fail("--payload: no room for JSON");
    if (o.sources > 250) fail("--sources: at most 250");
    return o;
}

// The message that each connection sends.
inline std::string message_text(const Options& options) {
    if (!options.json) return std::string(options.payload_bytes, 'x');
    std::string text(json_begin);
    text.append(options.payload_bytes - json_begin.size() - json_end.size(), 'x');
    return text.append(json_end);
}

}  // namespace starling::bench
