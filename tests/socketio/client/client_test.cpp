// The client's manager and sockets: what the table of situations does not hold. Names of 1.x, stale
// packets, protocol 4, MessagePack, limits, and calls from inside listeners.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fake/socketio_client.h"

namespace starling {
namespace {

using base::Backoff;
using fake::AckResult;
using fake::Arguments;
using fake::SioClient;
using socketio::client::ManagerOptions;
using socketio::client::SocketOptions;
using Lines = std::vector<std::string>;

constexpr std::string_view open_text =
    R"(0{"sid":"E1","upgrades":[],"pingInterval":25000,"pingTimeout":20000})";

ManagerOptions options() {
    return {.engine = {.transports = {engineio::Transport::websocket}},
            .auto_connect = false,
            .randomization_factor = 0};
}

// The lines that the client reported, and those that the server saw, since the last call.
Lines said(SioClient& client) {
    client.settle();
    return std::exchange(client.lines, {});
}
Lines seen(SioClient& client) {
    client.settle();
    return std::exchange(client.seen, {});
}

void open(SioClient& client) {
    client.settle();
    client.send(open_text);
    client.settle();
}

void join(SioClient& client, const std::string& nsp = "/") {
    client.socket(nsp).connect();
    open(client);
    client.send("40" + (nsp == "/" ? std::string() : nsp + ",") + R"({"sid":"S1"})");
    client.settle();
    client.lines.clear();
    client.seen.clear();
}

TEST(SocketIoClient, TellsThatEventsHaveLeft) {
    SioClient client(options());
    client.hears_drain = true;
    client.socket().connect();
    open(client);
    const auto drained = [&] {
        client.wires.back()->session.on_websocket_drained();
        return said(client);
    };
    client.lines.clear();
    client.buffered = 2;  // CONNECT alone.
    EXPECT_EQ(client.manager.buffered_bytes(), 0u);
    client.buffered = 0;
    EXPECT_EQ(drained(), Lines{});
    client.send(R"(40{"sid":"S1"})");
    said(client);
    client.buffered = 7;
    client.of("/").hears_outgoing = false;
    client.emit("/", "a");
    EXPECT_EQ(client.manager.buffered_bytes(), 7u);
    EXPECT_EQ(drained(), Lines{});
    client.buffered = 0;
    EXPECT_EQ(drained(), Lines{"manager drain"});
    EXPECT_EQ(drained(), Lines{});
    client.manager.watch_drain();
    EXPECT_EQ(seen(client).back(), "watch drain");
}

// A pause belongs to the manager: each of its sessions pauses when it is open.
TEST(SocketIoClient, PausesEachSession) {
    SioClient client(options());
    client.socket().connect();
    client.manager.pause();
    EXPECT_TRUE(client.manager.paused());
    open(client);
    EXPECT_EQ(seen(client), (Lines{"ws", "pause", "ws< 40"}));
    client.manager.resume();
    EXPECT_EQ(seen(client), Lines{"resume"});
    client.manager.pause();
    client.end();
    client.settle();
    client.advance(1000);
    seen(client);
    open(client);
    EXPECT_EQ(seen(client), (Lines{"pause", "ws< 40"}));
    client.manager.close();
    client.manager.resume();
    EXPECT_FALSE(client.manager.paused());
}

TEST(SocketIoClient, PausesGrow) {
    Backoff plain(1000, 5000, 0);
    for (const uint64_t pause_ms : {1000u, 2000u, 4000u, 5000u, 5000u})
        EXPECT_EQ(plain.next_ms(0.9), pause_ms);
    EXPECT_EQ(plain.attempts(), 5);
    plain.reset();
    EXPECT_EQ(plain.next_ms(0), 1000u);
    // random, pause: the first digit after the point chooses the sign.
    const struct {
        double random;
        uint64_t pause_ms;
    } rows[] = {{0, 1000}, {0.1, 1050}, {0.25, 875}, {0.5, 1250}, {0.89, 555}, {0.999, 1499}};
    for (const auto& row : rows)
        EXPECT_EQ(Backoff(1000, 5000, 0.5).next_ms(row.random), row.pause_ms);
    Backoff long_lived(1000, 5000, 0.5);
    for (int i = 0; i < 5000; ++i) EXPECT_LE(long_lived.next_ms(0.99), 5000u);
    EXPECT_EQ(Backoff(1000, 5000, 1.5).next_ms(0.9), 1000u);
}

// Each name of 1.x at the moment at which npm socket.io-client 1.7 fires it.
TEST(SocketIoClient, SaysTheNamesOf1x) {
    ManagerOptions all = options();
    all.reconnection_attempts = 2;
    SioClient client(all);
    client.of("/").only_modern = false;
    client.of("/").hears_outgoing = false;
    client.socket().connect();
    EXPECT_EQ(said(client), Lines{"/ connecting"});
    open(client);
    client.send(R"(40{"sid":"S1"})");
    client.send(R"(42["message","hi"])");
    EXPECT_EQ(said(client),
              (Lines{"manager open", R"(/ connect "S1" false)", R"(/ event "message" "hi")"}));
    client.send("9");  // A failure of the open session.
    EXPECT_EQ(said(client), (Lines{
                                R"(manager error {"message":"server error"})",
                                R"(/ error {"message":"server error"})",
                                R"(/ disconnect "transport error" "server error")",
                                R"(manager close "transport error")",
                            }));
    client.refuses = true;
    client.advance(1000);
    EXPECT_EQ(said(client), (Lines{
                                "manager reconnect_attempt 1",
                                "/ reconnecting 1",
                                R"(/ connect_error {"message":"websocket error"})",
                                R"(/ connect_failed {"message":"websocket error"})",
                                R"(manager error {"message":"websocket error"})",
                                R"(manager reconnect_error {"message":"websocket error"})",
                            }));
    client.refuses = false;
    client.advance(2000);
    open(client);
    client.send(R"(40{"sid":"S2"})");
    EXPECT_EQ(said(client), (Lines{
                                "manager reconnect_attempt 2",
                                "/ reconnecting 2",
                                "manager open",
                                "manager reconnect 2",
                                "/ reconnect 2",
                                R"(/ connect "S2" false)",
                            }));
    client.refuses = true;
    client.end();
    client.settle();
    client.advance(10'000);
    const Lines last = said(client);
    ASSERT_GE(last.size(), 3u);
    EXPECT_EQ(Lines(last.end() - 3, last.end()),
              (Lines{"manager reconnect_failed", "/ reconnect_failed",
                     R"(manager reconnect_error {"message":"websocket error"})"}));
    EXPECT_TRUE(client.manager.idle());
}

TEST(SocketIoClient, TheServersErrorHasTheNameOf1x) {
    SioClient client(options());
    client.of("/").only_modern = false;
    client.socket().connect();
    open(client);
    client.lines.clear();
    client.send(R"(44{"message":"no","data":7})");
    EXPECT_EQ(said(client), (Lines{R"(manager close "forced close")",
                                   R"(/ connect_error {"message":"no","data":7})",
                                   R"(/ error {"message":"no","data":7})"}));
    EXPECT_FALSE(client.socket().active());
    client.socket().connect();
    open(client);
    client.lines.clear();
    client.send(R"(44"no words")");
    EXPECT_EQ(said(client).at(1), R"(/ connect_error {"message":"no words"})");
}

TEST(SocketIoClient, ConnectsByItself) {
    ManagerOptions all = options();
    all.auto_connect = true;
    SioClient client(all);
    (void)client.of("/");
    EXPECT_EQ(seen(client), Lines{"ws"});
    open(client);
    EXPECT_EQ(seen(client), Lines{"ws< 40"});
}

// What arrives for an entry that the client has left.
TEST(SocketIoClient, IgnoresStalePackets) {
    SioClient client(options());
    join(client);
    client.socket("/b").connect();
    client.send(R"(40/b,{"sid":"B1"})");
    EXPECT_EQ(seen(client), Lines{"ws< 40/b,"});
    client.socket("/b").disconnect();
    client.send(R"(42/b,["late"])");
    client.socket("/b").connect();
    client.send(R"(42/b,["late too"])");
    client.send("41/b,");
    client.send(R"(40/b,{"sid":"B2"})");
    client.send(R"(42/b,["in time"])");
    EXPECT_EQ(said(client),
              (Lines{R"(/b connect "B1" false)", R"(/b disconnect "io client disconnect" null)",
                     R"(/b connect "B2" false)", R"(/b event "in time")"}));
    EXPECT_EQ(seen(client), (Lines{"ws< 41/b,", "ws< 40/b,"}));
}

// What a server sends before it answers CONNECT is kept for a restored session, up to a limit.
TEST(SocketIoClient, EarlyEventsAreLimited) {
    const std::string event = R"(2["a",")" + std::string(60, 'x') + "\"]";
    const uint64_t fits = 2 * event.size();
    for (const uint64_t limit : {fits, fits - 1}) {
        SioClient client(options(), {.early_bytes_max = limit});
        client.socket().connect();
        open(client);
        client.send(R"(40{"sid":"S1","pid":"P"})");
        client.end();
        client.settle();
        client.advance(1000);
        open(client);
        client.lines.clear();
        client.send("4" + event);
        client.send("4" + event);
        client.send(R"(40{"sid":"S2","pid":"P"})");
        const Lines lines = said(client);
        EXPECT_EQ(std::ranges::count(lines, R"(manager close "parse error")"), limit < fits);
        EXPECT_EQ(std::ranges::count(lines, R"(/ connect "S2" true)"), limit == fits);
    }
}

// disconnect() before the server has answered: CONNECT is not sent twice, and no socket of the server
// stays.
TEST(SocketIoClient, LeavesWhatItNoLongerWants) {
    SioClient client(options());
    join(client);
    client.socket("/b").connect();
    client.socket("/b").disconnect();
    client.socket("/b").connect();
    client.send(R"(40/b,{"sid":"B1"})");
    EXPECT_EQ(said(client), Lines{R"(/b connect "B1" false)"});
    EXPECT_EQ(seen(client), Lines{"ws< 40/b,"});
    client.socket("/c").connect();
    client.socket("/c").disconnect();
    client.send(R"(40/c,{"sid":"C1"})");
    EXPECT_EQ(seen(client), (Lines{"ws< 40/c,", "ws< 41/c,"}));
    client.socket("/c").connect();
    EXPECT_EQ(seen(client), Lines{"ws< 40/c,"});
    EXPECT_TRUE(said(client).empty());
}

TEST(SocketIoClient, AnswersOnceAndInItsConnection) {
    SioClient client(options());
    join(client);
    client.send(R"(427["a"])");
    client.send(R"(428["b"])");
    client.settle();
    const auto replies = client.of("/").replies;
    ASSERT_EQ(replies.size(), 2u);
    const auto copy = replies[0];
    sio::detail::with_values(replies[0], 1, "x");
    sio::detail::with_values(copy, 2);
    EXPECT_EQ(seen(client), Lines{R"(ws< 437[1,"x"])"});
    client.end();
    client.advance(1000);
    open(client);
    client.send(R"(40{"sid":"S2"})");
    client.settle();
    client.seen.clear();
    sio::detail::with_values(replies[1], "late");
    EXPECT_TRUE(seen(client).empty());
    socketio::client::Reply()({});
}

TEST(SocketIoClient, SpeaksProtocol4) {
    ManagerOptions all = options();
    all.engine.revision = engineio::Revision::eio3;
    SioClient client(all, {.auth = [](const auto& reply) {
                         reply({{"token", "a b&c"}, {"n", 1}});
                     }});
    client.socket().connect();
    client.socket("/admin").connect();
    open(client);
    EXPECT_EQ(seen(client), (Lines{"ws", "ws< 40/admin?token=a%20b%26c&n=1,"}));
    client.send("40");
    client.send("40/admin,");
    client.send(R"(42/admin,["a"])");
    client.send(R"(44/admin,"no")");
    EXPECT_EQ(said(client), (Lines{"manager open", R"(/ connect "E1" false)",
                                   R"(/admin connect "/admin#E1" false)", R"(/admin event "a")",
                                   R"(/admin connect_error {"message":"no"})"}));
    client.emit("/", "x", sio::Binary(std::string("\x01")));
    EXPECT_EQ(seen(client),
              (Lines{R"(ws< 451-["x",{"_placeholder":true,"num":0}])", "ws< bytes 0401"}));
}

TEST(SocketIoClient, SpeaksMessagePack) {
    ManagerOptions all = options();
    all.codec = socketio::Codec::msgpack;
    SioClient client(all);
    client.socket().connect();
    open(client);
    const Lines lines = seen(client);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(lines[1].starts_with("ws< bytes ")) << lines[1];
    const auto server = [&](socketio::Type type, auto... values) {
        socketio::Encoder encoder(socketio::Codec::msgpack);
        encoder.begin(type, "/");
        (encoder.value(values), ...);
        ASSERT_TRUE(encoder.finish());
        client.send_bytes(encoder.text());
    };
    server(socketio::Type::connect, sio::Json{{"sid", "S1"}});
    server(socketio::Type::event, "a", sio::Json(sio::Binary(std::string("\x02"))));
    EXPECT_EQ(said(client),
              (Lines{"manager open", R"(/ connect "S1" false)", R"(/ event "a" {"bytes":"02"})"}));
    client.send(R"(42["text"])");
    EXPECT_EQ(said(client).at(0), R"(/ disconnect "parse error" "")");
}

TEST(SocketIoClient, RefusesWhatCannotBeSent) {
    for (const uint32_t retries : {0u, 1u}) {
        SioClient client(options(), {.retries = retries});
        for (const char* const name :
             {"connect", "connect_error", "disconnect", "disconnecting", "newListener"})
            EXPECT_THROW(client.emit("/", name), std::invalid_argument) << name;
        EXPECT_THROW(client.emit("/", std::string(256, 'a')), std::invalid_argument);
        join(client);
        EXPECT_THROW(client.emit("/", "disconnect"), std::invalid_argument);
        const std::vector<sio::Json> many(11, sio::Binary(std::string("x")));
        EXPECT_THROW(client.emit("/", "a", many), std::invalid_argument);
        EXPECT_EQ(client.socket().pending_acks(), 0u);
        EXPECT_EQ(client.socket().buffered_events(), 0u);
        EXPECT_TRUE(seen(client).empty());
    }
}

TEST(SocketIoClient, BuffersUpToALimit) {
    for (const uint32_t retries : {0u, 1u}) {
        SioClient client(options(), {.retries = retries, .buffered_events_max = 2});
        std::vector<AckResult> results;
        for (int i = 0; i < 3; ++i) {
            const bool kept = client.socket().emit(
                "a", {}, {}, [&](AckResult result, Arguments) { results.push_back(result); });
            EXPECT_EQ(kept, i < 2);
        }
        EXPECT_FALSE(client.socket().emit("a", {}));
        EXPECT_EQ(results, std::vector<AckResult>{AckResult::dropped});
        EXPECT_EQ(client.socket().buffered_events(), 2u);
    }
}

// The heartbeat is overdue, but the timer has not run yet, as after a sleep of the machine: an event
// waits for the next connection.
TEST(SocketIoClient, SendsNothingIntoADeadSession) {
    for (const uint32_t retries : {0u, 3u}) {
        SioClient client(options(), {.retries = retries, .ack_timeout_ms = 1'000'000});
        join(client);
        client.clock_ms += 60'000;
        client.emit("/", "a");
        EXPECT_TRUE(seen(client).empty());
        client.advance(0);
        client.advance(1000);
        open(client);
        client.send(R"(40{"sid":"S2"})");
        const Lines lines = seen(client);
        EXPECT_EQ(std::ranges::count(lines, retries ? R"(ws< 420["a"])" : R"(ws< 42["a"])"), 1);
        EXPECT_EQ(client.socket().buffered_events(), retries ? 1u : 0u);
    }
}

// A session that still sends what is queued does not disturb the next one.
TEST(SocketIoClient, ConnectsWhileTheLastSessionEnds) {
    ManagerOptions all = options();
    all.engine.transports = {engineio::Transport::polling};
    all.engine.upgrade = false;
    SioClient client(all);
    client.socket().connect();
    client.answer_poll(std::string(open_text));
    client.settle();
    client.answer_poll(R"(40{"sid":"S1"})");
    client.settle();
    client.answers = false;
    client.emit("/", "a");
    client.socket().disconnect();
    client.socket().connect();
    client.settle();
    EXPECT_EQ(client.manager.sessions(), 2u);
    client.seen.clear();
    client.wires[0]->answer(200);
    EXPECT_EQ(seen(client), Lines{"POST 41"});
    client.wires[0]->answer(200);
    EXPECT_EQ(seen(client), Lines{"POST 1"});
    EXPECT_EQ(client.manager.sessions(), 1u);
    client.answers = true;
    client.answer_poll(std::string(open_text));
    client.settle();
    client.answer_poll(R"(40{"sid":"S2"})");
    client.settle();
    EXPECT_TRUE(client.socket().connected());
    EXPECT_EQ(client.socket().id(), "S2");
}

// Every listener may disconnect, connect, emit, or close the manager.
// Each listener closes what has just ended.
TEST(SocketIoClient, ListenersMayCloseTheManager) {
    SioClient client(options());
    join(client);
    client.of("/").on_own = [&](std::string_view) { client.manager.close(); };
    client.end();
    EXPECT_EQ(said(client),
              (Lines{R"(/ disconnect "transport close" "websocket connection closed")",
                     R"(manager close "transport close")"}));
    client.advance(100'000);
    EXPECT_TRUE(said(client).empty());
    EXPECT_EQ(client.manager.deadline_ms(), UINT64_MAX);
}

TEST(SocketIoClient, ListenersMayDoAnything) {
    const std::vector<std::function<void(SioClient&)>> deeds = {
        [](SioClient& client) { client.socket().disconnect(); },
        [](SioClient& client) { client.socket().connect(); },
        [](SioClient& client) {
            client.socket().disconnect();
            client.socket().connect();
        },
        [](SioClient& client) { client.manager.close(); },
        [](SioClient& client) { client.manager.open(); },
        [](SioClient& client) { client.emit("/", "x"); },
        [](SioClient& client) { client.socket("/more").connect(); },
    };
    for (size_t deed = 0; deed < deeds.size(); ++deed) {
        for (const char* const name : {"connect", "disconnect", "connect_error", "connecting",
                                       "reconnecting", "reconnect", "event", "error"}) {
            SioClient client(options());
            auto& root = client.of("/");
            root.only_modern = false;
            int left = 3;
            const auto act = [&](std::string_view what) {
                if (what == name && left-- > 0) deeds[deed](client);
            };
            root.on_own = act;
            root.on_args = [&](Arguments) { act("event"); };
            client.socket().connect();
            for (int round = 0; round < 4; ++round) {
                open(client);
                client.send(R"(40{"sid":"S1"})");
                client.send(R"(42["a"])");
                client.settle();
                round % 2 ? client.end() : client.send("9");
                client.settle();
                client.refuses = round == 1;
                client.advance(3000);
                client.refuses = false;
                client.advance(10'000);
            }
            root.on_own = nullptr;
            root.on_args = nullptr;
            client.manager.close();
            client.settle();
            EXPECT_TRUE(client.manager.idle()) << deed << " in " << name;
            EXPECT_FALSE(client.socket().connected());
        }
    }
}

}  // namespace
}  // namespace starling
