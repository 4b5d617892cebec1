// The samples of docs/clients-socketio.md: compiled, run, and compared with the guide.
#include <gtest/gtest.h>
#include <starling/socketio_client.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/guide.h"

namespace starling::client::test {
namespace {

using namespace std::chrono_literals;
using server::test::TestServer;
using Lines = std::vector<std::string>;

// The server of the samples.
std::unique_ptr<TestServer> serve() {
    auto server = std::make_unique<TestServer>();
    auto& io = server->server.socketio();
    io.on_connection([](sio::Socket socket) { socket.emit("welcome", socket.id()); });
    io.on("sum", [](int a, int b) { return a + b; });
    io.on("never", [](sio::Ack) {});
    io.of("/admin").on("hello", [](sio::Socket socket, std::string text, int n, sio::Json json) {
        EXPECT_EQ(json, (sio::Json{{"a", "b"}}));
        socket.emit("news", text, n);
    });
    const auto parts = std::make_shared<int>();
    io.on("part", [parts] { ++*parts; });
    io.on("done", [parts](sio::Socket socket) { socket.emit("parts", *parts); });
    io.on("items", [](sio::Socket socket) {
        for (int i = 0; i < 250; ++i) socket.emit("item", std::to_string(i));
        socket.emit("end");
    });
    io.of("/chat");
    io.of("/news").on("publish", [](sio::Socket socket) { socket.emit("published"); });
    server->start();
    return server;
}

std::string url_of(const TestServer& server) {
    return "http://127.0.0.1:" + std::to_string(server.port());
}

TEST(SioGuide, first_sample) {
    std::string received, reason;
    const auto server = serve();
    const std::string url = url_of(*server);
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url + "/admin", {.auth = {{"token", "secret"}}});
    socket.on("connect", [&] { socket.emit("hello", "world", 42, sio::Json{{"a", "b"}}); });
    socket.on("news", [&](std::string text, int count) {
        received = text + " " + std::to_string(count);
        socket.disconnect();
    });
    socket.on("connect_error",
              [&](const sio::Json& error) { reason = error.at("message").as_string(); });
    loop.run();
    EXPECT_EQ(received, "world 42");
    EXPECT_EQ(reason, "");
}

TEST(SioGuide, events) {
    Lines seen;
    const std::string url = "http://127.0.0.1:1";  // Nobody listens there.
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url, {.reconnection_attempts = 3, .reconnection_delay = 10ms});
    socket.on("disconnect", [&](std::string reason) { seen.push_back("disconnect: " + reason); });
    socket.on("connect_error",
              [&](const sio::Json& error) { seen.emplace_back(error.at("message").as_string()); });
    socket.io().on("reconnect_attempt",
                   [&](int n) { seen.push_back("attempt " + std::to_string(n)); });
    socket.io().on("reconnect_failed", [&] { seen.emplace_back("gave up"); });
    loop.run();
    EXPECT_EQ(seen, (Lines{"xhr poll error", "attempt 1", "xhr poll error", "attempt 2",
                           "xhr poll error", "attempt 3", "xhr poll error", "gave up"}));
}

TEST(SioGuide, acks) {
    int sum = 0;
    bool timed_out = false;
    const auto server = serve();
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url_of(*server));
    socket.on("question", [](int n) { return n * 7; });  // The return value answers.
    socket.on("later", [&](sio::Ack ack) { loop.after(1ms, [ack] { ack("done"); }); });
    socket.emit_with_ack("sum", 20, 22, [&](const sio::Answer& answer) {
        if (answer) sum = answer.value().to_number<int>();
    });
    socket.timeout(500ms).emit_with_ack("never", [&](const sio::Answer& answer) {
        timed_out = answer.status == sio::Answer::Status::timed_out;
        socket.disconnect();
    });
    bool connected = false;
    socket.on("connect", [&] { connected = true; });
    loop.run();
    EXPECT_TRUE(timed_out);
    if (connected) {  // Else the machine took more than 500 ms.
        EXPECT_EQ(sum, 42);
    }
}

TEST(SioGuide, several_namespaces) {
    Lines seen;
    const auto server = serve();
    const std::string url = url_of(*server);
    starling::ClientLoop loop;
    auto chat = sio::connect(loop, url + "/chat");
    auto news = sio::connect(loop, url + "/news");  // Over the same connection.
    chat.on("connect", [&] { seen.push_back(chat.nsp()); });
    news.on("connect", [&] { news.emit("publish", "hello"); });
    news.on("published", [&] {
        news.disconnect();
        chat.disconnect();  // The last one closes the connection.
    });
    loop.run();
    EXPECT_EQ(seen, Lines{"/chat"});
}

TEST(SioGuide, backpressure_of_emits) {
    const auto server = serve();
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url_of(*server));
    const std::string part(40'000, 'p');
    int parts_left = 100;
    const auto send_more = [&] {
        for (; parts_left > 0 && socket.io().buffered_amount() < 100'000; --parts_left)
            socket.emit("part", part);
        if (parts_left == 0) socket.emit("done");
    };
    socket.on("connect", send_more);
    socket.io().on("drain", send_more);
    socket.on("parts", [&](int count) {
        EXPECT_EQ(count, 100);
        socket.disconnect();
    });
    loop.run();
    EXPECT_EQ(parts_left, 0);
}

TEST(SioGuide, backpressure_of_events) {
    const auto server = serve();
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url_of(*server));
    std::vector<std::string> work;
    socket.on("connect", [&] { socket.emit("items"); });
    socket.on("end", [&] { socket.disconnect(); });
    socket.on("item", [&](std::string text) {
        work.push_back(text);
        if (work.size() < 100) return;
        socket.io().pause();
        loop.after(10ms, [&] {
            work.clear();
            socket.io().resume();
        });
    });
    loop.run();
    EXPECT_EQ(work.size(), 50u);
}

TEST(SioGuide, threads) {
    const auto server = serve();
    const std::string url = url_of(*server);
    std::promise<std::string> id;
    starling::ClientLoop loop;
    loop.start();
    loop.post([&] {
        auto socket = sio::connect(loop, url);
        socket.on("welcome", [&](std::string name) { id.set_value(name); });
    });
    const std::string mine = id.get_future().get();
    EXPECT_NE(mine, "");
}

TEST(SioGuide, every_sample_is_compiled) {
    EXPECT_EQ(server::test::expect_compiled({"docs/clients-socketio.md"},
                                            "tests/client/socketio_guide_test.cpp"),
              7U);
}

}  // namespace
}  // namespace starling::client::test
