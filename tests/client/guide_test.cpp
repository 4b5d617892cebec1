// The samples of docs/clients.md: compiled, run, and compared with the guide.
#include <gtest/gtest.h>
#include <starling/client.h>
#include <starling/client_reconnect.h>
#include <starling/server.h>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/guide.h"

namespace starling::client::test {
namespace {

using namespace std::chrono_literals;
using server::test::TestServer;

// The server of the samples: /echo, /burst and /secret.
std::unique_ptr<TestServer> serve() {
    auto server = std::make_unique<TestServer>();
    server->server.websocket(
        "/echo", {.origins = {"https://example.com"},
                  .subprotocols = {"chat"},
                  .compression = {.enabled = true, .context_takeover = true},
                  .message = [](ws::Socket socket, ws::Message message) { socket.send(message); }});
    server->server.websocket("/burst", {.open = [](ws::Socket socket) {
                                 for (int i = 0; i < 200; ++i) socket.send(std::to_string(i));
                                 socket.close(1000);
                             }});
    server->server.websocket(
        "/secret", {.upgrade = [](ws::Upgrade& upgrade) { upgrade.refuse(401, "log in"); }});
    server->start();
    return server;
}

std::string url_of(const TestServer& server, const std::string& path) {
    return "ws://127.0.0.1:" + std::to_string(server.port()) + path;
}

TEST(ClientGuide, first_sample) {
    const auto server = serve();
    const std::string url = url_of(*server, "/echo");
    std::string received, reason;
    int code = 0;
    starling::ClientLoop loop;
    starling::WebSocket socket(loop, url);
    socket.onopen = [&] { socket.send("hello"); };
    socket.onmessage = [&](const starling::MessageEvent& event) {
        received = event.text();
        socket.close(1000, "done");
    };
    socket.onerror = [&](const starling::ErrorEvent& event) { reason = event.message; };
    socket.onclose = [&](const starling::CloseEvent& event) { code = event.code; };
    loop.run();
    EXPECT_EQ(received, "hello");
    EXPECT_EQ(reason, "");
    EXPECT_EQ(code, 1000);
}

TEST(ClientGuide, a_thread_of_its_own) {
    const auto server = serve();
    const std::string url = url_of(*server, "/echo");
    std::promise<void> closed;
    starling::ClientLoop loop;
    std::unique_ptr<starling::WebSocket> socket;
    loop.start();
    loop.post([&] {
        socket = std::make_unique<starling::WebSocket>(loop, url);
        socket->onopen = [&] { socket->close(); };
        socket->onclose = [&] { closed.set_value(); };
    });
    closed.get_future().wait();
    loop.stop();
    loop.run();  // The thread has ended.
    EXPECT_EQ(socket->ready_state(), starling::WebSocket::CLOSED);
}

TEST(ClientGuide, errors) {
    const auto server = serve();
    starling::ClientLoop loop;
    starling::WebSocket socket(loop, url_of(*server, "/secret"));
    bool login_needed = false;
    std::string reason;
    socket.onerror = [&](const starling::ErrorEvent& event) {
        if (event.status == 401) login_needed = true;
        reason = event.message;  // "the server answered 401 Unauthorized"
    };
    loop.run();
    EXPECT_TRUE(login_needed);
    EXPECT_EQ(reason, "the server answered 401 Unauthorized");
}

TEST(ClientGuide, options) {
    const auto server = serve();
    const std::string url = url_of(*server, "/echo"), token = "token";
    starling::ClientLoop loop;
    starling::WebSocketOptions options;
    options.protocols = {"chat.v2", "chat"};
    options.headers = {{"Authorization", "Bearer " + token}};
    options.origin = "https://example.com";
    options.compression = {.enabled = true, .context_takeover = true};
    options.message_bytes_max = 10'000'000;
    options.handshake_timeout = 5s;
    options.redirects_max = 3;
    starling::WebSocket socket(loop, url, options);
    std::string protocol, extensions;
    socket.onopen = [&] {
        protocol = socket.protocol();
        extensions = socket.extensions();
        socket.close();
    };
    loop.run();
    EXPECT_EQ(protocol, "chat");
    EXPECT_EQ(extensions, "permessage-deflate");
}

TEST(ClientGuide, backpressure) {
    const auto server = serve();
    starling::ClientLoop loop;
    starling::WebSocket socket(loop, url_of(*server, "/burst"));
    std::vector<std::string> work;
    bool clean = false;
    socket.onmessage = [&](const starling::MessageEvent& event) {
        work.emplace_back(event.text());
        if (work.size() < 100) return;
        socket.pause();
        loop.after(10ms, [&] {
            work.clear();
            socket.resume();
        });
    };
    socket.onclose = [&](const starling::CloseEvent& event) { clean = event.was_clean; };
    loop.run();
    EXPECT_TRUE(clean);
    EXPECT_LT(work.size(), 100U);
}

TEST(ClientGuide, watched_descriptors) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const net::Descriptor out(ends[0]);
    const int fd = out.get();
    ASSERT_EQ(::write(ends[1], "typed", 5), 5);
    ::close(ends[1]);
    std::string input;
    starling::ClientLoop loop;
    starling::ClientLoop::Watch watch = 0;
    watch = loop.watch(fd, {.readable = true}, [&](starling::ClientLoop::Readiness) {
        char bytes[4096];
        const ssize_t size = ::read(fd, bytes, sizeof bytes);
        if (size <= 0) return loop.unwatch(watch);  // Before the descriptor is closed.
        input.append(bytes, size);
    });
    loop.run();
    EXPECT_EQ(input, "typed");
}

TEST(ClientGuide, pings) {
    const auto server = serve();
    starling::ClientLoop loop;
    starling::WebSocket socket(loop, url_of(*server, "/echo"));
    std::string pinged;
    std::optional<std::chrono::milliseconds> round_trip;
    socket.onopen = [&] {
        socket.add_event_listener(
            "ping", [&](const starling::PingEvent& event) { pinged = event.payload; });
        socket.add_event_listener(
            "pong", [&](const starling::PongEvent& event) { round_trip = event.round_trip; });
        socket.ping();  // Without a payload: measures the round trip.
        socket.send("after the ping");
    };
    socket.onmessage = [&] { socket.close(); };
    loop.run();
    EXPECT_TRUE(round_trip);
    EXPECT_EQ(pinged, "");
}

TEST(ClientGuide, sending_much) {
    const auto server = serve();
    starling::ClientLoop loop;
    starling::WebSocket socket(loop, url_of(*server, "/echo"));
    const std::string part(50'000, 'x');
    int parts_left = 100;
    bool clean = false;
    const auto send_more = [&] {
        for (; parts_left > 0 && socket.buffered_amount() < 100'000; --parts_left)
            socket.send(part);
        if (parts_left == 0) socket.close();
    };
    socket.onopen = send_more;
    socket.add_event_listener("drain", send_more);
    socket.onclose = [&](const starling::CloseEvent& event) { clean = event.was_clean; };
    loop.run();
    EXPECT_EQ(parts_left, 0);
    EXPECT_TRUE(clean);
}

TEST(ClientGuide, in_a_server) {
    const auto target = serve();
    const std::string url = url_of(*target, "/echo");
    TestServer host;
    Server& server = host.server;
    // clang-format off
    struct Tunnel {
        std::unique_ptr<starling::WebSocket> upstream;
    };
    server.websocket("/tunnel", {.open = [&](ws::Socket socket) {
        auto& tunnel = socket.emplace_data<Tunnel>();
        tunnel.upstream = std::make_unique<starling::WebSocket>(server.client_loop(), url);
        tunnel.upstream->onmessage = [socket](const starling::MessageEvent& event) {
            socket.send(event.data());
        };
        tunnel.upstream->onclose = [socket] { socket.close(1000); };
    }, .message = [](ws::Socket socket, ws::Message message) {
        auto& upstream = *socket.data<Tunnel>()->upstream;
        if (upstream.ready_state() == starling::WebSocket::OPEN) upstream.send(message);
    }});
    // clang-format on
    host.start();
    starling::ClientLoop loop;
    starling::WebSocket socket(loop, url_of(host, "/tunnel"));
    std::string received;
    ClientLoop::Timer timer = 0;
    socket.onopen = [&] {
        // Until the connection behind is open the sample drops messages.
        timer = loop.every(1ms, [&] { socket.send("through"); });
    };
    socket.onmessage = [&](const starling::MessageEvent& event) {
        received = event.text();
        loop.cancel(timer);
        socket.close(1000);
    };
    loop.run();
    EXPECT_EQ(received, "through");
}

TEST(ClientGuide, a_connection_that_comes_back) {
    const auto server = serve();
    const std::string url = url_of(*server, "/secret");
    std::vector<std::string> later;
    std::string reason;
    bool ended = false;
    starling::ClientLoop loop;
    starling::ReconnectOptions again;
    again.delay = 500ms;
    again.delay_max = 30s;
    starling::ReconnectingWebSocket socket(loop, url, {}, again);
    socket.onopen = [&] { socket.send("subscribe"); };  // After each connection.
    socket.onlost = [&](const starling::LostEvent& event) {
        for (starling::LostMessage& message : event.messages)
            if (message.fate == starling::LostMessage::Fate::never_sent)
                later.push_back(std::move(message.data));
        if (!event.retry_in) reason = event.message;  // No attempt follows.
    };
    socket.onclose = [&] { ended = true; };
    loop.run();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(later.empty());
    EXPECT_EQ(reason, "the server answered 401 Unauthorized");
}

TEST(ClientGuide, every_sample_is_compiled) {
    EXPECT_EQ(server::test::expect_compiled({"docs/clients.md"}, "tests/client/guide_test.cpp"),
              10U);
}

}  // namespace
}  // namespace starling::client::test
