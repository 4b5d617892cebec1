// Handlers of Socket.IO that are coroutines, acks as results, and posted calls.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/guard.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

// A Socket.IO client that sends and receives packets.
class SioClient {
public:
    explicit SioClient(const TestServer& t)
        : ws_(t.port(), "/socket.io/?EIO=4&transport=websocket") {
        (void)next();  // The handshake of Engine.IO.
        send("40");
        connected_ = next();
    }
    void send(const std::string& packet) { ws_.send_text(packet); }
    // The next packet except pings, or what ended the connection.
    std::string next() {
        for (;;) {
            const std::string got = ws_.next();
            if (got != "text(2)")
                return got.starts_with("text(") ? got.substr(5, got.size() - 6) : got;
            send("3");
        }
    }
    std::string ask(const std::string& packet) {
        send(packet);
        return next();
    }
    // Answers the event "42" ID "[...]" in `question`.
    void answer(const std::string& question, const std::string& args) {
        send("43" + question.substr(2, question.find('[') - 2) + args);
    }
    void close() { ws_.close(); }
    [[nodiscard]] const std::string& connected() const { return connected_; }

private:
    WsClient ws_;
    std::string connected_;
};

TEST(SocketIoCoroutine, WhatItReturnsIsTheAck) {
    TestServer t;
    auto& io = t.server.socketio();
    io.on("order", [](sio::Socket socket, std::string item) -> Task<std::string> {
        const sio::Json more({{"a", 1}});
        const sio::Answer sure = co_await socket.emit_with_ack("sure?", item, more);
        co_return sure ? item + " " + std::string(sure.value().as_string()) : "no answer";
    });
    io.on("plain", [](sio::Ack done) -> Task<> {
        done("by the ack");
        co_return;
    });
    t.start();
    SioClient client(t);
    const std::string question = client.ask(R"(420["order","tea"])");
    EXPECT_EQ(question.substr(question.find('[')), R"(["sure?","tea",{"a":1}])");
    client.answer(question, R"(["yes"])");
    EXPECT_EQ(client.next(), R"(430["tea yes"])");
    EXPECT_EQ(client.ask(R"(421["plain"])"), R"(431["by the ack"])");
    EXPECT_EQ(client.ask(R"(422["order",7])"),
              R"(432[{"error":"bad arguments","message":"argument 1 must be a string"}])");
}

// Even views stay: a packet that arrives meanwhile uses the same memory.
TEST(SocketIoCoroutine, ArgumentsStayUntilItEnds) {
    TestServer t;
    Promise<void> promise;
    auto& io = t.server.socketio();
    io.on("keep",
          [&](std::string_view text, const sio::Json& json, sio::Json copy,
              const std::string& string, std::span<const sio::Json> rest) -> Task<sio::Json> {
              co_await promise.future();
              co_return sio::Json({text, json, copy, string, rest.size(), rest[0]});
          });
    io.on("other", [](std::string_view) { return 1; });
    t.start();
    SioClient client(t);
    const std::string a(100, 'a'), b(100, 'b');
    client.send(R"(420["keep",")" + a + R"(",{"k":")" + a + R"("},[")" + a + R"("],")" + a +
                R"(",[")" + a + R"("]])");
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(client.ask(R"(421["other",")" + b + b + b + b + b + R"("])"), "431[1]");
    promise.set_value();
    EXPECT_EQ(client.next(), R"(430[[")" + a + R"(",{"k":")" + a + R"("},[")" + a + R"("],")" + a +
                                 R"(",1,[")" + a + R"("]]])");
}

TEST(SocketIoCoroutine, WaitsForEverForAnAckAndDiesWithItsClient) {
    Transcript events;
    TestServer t;
    auto& io = t.server.socketio();
    io.on_connection([&](sio::Socket socket) -> Task<> {
        const Guard guard(events, "connection");
        socket.on("ask", [&](sio::Socket self) -> Task<> {
            const Guard inner(events, "event");
            (void)co_await self.timeout(1h).emit_with_ack("q");
            events.add("never");
        });
        co_await t.server.sleep(1h);
        events.add("never");
    });
    io.on_disconnect([&](sio::Socket, std::string_view reason) -> Task<> {
        const Guard guard(events, "disconnect");
        co_await t.server.sleep(1ms);
        events.add(std::string(reason));
    });
    t.start();
    SioClient client(t);
    EXPECT_EQ(client.ask(R"(42["ask"])").substr(0, 2), "42");
    client.close();
    EXPECT_TRUE(events.wait_for("disconnect ends"));
    EXPECT_EQ(events.count("connection ends"), 1u);
    EXPECT_EQ(events.count("event ends"), 1u);
    EXPECT_EQ(events.count("transport close"), 1u);
    EXPECT_EQ(events.count("never"), 0u);
}

