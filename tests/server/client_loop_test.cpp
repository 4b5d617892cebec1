// Server::client_loop(): clients that run on the loop of a worker.
#include <gtest/gtest.h>
#include <starling/client.h>
#include <starling/client_reconnect.h>
#include <starling/socketio_client.h>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/client/fixture.h"
#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

using client::test::Peer;
using client::test::ScriptServer;

// Sends each message back, and shows in `events` how connections end.
struct EchoServer : TestServer {
    EchoServer() {
        server.websocket(
            "/",
            {.message = [](ws::Socket socket, ws::Message message) { socket.send(message); },
             .close = [this](ws::Socket, uint16_t code,
                             std::string_view) { events.add("close " + std::to_string(code)); }});
        auto& io = server.socketio({});
        io.on("add", [](int a, int b) { return a + b; });
        io.on_disconnect([this](sio::Socket, std::string_view reason) {
            events.add("left: " + std::string(reason));
        });
        start();
    }
    [[nodiscard]] std::string url(const std::string& scheme = "ws") const {
        return scheme + "://127.0.0.1:" + std::to_string(port()) + "/";
    }
};

// Passes the messages of each incoming connection on to a connection of its own, and the other way.
struct Proxy : TestServer {
    struct Pair {
        ws::Socket incoming;
        std::unique_ptr<WebSocket> outgoing;
        std::vector<std::string> early;  // Until the outgoing connection is open.
    };

    explicit Proxy(const std::string& target, unsigned workers = 1)
        : TestServer({.workers = workers}) {
        server.websocket("/", {.open = [this, target](ws::Socket socket) { open(socket, target); },
                               .message =
                                   [](ws::Socket socket, ws::Message message) {
                                       Pair& pair = **socket.data<std::shared_ptr<Pair>>();
                                       if (pair.outgoing->ready_state() == WebSocket::CONNECTING)
                                           pair.early.emplace_back(message.text());
                                       else
                                           pair.outgoing->send(message);
                                   },
                               .close =
                                   [this](ws::Socket socket, uint16_t, std::string_view) {
                                       (*socket.data<std::shared_ptr<Pair>>())->outgoing->close();
                                       events.add("incoming gone");
                                   }});
        start();
    }
    void open(ws::Socket socket, const std::string& target) {
        auto pair = std::make_shared<Pair>(Pair{socket, nullptr, {}});
        socket.emplace_data<std::shared_ptr<Pair>>(pair);
        pair->outgoing = std::make_unique<WebSocket>(server.client_loop(), target);
        const auto thread = std::this_thread::get_id();
        Pair& p = *pair;
        p.outgoing->onopen = [&p] {
            for (const std::string& message : p.early) p.outgoing->send(message);
            p.early.clear();
        };
        p.outgoing->onmessage = [this, &p, thread](const MessageEvent& event) {
            if (std::this_thread::get_id() != thread) events.add("another thread");
            p.incoming.send(event.data());
        };
        p.outgoing->onclose = [this, &p](const CloseEvent& event) {
            events.add("outgoing " + std::to_string(event.code));
            p.incoming.close(1000);
        };
    }
    [[nodiscard]] std::string url() const {
        return "ws://127.0.0.1:" + std::to_string(port()) + "/";
    }
};

TEST(ServerClientLoop, ProxyOnSeveralWorkers) {
    EchoServer target;
    Proxy proxy(target.url(), 3);
    ClientLoop loop;
    constexpr int clients = 24, messages = 20;
    std::vector<std::unique_ptr<WebSocket>> sockets;
    std::vector<int> received(clients, 0);
    int wrong = 0;
    for (int i = 0; i < clients; ++i) {
        sockets.push_back(std::make_unique<WebSocket>(loop, proxy.url()));
        WebSocket& socket = *sockets.back();
        const auto text = [i](int n) { return std::to_string(i) + " " + std::to_string(n); };
        socket.onopen = [&socket, text] {
            for (int n = 0; n < messages; ++n) socket.send(text(n));
        };
        socket.onmessage = [&, i, text](const MessageEvent& event) {
            if (event.text() != text(received[i]++)) ++wrong;
            if (received[i] == messages) socket.close(1000);
        };
    }
    loop.run();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(received, std::vector<int>(clients, messages));
    EXPECT_TRUE(target.all_gone());
    EXPECT_EQ(proxy.events.count("another thread"), 0u);
    EXPECT_TRUE(proxy.events.wait_for("incoming gone", clients));
}

