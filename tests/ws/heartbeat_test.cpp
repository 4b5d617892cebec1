#include "ws/heartbeat.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::ws::test {
namespace {

std::string step_text(Heartbeat& heartbeat, const HeartbeatOptions& options, uint32_t now_ms) {
    const Heartbeat::Step step = heartbeat.on_timer(options, now_ms);
    const char* names[] = {"nothing", "ping", "dead"};
    return std::string(names[static_cast<int>(step.action)]) + " " +
           std::to_string(step.next_in_ms);
}

constexpr HeartbeatOptions options{};

TEST(WsHeartbeat, a_silent_peer_is_pinged_and_then_dead) {
    for (const uint32_t start :
         {0u, 1000u, 0xffffffffu - 30'000u, 0xffffffffu - 10u}) {  // Wraps around.
        Heartbeat heartbeat(start);
        EXPECT_EQ(step_text(heartbeat, options, start), "nothing 25000");
        EXPECT_EQ(step_text(heartbeat, options, start + 24'999), "nothing 1");
        EXPECT_EQ(step_text(heartbeat, options, start + 25'000), "ping 20000");
        EXPECT_EQ(step_text(heartbeat, options, start + 25'000), "nothing 20000");
        EXPECT_EQ(step_text(heartbeat, options, start + 44'999), "nothing 1");
        EXPECT_EQ(step_text(heartbeat, options, start + 45'000), "dead 0");
    }
}

TEST(WsHeartbeat, bytes_put_the_ping_off) {
    Heartbeat heartbeat(0);
    heartbeat.on_bytes(20'000);
    EXPECT_EQ(step_text(heartbeat, options, 25'000), "nothing 20000");
    EXPECT_EQ(step_text(heartbeat, options, 45'000), "ping 20000");
    heartbeat.on_bytes(46'000);  // Any bytes count, not only a pong.
    EXPECT_EQ(step_text(heartbeat, options, 65'000), "nothing 6000");
    EXPECT_EQ(step_text(heartbeat, options, 71'000), "ping 20000");
}

TEST(WsHeartbeat, a_long_timeout_does_not_delay_the_next_ping) {
    constexpr HeartbeatOptions patient{.interval_ms = 10'000, .timeout_ms = 60'000};
    Heartbeat heartbeat(0);
    EXPECT_EQ(step_text(heartbeat, patient, 10'000), "ping 10000");
    EXPECT_TRUE(heartbeat.on_pong(heartbeat.ping_payload(), 10'100));
    EXPECT_EQ(step_text(heartbeat, patient, 20'000), "nothing 100");
    EXPECT_EQ(step_text(heartbeat, patient, 20'100), "ping 10000");
    EXPECT_EQ(step_text(heartbeat, patient, 30'100), "nothing 10000");  // The pong may still come.
    EXPECT_TRUE(heartbeat.on_pong(heartbeat.ping_payload(), 32'000));
    EXPECT_EQ(step_text(heartbeat, patient, 40'100), "nothing 1900");
    EXPECT_EQ(step_text(heartbeat, patient, 42'000), "ping 10000");
    EXPECT_EQ(step_text(heartbeat, patient, 101'999), "nothing 1");
    EXPECT_EQ(step_text(heartbeat, patient, 102'000), "dead 0");
}

TEST(WsHeartbeat, zero_interval_never_pings) {
    Heartbeat heartbeat(0);
    EXPECT_EQ(step_text(heartbeat, {.interval_ms = 0}, 1'000'000), "nothing 0");
}

TEST(WsHeartbeat, the_round_trip_is_told_by_the_pong_of_the_last_ping) {
    Heartbeat heartbeat(0);
    EXPECT_EQ(heartbeat.on_pong(heartbeat.ping_payload(), 1), std::nullopt) << "nobody asked";
    EXPECT_EQ(step_text(heartbeat, options, 25'001), "ping 20000");
    const PingPayload payload = heartbeat.ping_payload();
    PingPayload other = payload;
    other[7] ^= std::byte{1};
    EXPECT_EQ(heartbeat.on_pong(other, 25'010), std::nullopt) << "another payload";
    EXPECT_EQ(heartbeat.on_pong(std::span(payload).first(7), 25'010), std::nullopt);
    EXPECT_EQ(heartbeat.on_pong({}, 25'010), std::nullopt);
    heartbeat.on_bytes(25'020);
    EXPECT_EQ(heartbeat.on_pong(payload, 25'043), 42u);
    EXPECT_EQ(heartbeat.on_pong(payload, 25'044), std::nullopt) << "twice";
    EXPECT_EQ(step_text(heartbeat, options, 45'000), "nothing 5044");
}

}  // namespace
}  // namespace starling::ws::test
