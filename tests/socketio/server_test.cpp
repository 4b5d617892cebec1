// Socket.IO between the packets of a client and the handlers of an application, without server,
// clock or sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling {
namespace {

using fake::Client;
using fake::join;
using fake::Workers;
using Lines = std::vector<std::string>;

TEST(SocketIoCore, ConnectsToTheRootAndToldItsId) {
    Workers workers;
    std::string id;
    workers.of("/").on_connection([&](sio::Socket socket) { id = socket.id(); });
    Client client(workers, 0, 4);
    EXPECT_EQ(client.takes(), Lines{});  // Newer clients send CONNECT.
    client.says("0");
    EXPECT_EQ(id.size(), 20u);
    EXPECT_EQ(client.takes(), Lines{"40{\"sid\":\"" + id + "\"}"});
}

TEST(SocketIoCore, OldClientsAreConnectedUnasked) {
    Workers workers;
    std::vector<std::string> ids;
    workers.of("/").on_connection([&](sio::Socket socket) { ids.push_back(socket.id()); });
    workers.of("/admin").on_connection([&](sio::Socket socket) { ids.push_back(socket.id()); });
    Client client(workers, 0, 3);
    client.says("0/admin");  // Client 1.4: no comma.
    client.says("0/nobody?x=1,");
    EXPECT_EQ(client.takes(),
              (Lines{"40", "40/admin,", "44/nobody,{\"message\":\"Invalid namespace\"}"}));
    EXPECT_EQ(ids, (Lines{"ENGINE", "/admin#ENGINE"}));
}

TEST(SocketIoCore, EventsReachHandlersByTheirParameters) {
    Workers workers;
    auto& io = workers.of("/");
    io.on_connection([](sio::Socket socket) {
        socket.on("sum", [](int a, int b) { return a + b; });
        socket.on("join",
                  [](std::string a, std::optional<std::string> b) { return a + b.value_or("-"); });
        socket.on("bytes", [](sio::Binary bytes) { return bytes; });
        socket.on("list", [](std::vector<int> numbers) { return int(numbers.size()); });
        socket.on("late", [](sio::Ack ack) { ack("a", 2, nullptr); });
        socket.on("all", [](std::span<const sio::Json> args, sio::Ack ack) { ack.list(args); });
        socket.on("object", [](const sio::Json& json) { return json.at("a"); });
    });
    io.on("shared", [](sio::Socket socket, int n) {
        socket.emit("shared", n + 1);
        return true;
    });
    const auto client = join(workers);
    const struct {
        const char* says;
        Lines gets;
    } cases[] = {
        {"21[\"sum\",1,2]", {"431[3]"}},
        {"22[\"sum\",1.0,2,\"more\"]", {"432[3]"}},
        {"23[\"join\",\"x\"]", {"433[\"x-\"]"}},
        {"24[\"join\",\"x\",\"y\"]", {"434[\"xy\"]"}},
        {"25[\"list\",[1,2,3]]", {"435[3]"}},
        {"26[\"late\"]", {"436[\"a\",2,null]"}},
        {"27[\"all\",1,{\"a\":[]}]", {"437[1,{\"a\":[]}]"}},
        {"28[\"object\",{\"a\":\"\\u00fc\"}]", {"438[\"ü\"]"}},
        {"29[\"shared\",1]", {"42[\"shared\",2]", "439[true]"}},
        {"2[\"sum\",1,2]", {}},
        {"2[\"unknown\",1,2]", {}},
        {"2[\"__proto__\",1]", {}},
        {"21[\"sum\",1,\"2\"]",
         {"431[{\"error\":\"bad arguments\",\"message\":\"argument 2 must be an integer\"}]"}},
        {"21[\"sum\",1]",
         {"431[{\"error\":\"bad arguments\",\"message\":\"argument 2 must be an integer\"}]"}},
        {"21[\"sum\",1,3000000000]",
         {"431[{\"error\":\"bad arguments\",\"message\":\"argument 2 must be an integer\"}]"}},
    };
    for (const auto& one : cases) {
        client->says(one.says);
        EXPECT_EQ(client->takes(), one.gets) << one.says;
    }
    client->says("51-30[\"bytes\",{\"_placeholder\":true,\"num\":0}]");
    client->says_bytes("abc");
    EXPECT_EQ(client->takes(), (Lines{"461-30[{\"_placeholder\":true,\"num\":0}]", "bytes 3"}));
    EXPECT_TRUE(client->transport.ended.empty());
}

TEST(SocketIoCore, WhatAClientMustNotSayEndsIt) {
    const struct {
        const char* says;
        const char* ends;
    } cases[] = {
        {"0", "forced server close"},                // A second CONNECT.
        {"2/other,[\"a\"]", "forced server close"},  // Not joined.
        {"1/other,", "forced server close"},
        {"4{\"message\":\"x\"}", "forced server close"},
        {"2[\"connect\"]", "forced close"},
        {"2[]", "forced close"},
        {"9", "forced close"},
        {"2{\"a\":1}", "forced close"},
        {"29007199254740993[\"a\"]", "forced close"},
        {"5"
         "11-[\"a\"]",
         "forced close"},
    };
    for (const auto& one : cases) {
        Workers workers;
        std::vector<std::string> reasons;
        auto& io = workers.of("/");
        io.on_disconnect([&](sio::Socket, std::string_view why) { reasons.emplace_back(why); });
        const auto client = join(workers);
        client->says(one.says);
        EXPECT_EQ(client->transport.ended, one.ends) << one.says;
        EXPECT_EQ(reasons, Lines{one.ends}) << one.says;
        EXPECT_EQ(io.sockets(), 0u);
    }
    Workers workers;
    workers.of("/");
    const auto client = join(workers);
    client->says_bytes("abc");  // No attachment is missing.
    EXPECT_EQ(client->transport.ended, "forced close");
}

TEST(SocketIoCore, NamespacesAreDeclaredOrMatched) {
    Workers workers;
    workers.of("/");
    std::vector<std::string> made;
    workers.adapter.on_new_namespace([&](std::string_view name) { made.emplace_back(name); });
    auto& rooms = workers.of_matching(
        [](std::string_view name, const sio::Json&) { return name.starts_with("/room-"); });
    rooms.on_connection([](sio::Socket socket) { socket.emit("in", socket.nsp()); });
    Client client(workers, 0, 4);
    client.says("0/room-1,");
    client.says("0/other,");
    client.says("0/room-2,{\"x\":1}");
    const auto got = client.takes();
    ASSERT_EQ(got.size(), 5u);
    EXPECT_EQ(got[1], "42/room-1,[\"in\",\"/room-1\"]");
    EXPECT_EQ(got[2], "44/other,{\"message\":\"Invalid namespace\"}");
    EXPECT_EQ(made, (Lines{"/room-1", "/room-2"}));
    // To all children of the pattern.
    workers.on(0, [&] { rooms.emit("hello", 1); });
    auto hellos = client.takes();
    std::ranges::sort(hellos);  // The order of the children is undefined.
    EXPECT_EQ(hellos, (Lines{"42/room-1,[\"hello\",1]", "42/room-2,[\"hello\",1]"}));
    client.says("1/room-1,");
    workers.on(0, [&] { rooms.emit("hello", 2); });
    EXPECT_EQ(client.takes(), Lines{"42/room-2,[\"hello\",2]"});
}

TEST(SocketIoCore, NamespacesThatClientsMakeAreBounded) {
    Workers workers;
    size_t made = 0;
    workers.adapter.on_new_namespace([&](std::string_view) { ++made; });
    workers.of_matching([](std::string_view, const sio::Json&) { return true; });
    const auto visit = [&](int i) {
        Client client(workers, 0, 4);
        client.says("0/n" + std::to_string(i) + ",");
    };
    for (int i = 0; i < 10'100; ++i) visit(i);
    EXPECT_EQ(made, 10'100u);
    visit(5);  // One of the first: it still exists.
    EXPECT_EQ(made, 10'100u);
    visit(10'050);  // One of the last: it ended with its socket.
    EXPECT_EQ(made, 10'101u);
}

TEST(SocketIoCore, TheHundredAndFirstNamespaceIsRefused) {
    Workers workers;
    workers.of_matching([](std::string_view, const sio::Json&) { return true; });
    Client client(workers, 0, 4);
    for (int i = 0; i < 100; ++i) client.says("0/n" + std::to_string(i) + ",");
    EXPECT_EQ(client.takes().size(), 100u);
    client.says("0/more,");
    EXPECT_EQ(client.takes(), Lines{"44/more,{\"message\":\"too many namespaces\"}"});
    EXPECT_TRUE(client.transport.ended.empty());
}

TEST(SocketIoCore, MiddlewareDecidesNowOrLater) {
    Workers workers;
    auto& io = workers.of("/");
    std::optional<sio::Next> later;
    io.use([](sio::Socket socket) -> std::optional<sio::Error> {
        const auto auth = socket.handshake().auth;
        if (auth.is_object() && auth.get_object().contains("bad"))
            return sio::Error{"no", {{"code", 7}}};
        return std::nullopt;
    });
    io.use([&](sio::Socket, sio::Next next) { later = next; });
    int connections = 0, disconnections = 0;
    io.on_connection([&](sio::Socket) { ++connections; });
    io.on_disconnect([&](sio::Socket, std::string_view) { ++disconnections; });

    Client refused(workers, 0, 4);
    refused.says("0{\"bad\":1}");
    EXPECT_EQ(refused.takes(), Lines{"44{\"message\":\"no\",\"data\":{\"code\":7}}"});

    Client waits(workers, 0, 4);
    waits.says("0");
    EXPECT_EQ(waits.takes(), Lines{});
    ASSERT_TRUE(later);
    (*later)();  // From another thread.
    (*later)();
    workers.settle();
    EXPECT_EQ(waits.takes().size(), 1u);
    EXPECT_EQ(connections, 1);

    Client gone(workers, 0, 4);
    gone.says("0");
    gone.leaves();
    (*later)(sio::Error{"too late"});
    workers.settle();
    EXPECT_EQ(gone.takes(), Lines{});
    EXPECT_EQ(connections, 1);
    EXPECT_EQ(disconnections, 0);

    Client impatient(workers, 0, 4);
    impatient.says("0");
    impatient.says("2[\"a\"]");  // Before it is admitted.
    EXPECT_EQ(impatient.transport.ended, "forced server close");
}

TEST(SocketIoCore, RoomsReachEachOnceOverTwoWorkers) {
    Workers workers(2);
    auto& io = workers.of("/");
    std::vector<sio::Socket> sockets;
    io.on_connection([&](sio::Socket socket) { sockets.push_back(socket); });
    const auto a = join(workers, 0), b = join(workers, 1), c = join(workers, 1);
    for (const auto& socket : sockets) socket.join("all");  // From a thread that is no worker's.
    workers.settle();
    workers.on(1, [&] { sockets[2].join("some"); });
    workers.on(0, [&] { io.to("all").to("some").emit("x", 1); });
    workers.settle();
    for (const auto& client : {a.get(), b.get(), c.get()})
        EXPECT_EQ(client->takes(), Lines{"42[\"x\",1]"});
    io.to("all").except("some").emit("y");
    workers.settle();
    EXPECT_EQ(a->takes(), Lines{"42[\"y\"]"});
    EXPECT_EQ(b->takes(), Lines{"42[\"y\"]"});
    EXPECT_EQ(c->takes(), Lines{});
    workers.on(1, [&] { sockets[1].broadcast().emit("z"); });
    workers.settle();
    EXPECT_EQ(a->takes(), Lines{"42[\"z\"]"});
    EXPECT_EQ(b->takes(), Lines{});
    EXPECT_EQ(c->takes(), Lines{"42[\"z\"]"});
    io.to(c->member("sid")).emit("private");
    workers.settle();
    EXPECT_EQ(c->takes(), Lines{"42[\"private\"]"});
    EXPECT_EQ(a->takes(), Lines{});
    io.in("some").sockets_leave("all");
    workers.settle();
    io.to("all").emit("w");
    workers.settle();
    EXPECT_EQ(c->takes(), Lines{});
    std::vector<sio::RemoteSocket> found;
    io.fetch_sockets([&](std::vector<sio::RemoteSocket> all) { found = std::move(all); });
    workers.settle();
    EXPECT_EQ(found.size(), 3u);
    io.in("some").disconnect_sockets();
    workers.settle();
    EXPECT_EQ(c->takes(), Lines{"41"});
    EXPECT_EQ(io.sockets(), 2u);
}

TEST(SocketIoCore, ListenersMayChangeWhileTheyRun) {
    Workers workers;
    std::vector<std::string> calls;
    std::optional<sio::Socket> kept;
    workers.of("/").on_connection([&](sio::Socket socket) {
        kept = socket;
        socket.once("a", [&, long_text = std::string(100, 'x')](sio::Socket self) {
            calls.push_back("once");
            self.off("a");
            for (int i = 0; i < 50; ++i)
                self.on("a", [&, text = long_text] { calls.push_back("new" + text.substr(0, 0)); });
            calls.push_back(long_text.substr(0, 1));
        });
        socket.on("a", [&] { calls.push_back("second"); });
        socket.on("bye", [](sio::Socket self) {
            self.disconnect();
            self.emit("never");
        });
        socket.on_any([&](std::string_view name, std::span<const sio::Json>) {
            calls.push_back("any " + std::string(name));
        });
    });
    const auto client = join(workers);
    client->says("2[\"a\"]");
    EXPECT_EQ(calls, (Lines{"any a", "once", "x"}));
    calls.clear();
    client->says("2[\"a\"]");
    EXPECT_EQ(calls.size(), 51u);
    client->says("2[\"bye\"]");
    EXPECT_EQ(client->takes(), Lines{"41"});
    EXPECT_FALSE(kept->connected());
    kept->emit("nothing");
    EXPECT_EQ(kept->id(), "");
}

TEST(SocketIoCore, CatchAllListenersAndMiddlewareOfPackets) {
    Workers workers;
    std::vector<std::string> outgoing, errors;
    workers.of("/").on_connection([&](sio::Socket socket) {
        socket.on("a", [](sio::Socket self) { self.emit("b", 1); });
        socket.on("error", [&](std::string why) { errors.push_back(why); });
        socket.on_any_outgoing([&](std::string_view name, std::span<const sio::Json> args) {
            outgoing.push_back(std::string(name) + std::to_string(args.size()));
        });
        socket.use([](std::string_view name, std::span<const sio::Json>) {
            return name == "forbidden" ? std::optional(sio::Error{"not that"}) : std::nullopt;
        });
    });
    const auto client = join(workers);
    client->says("21[\"a\"]");
    client->says("22[\"forbidden\"]");
    workers.on(0, [&] { workers.namespaces[0]->emit("all", 1, 2); });
    EXPECT_EQ(client->takes(), (Lines{"42[\"b\",1]", "42[\"all\",1,2]"}));
    EXPECT_EQ(outgoing, (Lines{"b1", "all2"}));
    EXPECT_EQ(errors, Lines{"not that"});
}

TEST(SocketIoCore, AHandlerThatThrowsCostsItsClientAlone) {
    Workers workers;
    workers.of("/").on_connection(
        [](sio::Socket socket) { socket.on("throw", [] { throw std::runtime_error("oops"); }); });
    const auto a = join(workers), b = join(workers);
    a->says("2[\"throw\"]");
    EXPECT_EQ(a->transport.ended, "forced server close");
    EXPECT_TRUE(b->transport.ended.empty());
    EXPECT_EQ(workers.runtimes[0]->logged.front(), "exception: throw: oops");
}

TEST(SocketIoCore, NoNamespaceWithinTenSeconds) {
    Workers workers;
    workers.of("/");
    Client idle(workers, 0, 4);
    const auto joined = join(workers);
    EXPECT_EQ(idle.transport.timer_ms, 10'000u);
    EXPECT_EQ(joined->transport.timer_ms, 0u);  // Cancelled.
    joined->is_due();
    idle.is_due();
    EXPECT_TRUE(idle.transport.ended.empty());  // The time is not over yet.
    workers.now_ms += 10'000;
    joined->is_due();
    idle.is_due();
    EXPECT_EQ(idle.transport.ended, "forced server close");
    EXPECT_TRUE(joined->transport.ended.empty());
}

TEST(SocketIoCore, AttachmentsThatDoNotComeWithinTenSeconds) {
    Workers workers;
    auto& io = workers.of("/");
    std::vector<std::string> events;
    io.on("file", [&](sio::Binary bytes) { events.emplace_back(bytes.text()); });
    const auto client = join(workers), whole = join(workers);
    for (auto* each : {client.get(), whole.get()})
        each->says("51-[\"file\",{\"_placeholder\":true,\"num\":0}]");
    EXPECT_EQ(client->transport.timer_ms, 10'000u);
    workers.now_ms += 9'999;
    client->is_due();
    EXPECT_TRUE(client->transport.ended.empty());
    EXPECT_EQ(client->transport.timer_ms, 1u);
    whole->says_bytes("abc");
    workers.now_ms += 1;
    client->is_due();
    whole->is_due();
    EXPECT_EQ(client->transport.ended, "forced close");
    EXPECT_TRUE(whole->transport.ended.empty());
    EXPECT_EQ(events, std::vector<std::string>{"abc"});

    // Before the client has joined only the connect timeout counts.
    Client idle(workers, 0, 4);
    workers.now_ms += 9'000;
    idle.says("51-[\"file\",{\"_placeholder\":true,\"num\":0}]");
    EXPECT_EQ(idle.transport.timer_ms, 10'000u);  // As set when the transport opened.
    workers.now_ms += 1'000;
    idle.is_due();
    EXPECT_EQ(idle.transport.ended, "forced server close");
}

TEST(SocketIoCore, VolatileIsDroppedWhereTheClientIsBusy) {
    Workers workers;
    auto& io = workers.of("/");
    std::optional<sio::Socket> socket;
    io.on_connection([&](sio::Socket one) { socket = one; });
    const auto client = join(workers);
    client->transport.is_writable = false;
    workers.on(0, [&] {
        socket->volatile_().emit("v");
        io.volatile_().emit("v");
        socket->emit("w");
    });
    EXPECT_EQ(client->takes(), Lines{"42[\"w\"]"});
}

TEST(SocketIoCore, WhatCannotBeSentIsSaidToTheCaller) {
    Workers workers;
    auto& io = workers.of("/");
    std::optional<sio::Socket> socket;
    io.on_connection([&](sio::Socket one) { socket = one; });
    const auto client = join(workers);
    sio::Json deep = 1;
    for (int i = 0; i < 200; ++i) deep = boost::json::array{deep};
    workers.on(0, [&] {
        EXPECT_THROW(socket->emit("connect"), std::invalid_argument);
        EXPECT_THROW(socket->emit(std::string(256, 'x')), std::invalid_argument);
        EXPECT_THROW(io.emit("deep", deep), std::invalid_argument);
    });
    EXPECT_THROW(socket->emit("disconnect"), std::invalid_argument);
    EXPECT_EQ(client->takes(), Lines{});
    EXPECT_TRUE(client->transport.ended.empty());
}

TEST(SocketIoCore, RoomsTellWhenTheyAppearAndVanish) {
    Workers workers;
    auto& io = workers.of("/");
    std::vector<std::string> log;
    io.on_create_room([&](std::string_view room) { log.push_back("create " + std::string(room)); });
    io.on_delete_room([&](std::string_view room) { log.push_back("delete " + std::string(room)); });
    io.on_join_room([&](std::string_view room, std::string_view) {
        log.push_back("join " + std::string(room));
    });
    io.on_leave_room([&](std::string_view room, std::string_view) {
        log.push_back("leave " + std::string(room));
    });
    std::optional<sio::Socket> socket;
    io.on_connection([&](sio::Socket one) { socket = one; });
    const auto client = join(workers);
    log.clear();  // Drops the event of the socket's own id.
    workers.on(0, [&] {
        socket->join("r");
        socket->join("r");
        socket->leave("r");
        socket->leave("r");
    });
    EXPECT_EQ(log, (Lines{"create r", "join r", "leave r", "delete r"}));
}

#if defined(STARLING_ASSERTIONS)
TEST(SocketIoDeathTest, AWorkerIsTouchedByItsOwnThreadAlone) {
    Workers workers(2);
    base::SlotKey key;
    workers.on(0, [&] { EXPECT_EQ(workers.servers[0]->find(key), nullptr); });
    EXPECT_EQ(workers.servers[0]->find(key), nullptr);  // No worker's thread.
    EXPECT_DEATH(workers.on(1, [&] { (void)workers.servers[0]->find(key); }), "on_own_thread");
    EXPECT_DEATH(workers.on(1, [&] { workers.servers[0]->run(0); }), "on_own_thread");
}
#endif

}  // namespace
}  // namespace starling