TEST(ServerClientLoop, IsTheCallingWorkersLoop) {
    TestServer host({.workers = 2});
    EXPECT_THROW((void)host.server.client_loop(), std::logic_error);
    host.start();
    EXPECT_THROW((void)host.server.client_loop(), std::logic_error);
    std::array<std::atomic<ClientLoop*>, 2> loops{};
    for (unsigned worker = 0; worker < 2; ++worker)
        host.server.post(worker, [&, worker] {
            ClientLoop& loop = host.server.client_loop();
            EXPECT_EQ(&loop, &host.server.client_loop());
            EXPECT_THROW(loop.run(), std::logic_error);
            EXPECT_THROW(loop.start(), std::logic_error);
            EXPECT_THROW(loop.stop(), std::logic_error);
            loops[worker] = &loop;
            loop.after(1ms, [&] { host.events.add("timer"); });
            loop.post([&] { throw std::runtime_error("posted"); });
        });
    EXPECT_TRUE(host.events.wait_for("timer", 2));
    EXPECT_NE(loops[0].load(), loops[1].load());
    EXPECT_TRUE(host.log->lines.wait_for("a handler threw client posted", 2));
    // Another thread.
    EXPECT_THROW(WebSocket(*loops[0], "ws://127.0.0.1:1/"), std::logic_error);
    EXPECT_THROW(loops[0].load()->after(1ms, [] {}), std::logic_error);
    loops[0].load()->post([&] { host.events.add("posted from outside"); });
    EXPECT_TRUE(host.events.wait_for("posted from outside"));
    // A worker of another server.
    TestServer other;
    other.start();
    other.server.post([&] {
        try {
            (void)host.server.client_loop();
        } catch (const std::logic_error& error) {
            other.events.add(error.what());
        }
    });
    EXPECT_TRUE(other.events.wait_for(
        "Server::client_loop(): this thread is no worker of the server; use Server::post()"));
}

// A handler of one loop makes servers and sockets of other loops, which have their own threads.
TEST(ServerClientLoop, AHandlerMakesAServerAndALoop) {
    std::unique_ptr<EchoServer> target;
    std::unique_ptr<WebSocket> socket, others;
    Transcript heard;
    ClientLoop loop, other;
    loop.post([&] {
        target = std::make_unique<EchoServer>();
        other.after(1ms, [&] { heard.add("timer"); });
        others = std::make_unique<WebSocket>(other, target->url());
        others->onopen = [&] { others->send("hello"); };
        others->onmessage = [&](const MessageEvent& event) {
            heard.add(std::string(event.text()));
            others->close(1000);
        };
        socket = std::make_unique<WebSocket>(loop, target->url());
        socket->onopen = [&] { other.start(); };
        socket->onmessage = [&] { socket->close(1000); };
        socket->onclose = [&] { target.reset(); };
        const TestServer never_started;
    });
    std::jthread feeds([&] {
        EXPECT_TRUE(heard.wait_for("timer"));
        EXPECT_TRUE(heard.wait_for("hello"));
        loop.post([&] { socket->send("bye"); });
    });
    loop.run();
    EXPECT_FALSE(target);
    other.stop();
}

