// server/counters.h: the counters of one worker.
//
// Thread: the worker writes, any thread reads. There is one writer, so an increment is a load and a
//         store, not a locked instruction.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace starling::server {

class Counter {
public:
    void add(uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(uint64_t n = 1) noexcept { add(~n + 1); }
    [[nodiscard]] uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<uint64_t> value_{0};
};

// Why a request to switch to WebSocket was refused.
enum class UpgradeRefusal : uint8_t {
    protocol,   // 400, 405, 426: the request breaks RFC 6455.
    origin,     // A page of another site.
    login,      // 401.
    forbidden,  // 403.
    busy,       // 503.
    other,
};
constexpr size_t upgrade_refusals = 6;

// The place of a close code in Counters::closes: 1000 to 1015, then 3000 to 3999, 4000 to 4999, and
// all others.
constexpr size_t close_places = 19;
[[nodiscard]] constexpr size_t close_place(uint16_t code) noexcept {
    if (code >= 1000 && code <= 1015) return code - 1000u;
    if (code >= 3000 && code <= 3999) return 16;
    return code >= 4000 && code <= 4999 ? 17 : 18;
}

struct Counters {
    Counter connections_open, connections_accepted, connections_refused, connections_stalled;
    Counter connections_given;  // Accepted for another worker.
    Counter proxy_headers_refused, client_addresses_malformed;
    Counter limited_connections, limited_connections_open, limited_messages, limited_joins;
    Counter limited_channel_publishes, limited_key_publishes;
    Counter requests;
    Counter websockets_open, websockets_opened;
    Counter messages_received, messages_sent, messages_dropped;
    Counter handler_exceptions, protocol_errors;
    Counter event_streams_open, event_streams_opened;  // Server-Sent Events.
    std::array<Counter, close_places> closes;          // Of WebSockets, by close_place().
    std::array<Counter, upgrade_refusals> upgrades_refused;
    [[nodiscard]] Counter& refused(UpgradeRefusal why) noexcept {
        return upgrades_refused[static_cast<size_t>(why)];
    }
};

}  // namespace starling::server
