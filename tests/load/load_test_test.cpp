// Load tests of real servers in this process. In the open model the number of messages follows from
// the rate alone, however long the test takes: no case depends on time.
#include "load/load_test.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/load/fixture.h"

namespace {

using namespace starling::load;
using namespace starling::load::test;
namespace ws = starling::ws;

TEST(LoadTest, ClosedModel) {
    const Echo server;
    for (const uint32_t depth : {1U, 16U})
        for (const size_t size : {size_t{0}, size_t{64}, size_t{70'000}}) {
            Plan plan = quick(server.url());
            plan.depth = depth;
            plan.payload_bytes = size;
            plan.binary = size > 64;
            const Report report = run(plan);
            EXPECT_EQ(errors_of(report), "") << depth << " " << size;
            EXPECT_EQ(report.opened, 4U);
            EXPECT_EQ(report.count, report.latency.total());
        }
}

TEST(LoadTest, OpenModelSendsEachMessageThatIsDue) {
    const Echo server;
    for (const uint32_t threads : {1U, 3U}) {
        Plan plan = quick("ws://localhost:" + std::to_string(server.port()) + "/echo");
        plan.threads = threads;
        plan.rate = 4000;
        const Report report = run(plan);
        EXPECT_EQ(errors_of(report), "");
        EXPECT_EQ(report.latency.total(), 200U);  // In 0.05 s.
        EXPECT_EQ(report.opened, 4U);
    }
}

TEST(LoadTest, Fanout) {
    const Echo server;
    for (const uint32_t threads : {1U, 2U}) {
        Plan plan = quick(server.url("/listen"), Scenario::fanout);
        plan.publish_url = server.url("/publish");
        fan_out(plan, threads);
    }
}

TEST(LoadTest, ConnectAndIdle) {
    const Echo server;
    EXPECT_EQ(errors_of(run(quick(server.url(), Scenario::connect))), "");
    const Report idle = run(quick(server.url(), Scenario::idle));
    EXPECT_EQ(errors_of(idle), "");
    EXPECT_EQ(idle.count, 4U);
    EXPECT_TRUE(server.all_gone());
}

// 0, 10 and 30 ms after the beginning; the next attempt would be at 70 ms or later.
TEST(LoadTest, AStormDoesNotBeatAtAClosedDoor) {
    const Report report = run(quick("ws://127.0.0.1:1/", Scenario::connect));
    EXPECT_EQ(report.errors.rows().front().name, "refused");
    EXPECT_GE(report.errors.total(), 4U);
    EXPECT_LE(report.errors.total(), 12U);
}

TEST(LoadTest, EventsThatNobodyPublishes) {
    const ScriptServer server([](Peer& peer) {
        peer.read_head();
        peer.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        peer.wait_for_end();
    });
    Plan plan = quick(server.url(), Scenario::events);
    plan.connections = 1;
    plan.rate = 100;
    plan.depth = 0;
    const Report report = run(plan);
    EXPECT_EQ(errors_of(report),
              "1 nothing received (no event came; with --publish-url this test publishes some "
              "itself)");
    EXPECT_EQ(report.wanted_per_second, 0);
    EXPECT_EQ(report.opened, 1U);
}

TEST(LoadTest, StopsEarlyWithWhatWasMeasured) {
    const Echo server;
    Plan plan = quick(server.url());
    plan.seconds = 3600;
    LoadTest test(plan);
    ASSERT_FALSE(test.start());
    while (test.live().count < 10) ASSERT_FALSE(test.wait(1));
    test.stop();
    while (!test.wait(1000)) continue;
    const Report report = test.finish();
    EXPECT_TRUE(report.interrupted);
    EXPECT_GE(report.count, 10U);
    EXPECT_EQ(errors_of(report), "");
}

TEST(LoadTest, TooManyConnectionsForThisProcess) {
    Plan plan = quick("ws://127.0.0.1:1/");
    plan.connections = 900'000'000;
    LoadTest test(plan);
    const auto error = test.start();
    ASSERT_TRUE(error);
    EXPECT_FALSE(error->usage);
    EXPECT_NE(error->fault.text.find("descriptors"), std::string::npos) << error->fault.text;
}

// A server that answers nothing until the last message has come, 49 ms after the first one was due. Each
// message has waited since its own time: no latency may be left out or counted from a later moment.
TEST(LoadTest, LatenciesCountFromTheTimeThatWasDue) {
    constexpr int messages = 50;
    const ScriptServer server([](Peer& peer) {
        peer.accept();
        for (int i = 0; i < messages; ++i) peer.next();
        for (int i = 0; i < messages; ++i) peer.write_hex("8105 7878787878");
        peer.wait_for_end();
    });
    Plan plan = quick(server.url());
    plan.connections = 1;
    plan.payload_bytes = 5;
    plan.rate = 1000;
    const Report report = run(plan);
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.latency.total(), 50U);
    EXPECT_GE(report.latency.max_ns(), 49'000'000U);
    EXPECT_GE(report.latency.nanoseconds(0.5), 24'000'000U);
    EXPECT_GE(report.latency.nanoseconds(0.9), 44'000'000U);
}

// What one connection to a server of a few lines ends with.
TEST(LoadTest, ServersThatAreWrong) {
    struct {
        void (*script)(Peer&);
        const char* errors;
    } const cases[] = {
        {[](Peer& peer) {
             peer.read_head();
             peer.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
         },
         "1 handshake status 404"},
        {[](Peer& peer) {
             peer.read_head();
             peer.write("SSH-2.0-x\r\n\r\n");
         },
         "1 bad answer (the answer to the handshake is not HTTP/1)"},
        {[](Peer& peer) { peer.read_head(); },
         "1 closed without a code (in place of an answer to the handshake)"},
        {[](Peer& peer) {
             peer.read_head();
             peer.reset();
         },
         "1 reset"},
        {[](Peer& peer) {
             peer.accept();
             peer.write_hex("8802 03e9");
             peer.wait_for_end();
         },
         "1 closed code 1001"},
        {[](Peer& peer) {
             peer.accept();
             peer.next();
             peer.write_hex("8104 78787878");
             peer.wait_for_end();
         },
         "1 bad answer (a reply has another length)"},
        {[](Peer& peer) {
             peer.accept();
             peer.next();
             peer.write_hex("8105 68656c6c6f");
             peer.wait_for_end();
         },
         "1 bad answer (a reply has other bytes)"},
        {[](Peer& peer) {
             peer.accept();
             peer.next();
             peer.write_hex("8105 7878787878 8105 7878787878");
             peer.wait_for_end();
         },
         "1 bad answer (more answers than messages)"},
    };
    for (const auto& one : cases) {
        const ScriptServer server(one.script);
        Plan plan = quick(server.url());
        plan.connections = 1;
        plan.payload_bytes = 5;
        plan.seconds = 3600;  // The test ends with its only connection.
        EXPECT_EQ(errors_of(run(plan)), one.errors);
    }
}

// A server that says nothing is waited for as long as --timeout-s says, and no longer.
TEST(LoadTest, ServersThatDoNotAnswer) {
    const ScriptServer silent([](Peer& peer) { peer.wait_for_end(); });
    Plan plan = quick(silent.url());
    plan.connections = 1;
    plan.timeout_seconds = 0.05;
    EXPECT_EQ(errors_of(run(plan)), "1 timeout");
    EXPECT_EQ(run(quick("ws://127.0.0.1:1/")).errors.rows().front().name, "refused");
    const ScriptServer deaf([](Peer& peer) {
        peer.accept();
        peer.wait_for_end();
    });
    plan = quick(deaf.url());
    plan.connections = 1;
    plan.depth = 3;
    plan.timeout_seconds = 5;
    plan.seconds = 0.01;
    EXPECT_EQ(errors_of(run(plan)), "3 unanswered");
}

}  // namespace