// The incoming connections close first; then what is left gets 1001, and its events come.
TEST(ServerClientLoop, StopClosesClients) {
    EchoServer target;
    std::unique_ptr<WebSocket> socket, late;
    client::test::Log* log = nullptr;
    std::unique_ptr<client::test::Log> owned;
    TestServer host;
    host.start();
    host.server.post([&] {
        socket = std::make_unique<WebSocket>(host.server.client_loop(), target.url());
        owned = std::make_unique<client::test::Log>(*socket);
        log = owned.get();
        socket->onopen = [&] { host.events.add("open"); };
        socket->onclose = [&] {
            // Too late for another connection.
            late = std::make_unique<WebSocket>(host.server.client_loop(), target.url());
            late->onerror = [&](const ErrorEvent& event) {
                host.events.add("late: " + std::string(event.message));
            };
        };
    });
    ASSERT_TRUE(host.events.wait_for("open"));
    host.server.stop();
    host.server.wait();
    EXPECT_EQ(log->text, "open close(1001 clean)");
    EXPECT_EQ(host.events.count("late: the server stops"), 1u);
    EXPECT_TRUE(target.events.wait_for("close 1001"));
    EXPECT_EQ(socket->ready_state(), WebSocket::CLOSED);
}

// A connection for a request that is under way stays until the request is answered.
TEST(ServerClientLoop, StopWaitsForRequestsThatUseClients) {
    std::promise<void> asked, answer;
    ScriptServer target([&](Peer& peer) {
        peer.accept();
        peer.next();
        asked.set_value();
        answer.get_future().wait();
        peer.write_hex("81 02 6f6b");
        EXPECT_EQ(peer.next(), "close(1000)");
        peer.write_hex("88 02 03e8");
    });
    TestServer host;
    host.server.get("/ask", [&](const http::Request&, http::Response& response) {
        auto socket = std::make_shared<WebSocket>(host.server.client_loop(), target.url());
        socket->onopen = [&socket = *socket] { socket.send("question"); };
        socket->onmessage = [reply = response.later(), socket](const MessageEvent& event) {
            reply.send(http::Response().text(std::string(event.text())));
            socket->close(1000);
        };
        // The WebSocket owns itself until it is closed.
        socket->onclose = [&socket = *socket] { socket.onmessage = nullptr; };
    });
    host.start();
    Client client(host.port());
    client.send("GET /ask HTTP/1.1\r\nHost: x\r\n\r\n");
    asked.get_future().wait();
    host.server.stop();
    answer.set_value();
    const std::string got = client.read_to_end();
    EXPECT_TRUE(got.ends_with("ok<end>")) << got;
    host.server.wait();
}

// A second stop() waits for nobody. The close frame leaves, the events do not come.
TEST(ServerClientLoop, StopAtOnce) {
    std::string got;
    ScriptServer target([&](Peer& peer) {
        peer.accept();
        if (const std::string next = peer.next(); got.empty()) got = next;
        peer.wait_for_end();
    });
    std::unique_ptr<WebSocket> socket, connecting;
    std::unique_ptr<client::test::Log> log;
    auto server = std::make_unique<TestServer>();
    TestServer& host = *server;
    host.start();
    host.server.post([&] {
        ClientLoop& loop = host.server.client_loop();
        socket = std::make_unique<WebSocket>(loop, target.url());
        log = std::make_unique<client::test::Log>(*socket);
        loop.after(1h, [&] { log->add("never"); });
        socket->onopen = [&] {
            connecting = std::make_unique<WebSocket>(host.server.client_loop(), target.url());
            host.events.add("open");
        };
    });
    ASSERT_TRUE(host.events.wait_for("open"));
    host.server.stop();
    host.server.stop();
    host.server.wait();
    server.reset();
    target.stop();
    EXPECT_EQ(got, "close(1001)");
    EXPECT_EQ(log->text, "open");
    for (WebSocket* const each : {socket.get(), connecting.get()}) {
        EXPECT_EQ(each->ready_state(), WebSocket::CLOSED);
        each->send("late");
        each->close(1000);
        each->onopen = nullptr;
    }
}

