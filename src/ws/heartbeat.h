// ws/heartbeat.h: keepalive with ping and pong, RFC 6455 sections 5.5.2 and 5.5.3: decides when to
// ping and when the peer is dead, and measures the round-trip time. Times are arguments, in
// milliseconds of a steady clock; they may wrap around at 2^32.
//
// Owner: the connection. Thread: the connection's own.
#pragma once

#include <starling/heartbeat.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace starling::ws {

// The options of a route.
struct HeartbeatOptions {
    // Ping after this silence; 0: never.
    uint32_t interval_ms = static_cast<uint32_t>(default_ping_interval.count());
    // The peer is dead after this silence that follows a ping.
    uint32_t timeout_ms = static_cast<uint32_t>(default_ping_timeout.count());

    friend bool operator==(const HeartbeatOptions&, const HeartbeatOptions&) = default;
};

using PingPayload = std::array<std::byte, 8>;

class Heartbeat {
public:
    enum class Action : uint8_t { nothing, send_ping, dead };

    struct Step {
        Action action;
        uint32_t next_in_ms;  // Call on_timer() after this time; 0: never.
    };

    explicit Heartbeat(uint32_t now_ms) noexcept : heard_at_ms_(now_ms) {}

    // Any byte from the peer proves that the peer is alive: a busy connection is never pinged.
    void on_bytes(uint32_t now_ms) noexcept {
        heard_at_ms_ = now_ms;
        waiting_ = false;
    }

    // Nothing was read for a while: the peer's silence proves nothing, and no pong tells a round
    // trip.
    void restart(uint32_t now_ms) noexcept {
        on_bytes(now_ms);
        pong_due_ = false;
    }

    // Early, late and repeated calls do no harm. With `send_ping`, send ping_payload().
    [[nodiscard]] Step on_timer(const HeartbeatOptions& options, uint32_t now_ms) noexcept {
        if (options.interval_ms == 0) return {Action::nothing, 0};
        if (waiting_) {
            const uint32_t waited_ms = now_ms - pinged_at_ms_;
            if (waited_ms >= options.timeout_ms) return {Action::dead, 0};
            return {Action::nothing, soon(options, options.timeout_ms - waited_ms)};
        }
        const uint32_t silent_ms = now_ms - heard_at_ms_;
        if (silent_ms < options.interval_ms) {
            return {Action::nothing, options.interval_ms - silent_ms};
        }
        ping_sent(now_ms);
        return {Action::send_ping, soon(options, options.timeout_ms)};
    }

    // Call this also for a ping that another part sent, for example to measure the round-trip time.
    void ping_sent(uint32_t now_ms) noexcept {
        if (!waiting_) pinged_at_ms_ = now_ms;
        waiting_ = pong_due_ = true;
    }

    // The time of the ping, as eight bytes in big-endian order.
    [[nodiscard]] PingPayload ping_payload() const noexcept {
        PingPayload payload{};
        for (size_t i = 0; i < 4; ++i) {
            payload[4 + i] = static_cast<std::byte>(pinged_at_ms_ >> 8 * (3 - i));
        }
        return payload;
    }

    // The round-trip time in milliseconds. Null if the pong does not answer the last ping: 5.5.3
    // allows unsolicited pongs.
    [[nodiscard]] std::optional<uint32_t> on_pong(std::span<const std::byte> payload,
                                                  uint32_t now_ms) noexcept {
        const PingPayload expected = ping_payload();
        on_bytes(now_ms);
        if (!pong_due_ || payload.size() != expected.size()) return std::nullopt;
        for (size_t i = 0; i < expected.size(); ++i) {
            if (payload[i] != expected[i]) return std::nullopt;
        }
        pong_due_ = false;
        return now_ms - pinged_at_ms_;
    }

private:
    // An answer may come at any time; the next ping is then due an interval later.
    static uint32_t soon(const HeartbeatOptions& options, uint32_t in_ms) noexcept {
        return std::min(in_ms, options.interval_ms);
    }

    uint32_t heard_at_ms_;
    uint32_t pinged_at_ms_ = 0;
    bool waiting_ : 1 = false;   // No byte has arrived since the last ping.
    bool pong_due_ : 1 = false;  // The last ping was not answered.
};
static_assert(sizeof(Heartbeat) <= 12, "part of the 250 bytes that an idle connection may cost");

}  // namespace starling::ws
