// tests/load/fixture.h: load tests of servers in this process.
#pragma once

#include <starling/server.h>

#include <string>
#include <utility>

#include "load/load_test.h"
#include "tests/client/fixture.h"
#include "tests/server/fixture.h"

namespace starling::load::test {

using client::test::Peer;
using client::test::ScriptServer;
using server::test::TestServer;

inline Report run(Plan plan) {
    LoadTest test(std::move(plan));
    if (const auto error = test.start()) return test.failed(*error);
    while (!test.wait(1000)) continue;
    return test.finish();
}

inline Plan quick(const std::string& url, Scenario scenario = Scenario::echo) {
    Plan plan;
    plan.scenario = scenario;
    plan.url = url;
    plan.connections = 4;
    plan.warmup_seconds = 0;
    plan.seconds = 0.05;
    plan.timeout_seconds = 60;
    return plan;
}

inline std::string errors_of(const Report& report) {
    std::string text;
    for (const auto& row : report.errors.rows())
        text += (text.empty() ? "" : ", ") + std::to_string(row.count) + " " + row.name +
                (row.text.empty() ? "" : " (" + row.text + ")");
    return text;
}

// Runs a fan-out of 50 messages to the plan's 4 connections, which must all arrive.
inline Report fan_out(Plan plan, uint32_t threads) {
    plan.threads = threads;
    plan.rate = 1000;
    plan.depth = 0;
    Report report = run(std::move(plan));
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.latency.total(), 50U * 4U);
    EXPECT_EQ(report.missing, 0U);
    EXPECT_EQ(report.opened, 4U);
    return report;
}

// Returns messages at /echo; what /publish gets goes to all at /listen.
struct Echo : TestServer {
    Echo() {
        server.websocket("/echo", {.send_queue_bytes_max = 8'000'000,
                                   .message = [](ws::Socket socket, ws::Message message) {
                                       socket.send(message);
                                   }});
        server.websocket("/listen", {.open = [](ws::Socket socket) { socket.join("all"); }});
        server.websocket("/publish", {.message = [](ws::Socket socket, ws::Message message) {
                             socket.publish("all", message);
                         }});
        start();
    }
    [[nodiscard]] std::string url(const std::string& path = "/echo") const {
        return "ws://127.0.0.1:" + std::to_string(port()) + path;
    }
};

}  // namespace starling::load::test