TEST(ServerClientLoop, HandlesOutliveTheServer) {
    EchoServer target;
    std::unique_ptr<WebSocket> socket;
    std::unique_ptr<ReconnectingWebSocket> again;
    std::unique_ptr<sio::ClientSocket> events;
    {
        TestServer host;
        host.start();
        host.server.post([&] {
            ClientLoop& loop = host.server.client_loop();
            socket = std::make_unique<WebSocket>(loop, target.url());
            socket->onopen = [&] { host.events.add("open"); };
            again = std::make_unique<ReconnectingWebSocket>(loop, target.url());
            again->onopen = [&] { host.events.add("open"); };
            events = std::make_unique<sio::ClientSocket>(sio::connect(loop, target.url("http")));
            events->on("connect", [&] { host.events.add("open"); });
        });
        ASSERT_TRUE(host.events.wait_for("open", 3));
    }
    socket->send("late");
    EXPECT_EQ(socket->buffered_amount(), 4u);
    EXPECT_EQ(again->ready_state(), WebSocket::CLOSED);
    EXPECT_FALSE(again->send("late"));
    again->close();
    EXPECT_THROW(events->emit("add", 1, 2), std::logic_error);
    (void)events->connected();
    (void)events->active();
}

// Without polling: a stop in the middle of an upgrade may reset a poll, which the server calls a transport
// error.
TEST(ServerClientLoop, SocketIoOnWorkers) {
    EchoServer target;
    TestServer host({.workers = 2});
    std::array<std::unique_ptr<sio::ClientSocket>, 2> sockets;
    host.start();
    for (unsigned worker = 0; worker < 2; ++worker)
        host.server.post(worker, [&, worker] {
            const auto thread = std::this_thread::get_id();
            sockets[worker] = std::make_unique<sio::ClientSocket>(
                sio::connect(host.server.client_loop(), target.url("http"),
                             {.transports = {sio::Transport::websocket}}));
            sockets[worker]->emit_with_ack("add", 3, 4, [&, thread](const sio::Answer& answer) {
                host.events.add(thread == std::this_thread::get_id() && answer.value() == 7
                                    ? "seven"
                                    : "wrong");
            });
            sockets[worker]->on("disconnect", [&](std::string reason) { host.events.add(reason); });
        });
    ASSERT_TRUE(host.events.wait_for("seven", 2)) << host.events.text();
    host.server.stop();
    host.server.wait();
    EXPECT_EQ(host.events.text(), "seven, seven, forced close, forced close");
    EXPECT_TRUE(target.events.wait_for("left: transport close", 2)) << target.events.text();
    for (const auto& socket : sockets) EXPECT_FALSE(socket->connected());
}

// The stop ends the attempts, during a pause too.
TEST(ServerClientLoop, ReconnectingEndsWithTheServer) {
    EchoServer target;
    TestServer host;
    host.start();
    std::unique_ptr<ReconnectingWebSocket> open, pausing;
    host.server.post([&] {
        ClientLoop& loop = host.server.client_loop();
        open = std::make_unique<ReconnectingWebSocket>(loop, target.url());
        open->onopen = [&] { host.events.add("open"); };
        open->onlost = [&] { host.events.add("lost"); };
        open->onclose = [&](const CloseEvent& event) {
            host.events.add("close " + std::to_string(event.code));
        };
        pausing =
            std::make_unique<ReconnectingWebSocket>(loop, "ws://127.0.0.1:1/", WebSocketOptions{},
                                                    ReconnectOptions{.delay = 1h, .delay_max = 1h});
        pausing->onlost = [&](const LostEvent& event) {
            host.events.add(event.retry_in ? "pause" : "end");
        };
        pausing->onclose = [&] { host.events.add("close"); };
    });
    ASSERT_TRUE(host.events.wait_for("open"));
    ASSERT_TRUE(host.events.wait_for("pause"));
    host.server.stop();
    host.server.wait();
    EXPECT_EQ(host.events.count("close"), 1u) << host.events.text();
    EXPECT_EQ(host.events.count("close 1001"), 1u) << host.events.text();
    EXPECT_EQ(host.events.count("lost"), 0u);
}

}  // namespace
}  // namespace starling::server::test
