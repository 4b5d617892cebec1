// Connection state recovery: a returning client gets the events that it missed, once and in order.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling {
namespace {

using fake::Client;
using fake::Workers;
using Lines = std::vector<std::string>;

socketio::Settings with_recovery(sio::Recovery limits = {}) {
    socketio::Settings settings;
    settings.recovery = limits;
    return settings;
}

std::string return_packet(const Client& from, std::string_view offset) {
    return "0{\"pid\":\"" + from.member("pid") + "\",\"offset\":\"" + std::string(offset) + "\"}";
}

TEST(SocketIoRecovery, BringsBackIdRoomsDataAndWhatWasMissed) {
    Workers workers(2, with_recovery());
    auto& io = workers.of("/");
    std::vector<std::string> said;
    io.on_connection([&](sio::Socket socket) {
        said.push_back(socket.recovered() ? "again " + std::string(socket.data().as_string())
                                          : "new");
        if (socket.recovered()) return;
        socket.join("room");
        socket.data() = "mine";
    });
    auto first = std::make_unique<Client>(workers, 0, 4);
    first->says("0");
    const std::string id = first->member("sid");
    io.to("room").emit("a", 1);
    workers.settle();
    EXPECT_EQ(first->takes().back(), "42[\"a\",1,\"1\"]");
    first->leaves();
    io.to("room").emit("b", 2);
    io.to("elsewhere").emit("c", 3);
    io.except("room").emit("d", 4);
    io.to(id).emit("e", 5);
    io.volatile_().emit("f", 6);
    workers.settle();
    Client again(workers, 1, 4);  // On another worker.
    again.says(return_packet(*first, "1"));
    const auto got = again.takes();
    ASSERT_EQ(got.size(), 3u);
    EXPECT_EQ(again.member("sid"), id);
    EXPECT_EQ(again.member("pid"), first->member("pid"));
    EXPECT_EQ(got[1], "42[\"b\",2,\"2\"]");
    EXPECT_EQ(got[2], "42[\"e\",5,\"5\"]");
    EXPECT_EQ(said, (Lines{"new", "again mine"}));
    io.to("room").emit("g");
    workers.settle();
    EXPECT_EQ(again.takes(), Lines{"42[\"g\",\"6\"]"});
}

TEST(SocketIoRecovery, WhoCannotComeBackIsNew) {
    const struct {
        const char* what;
        std::string_view reason;
        std::string_view offset;
        uint64_t away_ms;
        size_t emitted;
        bool recovered;
    } cases[] = {
        {"in time", "transport close", "1", 1000, 1, true},
        {"ping timeout", "ping timeout", "1", 1000, 1, true},
        {"at the last moment", "transport error", "1", 120'000, 1, true},
        {"too late", "transport close", "1", 120'001, 1, false},
        {"left by itself", "client namespace disconnect", "1", 0, 1, false},
        {"an offset of the future", "transport close", "9", 0, 1, false},
        {"no offset", "transport close", "!", 0, 1, false},
        {"what it missed is gone", "transport close", "1", 0, 30, false},
    };
    for (const auto& one : cases) {
        Workers workers(1, with_recovery({.packets_max = 20}));
        auto& io = workers.of("/");
        auto client = std::make_unique<Client>(workers, 0, 4);
        client->says("0");
        workers.on(0, [&] { io.emit("x"); });
        client->leaves(one.reason);
        for (size_t i = 1; i < one.emitted; ++i) workers.on(0, [&] { io.emit("x"); });
        workers.pass(one.away_ms);
        Client again(workers, 0, 4);
        again.says(return_packet(*client, one.offset));
        EXPECT_EQ(again.member("pid") == client->member("pid"), one.recovered) << one.what;
    }
}

TEST(SocketIoRecovery, APidIsGoodOnce) {
    Workers workers(1, with_recovery());
    auto& io = workers.of("/");
    Client client(workers, 0, 4);
    client.says("0");
    workers.on(0, [&] { io.emit("x"); });
    client.leaves();
    Client thief(workers, 0, 4), owner(workers, 0, 4);
    owner.says(return_packet(client, "1"));
    thief.says(return_packet(client, "1"));
    EXPECT_EQ(owner.member("sid"), client.member("sid"));
    EXPECT_NE(thief.member("sid"), client.member("sid"));
}

TEST(SocketIoRecovery, MiddlewareRunsWhereItIsNotSkipped) {
    Workers workers(1, with_recovery({.skip_middlewares = false}));
    auto& io = workers.of("/");
    std::optional<sio::Next> later;
    io.use([&](sio::Socket, sio::Next next) { later = next; });
    auto client = std::make_unique<Client>(workers, 0, 4);
    client->says("0");
    workers.on(0, [&] { (*later)(); });
    workers.on(0, [&] { io.emit("x", 1); });
    client->leaves();
    Client again(workers, 0, 4);
    again.says(return_packet(*client, "1"));
    EXPECT_TRUE(again.takes().empty());
    workers.on(0, [&] { io.emit("x", 2); });  // While the client waits.
    workers.on(0, [&] { (*later)(); });
    const auto got = again.takes();
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[1], "42[\"x\",2,\"2\"]");
    EXPECT_EQ(again.member("sid"), client->member("sid"));
}

TEST(SocketIoRecovery, SessionsAndPacketsAreBounded) {
    sio::Recovery limits;
    limits.sessions_max = 10;
    limits.packets_max = 5;
    socketio::History history(limits);
    for (int i = 0; i < 100; ++i) {
        history.append(std::make_shared<socketio::Command>());
        history.leave(
            {.pid = std::to_string(i), .nsp = "/", .id = "x", .rooms = {}, .data = {}, .user = {}});
    }
    EXPECT_EQ(history.absent(), 10u);
    EXPECT_EQ(history.packets(), 5u);
    EXPECT_EQ(history.next(), 101u);
    EXPECT_FALSE(history.come_back("89", "/", socketio::offset_text(100), 0));
    EXPECT_TRUE(history.come_back("90", "/", socketio::offset_text(100), 0));
    limits.bytes_max = 1;
    socketio::History narrow(limits);
    narrow.append(std::make_shared<socketio::Command>());
    EXPECT_EQ(narrow.packets(), 0u);
}

// Two workers write at any moment, posts arrive late, and clients are cut between any two packets
// and return to any worker. Each client gets every number of its rooms once, in the order of the
// log.
TEST(SocketIoRecovery, NothingIsLostAndNothingComesTwice) {
    for (uint32_t seed = 1; seed <= 30; ++seed) {
        std::mt19937 random(seed);
        const auto chance = [&](unsigned of) { return random() % of == 0; };
        Workers workers(2, with_recovery());
        auto& io = workers.of("/");
        io.on_connection([](sio::Socket socket) {
            if (!socket.recovered()) socket.join("room");
        });
        auto client = std::make_unique<Client>(workers, 0, 4);
        client->says("0");
        workers.on(0, [&] { io.to("room").emit("n", 0); });
        workers.settle();
        std::vector<int> numbers;
        std::string offset;
        const auto read = [&](size_t count) {
            const auto lines = client->takes();
            for (size_t i = 0; i < std::min(count, lines.size()); ++i) {
                if (!lines[i].starts_with("42[\"n\",")) continue;
                numbers.push_back(std::stoi(lines[i].substr(7)));
                const size_t quote = lines[i].rfind(",\"") + 2;
                offset = lines[i].substr(quote, lines[i].size() - quote - 2);
            }
        };
        int last = 0;
        read(SIZE_MAX);
        for (int step = 0; step < 300; ++step) {
            const size_t worker = random() % 2;
            workers.on(worker, [&] { io.to("room").emit("n", ++last); });
            if (chance(3)) {  // One posted call of one worker.
                auto& host = *workers.runtimes[random() % 2];
                if (!host.calls.empty()) {
                    const auto call = std::move(host.calls.front());
                    host.calls.pop_front();
                    workers.on(size_t(&host != workers.runtimes[0].get()), call);
                }
            }
            if (chance(10)) read(SIZE_MAX);
            if (!chance(15)) continue;
            read(random() % 4);  // The other packets never arrive.
            const std::string pid = client->member("pid");
            const auto old = std::move(client);
            workers.on(0, [&] { old->leaves(); });
            for (unsigned i = random() % 4; i > 0; --i)
                workers.on(random() % 2, [&] { io.to("room").emit("n", ++last); });
            client = std::make_unique<Client>(workers, random() % 2, 4);
            client->says("0{\"pid\":\"" + pid + "\",\"offset\":\"" + offset + "\"}");
            ASSERT_EQ(client->member("pid"), pid) << "seed " << seed << " step " << step;
        }
        workers.settle();
        read(SIZE_MAX);
        ASSERT_EQ(numbers.size(), size_t(last) + 1) << "seed " << seed;
        std::vector<int> expected(numbers.size());
        for (size_t i = 0; i < expected.size(); ++i) expected[i] = int(i);
        EXPECT_EQ(numbers, expected) << "seed " << seed;
    }
}

// A worker is behind another worker's burst by more than the log's limit: its clients miss nothing.
TEST(SocketIoRecovery, ALogThatIsFullKeepsWhatAWorkerHasNotRead) {
    Workers workers(2, with_recovery({.packets_max = 3}));
    auto& io = workers.of("/");
    Client here(workers, 0, 4), there(workers, 1, 4);
    here.says("0");
    there.says("0");
    static_cast<void>(here.takes());
    static_cast<void>(there.takes());
    workers.on(0, [&] {
        for (int i = 0; i < 10; ++i) io.emit("n", i);
    });
    EXPECT_EQ(here.takes().size(), 10u);
    workers.settle();
    EXPECT_EQ(there.takes().size(), 10u);
    workers.adapter.history()->with(
        [](socketio::History& history) { EXPECT_EQ(history.packets(), 3u); });
}

}  // namespace
}  // namespace starling