TEST(SocketIoCoroutine, TheAckOfAnotherClientThatLeavesSaysSo) {
    TestServer t({.workers = 1});
    sio::Socket other;
    auto& io = t.server.socketio();
    io.on("here", [&](sio::Socket socket) { return (other = socket, true); });
    io.on("ask other", [&]() -> Task<std::string> {
        const sio::Answer answer = co_await other.timeout(1h).emit_with_ack("q");
        co_return answer.status == sio::Answer::Status::disconnected ? "left" : "wrong";
    });
    t.start();
    SioClient asks(t), leaves(t);
    EXPECT_EQ(leaves.ask(R"(420["here"])"), "430[true]");
    asks.send(R"(420["ask other"])");
    EXPECT_EQ(leaves.next().substr(0, 2), "42");
    leaves.close();
    EXPECT_EQ(asks.next(), R"(430["left"])");
}

// The listener is removed; what it captured lives as long as its coroutine.
TEST(SocketIoCoroutine, OutlivesItsListener) {
    TestServer t;
    t.server.socketio().on_connection([&](sio::Socket socket) {
        socket.once("once", [&, text = std::string(100, 'x')]() -> Task<std::string> {
            co_await t.server.sleep(1ms);
            co_return text;
        });
        socket.on("off", [&, text = std::string(100, 'y')](sio::Socket self) -> Task<std::string> {
            self.off();
            co_await t.server.sleep(1ms);
            co_return text;
        });
    });
    t.start();
    SioClient client(t);
    EXPECT_EQ(client.ask(R"(420["once"])"), R"(430[")" + std::string(100, 'x') + R"("])");
    EXPECT_EQ(client.ask(R"(420["off"])"), R"(430[")" + std::string(100, 'y') + R"("])");
}

TEST(SocketIoCoroutine, OneThatDisconnectsItsClientIsDestroyed) {
    Transcript events;
    TestServer t;
    t.server.socketio().on("bye", [&](sio::Socket socket) -> Task<> {
        const Guard guard(events, "frame");
        co_await t.server.sleep(1ms);
        socket.disconnect();
        events.add("goes on");
        co_await t.server.sleep(1ms);
        events.add("never");
    });
    t.start();
    SioClient client(t);
    EXPECT_EQ(client.ask(R"(42["bye"])"), "41");
    EXPECT_TRUE(events.wait_for("frame ends"));
    EXPECT_EQ(events.text(), "frame begins, goes on, frame ends");
}

// Destroying a frame may end another socket; that one leaves after the first.
TEST(SocketIoCoroutine, OneThatIsDestroyedMayEndAnotherSocket) {
    Transcript events;
    TestServer t({.workers = 1});
    sio::Socket other;
    struct Ends {
        sio::Socket& other;
        ~Ends() { other.disconnect(); }
    };
    auto& io = t.server.socketio();
    io.on("other", [&](sio::Socket socket) { return (other = socket, true); });
    io.on("wait", [&](sio::Socket) -> Task<> {
        const Ends ends{other};
        co_await t.server.sleep(1h);
    });
    io.on_disconnect(
        [&](sio::Socket, std::string_view reason) { events.add(std::string(reason)); });
    t.start();
    SioClient first(t), second(t);
    EXPECT_EQ(second.ask(R"(420["other"])"), "430[true]");
    first.send(R"(42["wait"])");
    first.send("41");
    EXPECT_EQ(second.next(), "41");
    EXPECT_TRUE(events.wait_for("server namespace disconnect"));
    EXPECT_EQ(events.text(), "client namespace disconnect, server namespace disconnect");
}

