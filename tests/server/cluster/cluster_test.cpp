// Joining a cluster: its options, and a server whose Redis is away. The interop tests have a Redis.
#include <starling/cluster.h>
#include <starling/server.h>

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "tests/server/fixture.h"

namespace starling {
namespace {

using sio::ClusterOptions;

std::string fault_of(const ClusterOptions& options) {
    Server server({.listen = "127.0.0.1:0", .workers = 1, .handle_signals = false});
    try {
        sio::join_cluster(server.socketio(), options);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

TEST(JoinCluster, RefusesWrongOptions) {
    using Mode = ClusterOptions::Mode;
    const struct {
        ClusterOptions options;
        std::string fault;
    } rows[] = {
        {{}, ""},
        {{.url = "redis+cluster://h", .mode = Mode::sharded}, ""},
        {{.url = "redis+cluster://h"}, "mode classic needs a single Redis"},
        {{.url = "redis+cluster://h", .mode = Mode::streams, .stream_count = 2}, "stream_count"},
        {{.url = "http://h"}, "url: "},
        {{.key = ""}, "key must not be empty"},
        {{.request_timeout = std::chrono::milliseconds(0)}, "request_timeout"},
        {{.queue_bytes_max = 0}, "queue_bytes_max"},
        {{.stream_name = ""}, "stream_name"},
        {{.stream_count = 0}, "stream_count"},
        {{.stream_count = 1001}, "stream_count"},
        {{.stream_length_max = 0}, "stream_length_max"},
        {{.engine_response_timeout = std::chrono::milliseconds(99)}, "engine_response_timeout"},
        {{.engine_response_timeout = std::chrono::milliseconds(60'001)}, "engine_response_timeout"},
        {{.engine_response_timeout = std::chrono::seconds(60)}, ""},
    };
    for (const auto& [options, fault] : rows) {
        const std::string got = fault_of(options);
        EXPECT_EQ(got.empty(), fault.empty()) << got;
        EXPECT_NE(got.find(fault), std::string::npos) << got;
    }
}

TEST(JoinCluster, IsPossibleOnceAndBeforeTheStart) {
    Server server({.listen = "127.0.0.1:0", .workers = 1, .handle_signals = false});
    sio::Server& io = server.socketio();
    sio::join_cluster(io, {});
    EXPECT_THROW(sio::join_cluster(io, {}), std::logic_error);
    Server started({.listen = "127.0.0.1:0", .workers = 1, .handle_signals = false});
    sio::Server& running = started.socketio();
    started.start();
    EXPECT_THROW(sio::join_cluster(running, {}), std::logic_error);
}

// Requests are answered by what this process knows, and say so; what is sent waits.
TEST(JoinCluster, AServerRunsWithoutItsRedis) {
    Server server({.listen = "127.0.0.1:0", .workers = 2, .handle_signals = false});
    sio::Server& io = server.socketio();
    const auto& cluster = sio::join_cluster(
        io, {.url = "redis://127.0.0.1:1", .required = true});  // Nobody listens there.
    int heard = 0;
    io.on_server_side("hello", [&] { ++heard; });
    server.start();
    EXPECT_FALSE(cluster.ready());
    std::promise<sio::Answers> answers;
    ASSERT_TRUE(server.post(1, [&] {
        io.emit("said", "later");
        io.in("room").sockets_join("other");
        io.emit_with_ack("question", [&](const sio::Answers& all) { answers.set_value(all); });
    }));
    EXPECT_FALSE(answers.get_future().get().complete);
    std::promise<sio::Answers> of_servers;
    ASSERT_TRUE(server.post(1, [&] {
        io.server_side_emit_with_ack("hello",
                                     [&](const sio::Answers& all) { of_servers.set_value(all); });
    }));
    EXPECT_FALSE(of_servers.get_future().get().complete);
    EXPECT_EQ(heard, 0);
    // Figures for other threads are a moment old.
    EXPECT_TRUE(server::test::eventually([&] { return cluster.stats().incomplete == 2; }));
    const auto stats = cluster.stats();
    EXPECT_FALSE(stats.connected);
    EXPECT_EQ(stats.waiting, 2u);
    EXPECT_EQ(stats.incomplete, 2u);
    server.stop();
    server.wait();
}

}  // namespace
}  // namespace starling
