// Servers that send garbage, promise too much, stall or flood: each fault is counted by its kind, ends its
// connection alone, and costs no memory that the server did not send.
#include <gtest/gtest.h>

#include <string>

#include "tests/load/fixture.h"

namespace {

using namespace starling::load;
using namespace starling::load::test;

constexpr const char* open_packet = R"(0{"sid":"a","upgrades":[],"pingInterval":25000})";

std::string text_frame(std::string_view text) {
    return "\x81" + std::string(1, static_cast<char>(text.size())) + std::string(text);
}
std::string response(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}

// One connection of a scenario, and what it ends with. `bytes` follow the handshake of a WebSocket, or are the
// whole answer to the first request.
struct Case {
    Scenario scenario;
    std::string bytes;
    const char* errors;
};

void expect_faults(std::initializer_list<Case> cases) {
    using enum Scenario;
    for (const Case& one : cases) {
        const bool requests = one.scenario == events || one.scenario == socketio_polling;
        const ScriptServer server([&](Peer& peer) {
            if (requests)
                peer.read_head();
            else
                peer.accept();
            peer.write(one.bytes);
            peer.wait_for_end();
        });
        Plan plan = quick(server.url(), one.scenario);
        plan.event = "echo";
        plan.connections = 1;
        plan.payload_bytes = 5;
        plan.seconds = 3600;
        EXPECT_EQ(errors_of(run(plan)), one.errors)
            << name_of(one.scenario) << " " << one.bytes.substr(0, 60);
    }
}

TEST(LoadHostile, Frames) {
    using enum Scenario;
    const std::string huge = "\x82\x7f\x40" + std::string(7, '\0'), garbage(100, '\xff');
    expect_faults({
        {echo, garbage, "1 bad answer (a frame uses an extension that was not negotiated)"},
        {echo, huge, "1 bad answer (a reply has another opcode)"},
        {echo, "\x81" + huge.substr(1), "1 bad answer (a reply has another length)"},
        {echo, "\x88\x7f\x40" + std::string(7, '\0'),
         "1 bad answer (a control frame is malformed)"},
        {idle, garbage, "1 bad answer (reserved bit set)"},
        {idle, huge, "1 bad answer (message too big)"},
        {idle, "\x81\x02\xff\xfe", "1 bad answer (invalid UTF-8)"},
        {idle, std::string("\x88\x02\x03\xed", 4), "1 bad answer (invalid close code)"},
        {idle, std::string("\x88\x00", 2), "1 closed without a code"},
        {socketio_idle, garbage, "1 bad answer (reserved bit set)"},
        {socketio_idle, huge, "1 bad answer (message too big)"},
    });
    std::string fragments = std::string("\x01\x01x", 3);
    for (int i = 0; i < 1100; ++i) fragments += std::string("\x00\x00", 2);
    expect_faults({{idle, fragments, "1 bad answer (too many fragments)"}});
}

TEST(LoadHostile, SocketIo) {
    using enum Scenario;
    const std::string open = text_frame(open_packet), joined = open + text_frame("40{}");
    expect_faults({
        {socketio_ack, text_frame("hello"), "1 bad answer (this is no Socket.IO server)"},
        {socketio_ack, "\x82\x01x", "1 bad answer (a packet is binary)"},
        {socketio_ack, open + text_frame("44{\"a\":\"b\n\"}"),
         "1 bad answer (CONNECT was refused: {\"a\":\"b?\"})"},
        {socketio_ack, joined + text_frame("4310000[\"x\"]"),
         "1 bad answer (an ack is not the one that is due)"},
        {socketio_ack, joined + text_frame("4310000[\"xxxxx\"]"),
         "1 bad answer (more answers than messages)"},
        {socketio_ack, joined + text_frame("99"), "1 bad answer (a packet was not asked for)"},
        {socketio_idle, joined + text_frame("41"), "1 closed without a code"},
    });
}

TEST(LoadHostile, Responses) {
    using enum Scenario;
    const std::string stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    expect_faults({
        {socketio_polling, "SSH-2.0\r\n\r\n", "1 bad answer (invalid HTTP version)"},
        {socketio_polling, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
         "1 handshake status 404"},
        {socketio_polling, "HTTP/1.1 200 OK\r\nContent-Length: 4611686018427387904\r\n\r\n",
         "1 bad answer (response body too large)"},
        {socketio_polling, response("hello"), "1 bad answer (this is no Socket.IO server)"},
        {socketio_polling, response("0{\"sid\":\"a\r\nX: y\"}"),
         "1 bad answer (this is no Socket.IO server)"},
        {events, response("x"), "1 bad answer (the answer is not text/event-stream)"},
        {events, stream + std::string(2'000'000, 'x'), "1 bad answer (a line is too long)"},
        {events, "HTTP/1.1 200 OK\r\n" + std::string(20'000, 'x'),
         "1 bad answer (response head too large)"},
    });
}

// A server that pings for ever and reads no pong.
TEST(LoadHostile, PingsWithoutEnd) {
    std::string pings;
    for (int i = 0; i < 1000; ++i) pings += "\x89\x7d" + std::string(125, 'p');
    for (const Scenario scenario : {Scenario::echo, Scenario::idle}) {
        const ScriptServer server([&](Peer& peer) {
            peer.accept();
            for (int i = 0; i < 2000; ++i) peer.write(pings);
            peer.wait_for_end();
        });
        Plan plan = quick(server.url(), scenario);
        plan.connections = 1;
        plan.seconds = 3600;
        EXPECT_EQ(errors_of(run(plan)), "1 bad answer (too many pings)");
    }
}

// What was promised and never came is waited for until the timeout.
TEST(LoadHostile, StallsWithinAnAnswer) {
    struct {
        Scenario scenario;
        std::string bytes;
        const char* errors;
    } const cases[] = {
        {Scenario::echo, std::string("\x81\x05x", 3), "1 unanswered"},
        {Scenario::socketio_ack, text_frame(open_packet), "1 timeout"},
        {Scenario::socketio_connect, text_frame(open_packet), "1 timeout"},
        {Scenario::socketio_idle, "", "1 timeout"},
    };
    for (const auto& one : cases) {
        const ScriptServer server([&](Peer& peer) {
            peer.accept();
            peer.write(one.bytes);
            peer.wait_for_end();
        });
        Plan plan = quick(server.url(), one.scenario);
        plan.event = "echo";
        plan.connections = 1;
        plan.payload_bytes = 5;
        plan.seconds = 0.01;
        // The echo is unanswered: its connection must have opened in time.
        plan.timeout_seconds = one.scenario == Scenario::echo ? 3 : 0.2;
        EXPECT_EQ(errors_of(run(plan)), one.errors) << name_of(one.scenario);
    }
}

// The publisher of a fan-out is one that waits as well.
TEST(LoadHostile, AnEmitterThatIsNotLetIn) {
    const ScriptServer server([](Peer& peer) {
        peer.accept();
        peer.write(text_frame(open_packet));
        peer.wait_for_end();
    });
    Plan plan = quick(server.url(), Scenario::socketio_fanout);
    plan.event = "message";
    plan.connections = 1;
    plan.payload_bytes = 40;
    plan.timeout_seconds = 0.2;
    const Report report = run(plan);
    EXPECT_EQ(report.opened, 0U);
    EXPECT_EQ(report.errors.rows().front().name, "timeout");
}

}  // namespace
