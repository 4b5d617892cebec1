// The whole server in a cluster: its options, and Socket.IO servers over a real Redis. The interop tests
// have clients.
#include "server/cluster/join.h"

#include <starling/cluster.h>
#include <starling/server.h>
#include <starling/sites.h>
#include <starling/socketio.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/nodes/redis_server.h"

namespace starling::server {
namespace {

using namespace std::chrono_literals;
using test::RedisServer;
using Mode = ClusterOptions::Mode;

ServerOptions quiet(unsigned workers = 1) {
    return {.listen = "127.0.0.1:0",
            .workers = workers,
            .drain_timeout = 5s,
            .handle_signals = false,
            .log = std::make_shared<test::MemoryLog>()};
}

std::string fault_of(const ClusterOptions& options) {
    Server server(quiet());
    try {
        join_cluster(server, options);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

TEST(JoinServer, RefusesWrongOptions) {
    const struct {
        ClusterOptions options;
        std::string fault;
    } rows[] = {
        {{}, ""},
        {{.url = "redis+cluster://h"}, ""},
        {{.url = "redis+cluster://h", .mode = Mode::classic}, "mode classic needs a single Redis"},
        {{.url = "http://h"}, "url: "},
        {{.mode = Mode::streams, .socketio = {.stream_count = 0}}, "stream_count"},
        {{.mode = Mode::native, .socketio = {.stream_count = 0}}, ""},
        {{.prefix = ""}, "prefix must not be empty"},
        {{.name = std::string(65, 'n')}, "name must have"},
        {{.groups = 0}, "groups"},
        {{.request_timeout = 0ms}, "request_timeout"},
        {{.queue_bytes_max = 0}, "queue_bytes_max"},
    };
    for (const auto& [options, fault] : rows) {
        const std::string got = fault_of(options);
        EXPECT_EQ(got.empty(), fault.empty()) << got;
        EXPECT_NE(got.find(fault), std::string::npos) << got;
    }
}

TEST(JoinServer, IsPossibleOnceAndBeforeTheStart) {
    Server server(quiet());
    join_cluster(server, {});
    EXPECT_THROW(join_cluster(server, {}), std::logic_error);
    Server started(quiet());
    started.start();
    EXPECT_THROW(join_cluster(started, {}), std::logic_error);
}

TEST(JoinServer, ARedisThatRefusesTheNodeIsAFaultOfTheStart) {
    RedisServer redis;
    Server server(quiet());
    join_cluster(server, {.url = redis.url("nobody:wrong@")});
    EXPECT_THROW(server.start(), std::runtime_error);
    EXPECT_THROW(server.start(), std::runtime_error);
}

// A server with a Socket.IO server at the usual path and one at another path. Each answers the servers'
// event "who" with its name.
struct Node {
    Node(const std::string& url, const std::string& name, Mode mode = Mode::native)
        : server(quiet(2)),
          cluster(join_cluster(server, {.url = url, .mode = mode, .name = name})),
          first(server.socketio({.serve_client = false, .ack_timeout = 10s})),
          second(server.socketio({.path = "/other", .serve_client = false, .ack_timeout = 10s})) {
        first.on_server_side("who", [name] { return name + " first"; });
        second.on_server_side("who", [name] { return name + " second"; });
        first.on_server_side("heard", [this](std::string text) { heard.add(std::move(text)); });
        static_cast<void>(first.of("/empty"));
        server.start();
    }
    ~Node() {
        server.stop();
        server.wait();
    }

    Server server;
    Cluster& cluster;
    sio::Server &first, &second;
    test::Transcript heard;
};

std::vector<std::string> who(Node& node, sio::Server& io, unsigned worker, bool complete = true) {
    std::promise<sio::Answers> got;
    EXPECT_TRUE(node.server.post(worker, [&] {
        io.server_side_emit_with_ack("who",
                                     [&](const sio::Answers& answers) { got.set_value(answers); });
    }));
    const sio::Answers answers = got.get_future().get();
    EXPECT_EQ(answers.complete, complete);
    std::vector<std::string> names;
    for (const auto& one : answers.responses) names.emplace_back(one.as_string());
    std::ranges::sort(names);
    return names;
}

TEST(JoinServer, EachSocketIoServerSpeaksWithItsLikeOnOtherNodes) {
    RedisServer redis;
    Node a(redis.url(), "a"), b(redis.url(), "b"), c(redis.url(), "c");
    for (Node* const each : {&a, &b, &c})
        ASSERT_TRUE(test::eventually([&] { return each->cluster.stats().nodes == 3; }));
    using Names = std::vector<std::string>;
    for (const unsigned worker : {0u, 1u}) {
        EXPECT_EQ(who(a, a.first, worker), (Names{"b first", "c first"}));
        EXPECT_EQ(who(b, b.second, worker), (Names{"a second", "c second"}));
    }
    std::promise<size_t> sockets;
    ASSERT_TRUE(a.server.post(1, [&] {
        for (int i = 0; i < 100; ++i) a.first.server_side_emit("heard", std::to_string(i));
        a.first.of("/empty").emit("nobody", 1);
        a.first.fetch_sockets(
            [&](std::vector<sio::RemoteSocket> found) { sockets.set_value(found.size()); });
    }));
    std::string wanted = "0";
    for (int i = 1; i < 100; ++i) wanted += ", " + std::to_string(i);
    EXPECT_EQ(sockets.get_future().get(), 0u);
    ASSERT_TRUE(b.heard.wait_for("99") && c.heard.wait_for("99"));
    EXPECT_EQ(b.heard.text(), wanted);
    EXPECT_EQ(c.heard.text(), wanted);
    EXPECT_EQ(a.heard.text(), "");
    EXPECT_EQ(b.cluster.stats().refused, 0u);
}

TEST(JoinServer, TheAnswersSayThatANodeIsMissing) {
    RedisServer redis;
    Node a(redis.url(), "a"), b(redis.url(), "b"), c(redis.url(), "c");
    for (Node* const each : {&a, &b, &c})
        ASSERT_TRUE(test::eventually([&] { return each->cluster.stats().nodes == 3; }));
    std::promise<void> goes_on;
    ASSERT_TRUE(c.server.post(0, [&] { goes_on.get_future().wait(); }));  // c stands still.
    using Names = std::vector<std::string>;
    EXPECT_EQ(who(a, a.first, 1, false), (Names{"b first"}));
    EXPECT_TRUE(test::eventually([&] { return a.cluster.stats().away == 1; }));
    EXPECT_EQ(who(a, a.first, 1, false), (Names{"b first"}));
    goes_on.set_value();
    ASSERT_TRUE(test::eventually([&] { return a.cluster.stats().away == 0; }));
    EXPECT_EQ(who(a, a.first, 1), (Names{"b first", "c first"}));
    EXPECT_GT(a.cluster.stats().incomplete, 0u);
}

// Other nodes know a Socket.IO server by its path, also where sites have servers of their own.
TEST(JoinServer, TwoSocketIoServersWithOnePathAreAFaultOfTheStart) {
    RedisServer redis;
    for (const Mode mode : {Mode::native, Mode::classic}) {
        Server server(quiet());
        join_cluster(server, {.url = redis.url(), .mode = mode});
        for (const char* const host : {"a.example", "b.example"})
            on_site(server, serve_host(server, {.hosts = {host}}),
                    [&] { static_cast<void>(server.socketio({.serve_client = false})); });
        for (int i = 0; i < 2; ++i) {
            try {
                server.start();
                FAIL() << "the server has started";
            } catch (const std::runtime_error& error) {
                EXPECT_EQ(error.what(), std::string("cluster: two Socket.IO servers have the path "
                                                    "'/socket.io', by which nodes know them"));
            }
        }
    }
}

// The adapters of Node.js for Socket.IO; all else still goes over the nodes.
TEST(JoinServer, SocketIoMayUseAnAdapterOfNodeJs) {
    RedisServer redis;
    for (const Mode mode : {Mode::classic, Mode::sharded, Mode::streams}) {
        Node a(redis.url(), "a", mode), b(redis.url(), "b", mode);
        for (Node* const each : {&a, &b})
            ASSERT_TRUE(test::eventually([&] { return each->cluster.stats().nodes == 2; }));
        ASSERT_TRUE(test::eventually([&] {
            a.first.server_side_emit("heard", "words");
            return b.heard.count("words") > 0;
        }));
    }
}

TEST(JoinServer, WhatWasJoinedAloneStaysSo) {
    RedisServer redis;
    Server server(quiet());
    sio::Server& io = server.socketio({.serve_client = false});
    const auto& alone = sio::join_cluster(io, {.url = redis.url()});
    const auto& cluster = join_cluster(server, {.url = redis.url()});
    server.start();
    ASSERT_TRUE(
        test::eventually([&] { return alone.stats().connected && cluster.stats().connected; }));
    server.stop();
    server.wait();
}

}  // namespace
}  // namespace starling::server
