// What the log says about an outage of Redis: how many messages it has cost, by mode.
#include <starling/cluster.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <regex>
#include <string>

#include "tests/server/fixture.h"
#include "tests/server/nodes/redis_server.h"

namespace starling::server {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::RedisServer;

struct Process {
    Process() {
        server.emplace(ServerOptions{.listen = "127.0.0.1:0",
                                     .workers = 1,
                                     .drain_timeout = 5s,
                                     .handle_signals = false,
                                     .log = log});
        io = &server->socketio({.serve_client = false});
    }
    // The end of the process says what it has lost.
    void stop() {
        server->stop();
        server->wait();
        server.reset();
    }
    // Sends `count` messages of about 1 KB to the other nodes, each in a tick of its own.
    void emit(int count) {
        for (int i = 0; i < count; ++i) {
            std::promise<void> done;
            ASSERT_TRUE(server->post([&] {
                io->server_side_emit("said", std::string(1000, 'x'));
                done.set_value();
            }));
            done.get_future().wait();
        }
    }
    [[nodiscard]] bool logs(const std::string& pattern) {
        return eventually(
            [&] { return std::regex_search(log->lines.text(), std::regex(pattern)); });
    }

    std::shared_ptr<test::MemoryLog> log = std::make_shared<test::MemoryLog>();
    std::optional<Server> server;
    sio::Server* io = nullptr;
};

struct Node : Process {
    explicit Node(const RedisServer& redis, size_t queue_bytes_max = 1u << 20)
        : cluster(join_cluster(*server, {.url = redis.url(), .queue_bytes_max = queue_bytes_max})) {
        server->start();
    }
    [[nodiscard]] bool is_connected(bool is) {
        return eventually([&] { return cluster.stats().connected == is; });
    }
    [[nodiscard]] bool knows(uint64_t nodes) {
        return eventually([&] { return cluster.stats().nodes == nodes; });
    }
    Cluster& cluster;
};

const std::string is_over = "cluster: the outage of Redis is over ",
                  stops = "cluster: this node stops, and has lost messages since its start ",
                  stops_with_unsent = "cluster: this node stops, and may have lost messages ";

TEST(Outage, ItsEndAndTheStopSayWhatWasDroppedAndWhichGapsWereTold) {
    RedisServer redis;
    Node a(redis, 8192), b(redis);
    ASSERT_TRUE(a.knows(2) && b.knows(2));
    redis.kill();
    ASSERT_TRUE(a.is_connected(false) && b.is_connected(false));
    a.emit(20);
    ASSERT_TRUE(eventually([&] { return a.cluster.stats().dropped > 0; }));
    redis.start();
    ASSERT_TRUE(eventually([&] { return b.cluster.stats().gaps > 0; }));
    const std::string dropped = std::to_string(a.cluster.stats().dropped);
    EXPECT_TRUE(a.logs(is_over + "native \\d+ " + dropped + " 0 0")) << a.log->lines.text();
    EXPECT_TRUE(b.logs(is_over + "native \\d+ 0 ")) << b.log->lines.text();
    a.stop();
    b.stop();
    EXPECT_TRUE(a.logs(stops + "native " + dropped + " 0 0 0")) << a.log->lines.text();
    EXPECT_TRUE(b.logs(stops + "native 0 0 1 " + dropped)) << b.log->lines.text();
}

TEST(Outage, WhatWaitsAtTheStopIsTold) {
    RedisServer redis;
    Node a(redis), b(redis);
    ASSERT_TRUE(a.knows(2));
    redis.kill();
    ASSERT_TRUE(a.is_connected(false));
    a.emit(3);
    a.stop();
    EXPECT_TRUE(a.logs(stops_with_unsent + "native 0 3 0 0")) << a.log->lines.text();
}

TEST(Outage, OneThatCostNothingSaysSo) {
    RedisServer redis;
    Node a(redis), b(redis);
    ASSERT_TRUE(a.knows(2));
    redis.kill();
    ASSERT_TRUE(a.is_connected(false));
    redis.start();
    EXPECT_TRUE(a.logs(is_over + "native \\d+ 0 0 0")) << a.log->lines.text();
    a.stop();
    EXPECT_EQ(a.log->lines.text().find("this node stops"), std::string::npos);
}

TEST(Outage, TheModesOfNodeJs) {
    using Mode = sio::ClusterOptions::Mode;
    const struct {
        Mode mode;
        std::string name;
    } modes[] = {
        {Mode::classic, "classic"}, {Mode::sharded, "sharded"}, {Mode::streams, "streams"}};
    for (const auto& [mode, name] : modes) {
        RedisServer redis;
        Process a;
        sio::Cluster& cluster =
            sio::join_cluster(*a.io, {.url = redis.url(), .mode = mode, .queue_bytes_max = 8192});
        a.server->start();
        const auto is_connected = [&](bool is) {
            return eventually([&] { return cluster.stats().connected == is; });
        };
        ASSERT_TRUE(is_connected(true));
        redis.kill();
        ASSERT_TRUE(is_connected(false));
        a.emit(20);
        ASSERT_TRUE(eventually([&] { return cluster.stats().dropped > 0; }));
        redis.start();
        EXPECT_TRUE(a.logs(is_over + name + " \\d+ [1-9]\\d* 0 0")) << a.log->lines.text();
        const std::string dropped = std::to_string(cluster.stats().dropped);
        a.stop();
        EXPECT_TRUE(a.logs(stops + name + " " + dropped + " 0 0 0")) << a.log->lines.text();
    }
}

}  // namespace
}  // namespace starling::server