// The coroutines of a gone socket end, even one that ended the socket before its first suspension.
// The coroutines of disconnect handlers go on.
TEST(SocketIoCoroutine, OfASocketThatIsGoneOnlyDisconnectHandlersGoOn) {
    Transcript events;
    TestServer t;
    t.server.socketio().on_connection([&](sio::Socket socket) {
        socket.on("bye", [&](sio::Socket self) -> Task<> {
            const Guard guard(events, "bye");
            self.disconnect();
            co_await t.server.sleep(1h);
        });
        socket.on("disconnect", [&](std::string reason) -> Task<> {
            co_await t.server.sleep(1ms);
            events.add(reason);
        });
    });
    t.start();
    SioClient client(t);
    EXPECT_EQ(client.ask(R"(42["bye"])"), "41");
    EXPECT_TRUE(events.wait_for("server namespace disconnect"));
    EXPECT_EQ(events.text(), "bye begins, bye ends, server namespace disconnect");
}

TEST(SocketIoCoroutine, AnExceptionCostsItsClientTheConnection) {
    TestServer t;
    t.server.socketio().on("fail", [&](bool late) -> Task<int> {
        if (late) co_await t.server.sleep(1ms);
        throw std::runtime_error(late ? "late" : "early");
    });
    t.start();
    for (const char* late : {"false", "true"}) {
        SioClient client(t);
        client.send("42[\"fail\"," + std::string(late) + "]");
        while (client.next().starts_with("4")) {}  // A disconnect packet, then the end.
    }
    EXPECT_TRUE(t.log->lines.wait_for("a handler threw fail early"));
    EXPECT_TRUE(t.log->lines.wait_for("a handler threw fail late"));
    EXPECT_TRUE(t.all_gone());
}

TEST(SocketIoCoroutine, MiddlewareDecidesLater) {
    std::atomic<bool> open{false};
    TestServer t;
    t.server.socketio().use([&](sio::Socket) -> Task<std::optional<sio::Error>> {
        co_await t.server.sleep(1ms);
        if (open) co_return std::nullopt;
        co_return sio::Error{"not yet"};
    });
    t.start();
    EXPECT_EQ(SioClient(t).connected(), R"(44{"message":"not yet"})");
    open = true;
    EXPECT_EQ(SioClient(t).connected().substr(0, 9), R"(40{"sid":)");
}

TEST(SocketIoFuture, SocketsAreFetchedFromAnyThread) {
    TestServer t({.workers = 2});
    auto& io = t.server.socketio();
    io.on("count", [&]() -> Task<size_t> { co_return (co_await io.fetch_sockets()).size(); });
    io.on("wait", [&] {
        try {
            return io.fetch_sockets().get().size();
        } catch (const std::logic_error&) {
            return size_t(1000);
        }
    });
    t.start();
    SioClient a(t), b(t);
    EXPECT_EQ(a.ask(R"(420["count"])"), "430[2]");
    EXPECT_EQ(a.ask(R"(420["wait"])"), "430[1000]");
    EXPECT_EQ(io.fetch_sockets().get().size(), 2u);
    auto asked = io.emit_with_ack("q", 1);
    for (SioClient* client : {&a, &b}) client->answer(client->next(), "[7]");
    EXPECT_EQ(asked.get().responses.size(), 2u);
}

TEST(SocketIoPost, RunsOnTheSocketsWorkerWhileItIsConnected) {
    TestServer t;
    sio::Socket socket;
    t.server.socketio().on("go", [&](sio::Socket self) {
        socket = self;
        self.post([self] { self.emit("posted"); });
        self.post([&t](sio::Socket same) -> Task<> {
            co_await t.server.sleep(1ms);
            same.emit("slept");
        });
        return "handled";
    });
    t.start();
    SioClient client(t);
    EXPECT_EQ(client.ask(R"(420["go"])"), R"(430["handled"])");
    EXPECT_EQ(client.next(), R"(42["posted"])");
    EXPECT_EQ(client.next(), R"(42["slept"])");
    EXPECT_TRUE(socket.post([] { throw std::runtime_error("posted"); }));
    while (client.next().starts_with("4")) {}
    EXPECT_TRUE(t.log->lines.wait_for("a handler threw post posted"));
    EXPECT_TRUE(t.all_gone());
    EXPECT_FALSE(socket.post([] {}));
    EXPECT_FALSE(sio::Socket().post([] {}));
}

}  // namespace
}  // namespace starling::server::test
