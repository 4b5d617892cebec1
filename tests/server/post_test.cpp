// Calls that an application posts to workers and sockets.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

std::thread::id thread_of(Server& server, unsigned worker) {
    return server.call(worker, [] { return std::this_thread::get_id(); }).get();
}

TEST(ServerPost, RunsOnTheWorkerThatIsAskedFor) {
    TestServer t({.workers = 2});
    EXPECT_EQ(t.server.workers(), 0u);
    EXPECT_FALSE(t.server.post([&] { t.events.add("too early"); }));
    t.start();
    EXPECT_EQ(t.server.workers(), 2u);
    const auto first = thread_of(t.server, 0), second = thread_of(t.server, 1);
    EXPECT_NE(first, second);
    EXPECT_NE(first, std::this_thread::get_id());
    const auto note = [&](std::string name) {
        return [&, name] {
            const auto mine = std::this_thread::get_id();
            t.events.add(name + (mine == first ? " 0" : mine == second ? " 1" : " ?"));
        };
    };
    EXPECT_TRUE(t.server.post(note("from outside:")));
    EXPECT_TRUE(t.events.wait_for("from outside: 0"));
    EXPECT_TRUE(t.server.post(1, [&] {
        t.server.post(note("from 1:"));
        t.events.add("returns first");
    }));
    EXPECT_TRUE(t.events.wait_for("from 1: 1"));
    EXPECT_EQ(t.events.text(), "from outside: 0, returns first, from 1: 1");
    EXPECT_THROW(t.server.post(2, [] {}), std::out_of_range);
}

TEST(ServerPost, AnExceptionIsLoggedAndTheWorkerGoesOn) {
    TestServer t;
    t.start();
    t.server.post([] { throw std::runtime_error("a posted call"); });
    EXPECT_TRUE(t.log->lines.wait_for("a handler threw task a posted call"));
    EXPECT_EQ(t.server.call(0, [] { return 1; }).get(), 1);
    EXPECT_THROW(t.server.call(0, []() -> int { throw std::range_error("x"); }).get(),
                 std::range_error);
}

TEST(ServerPost, IsRefusedOnceTheServerHasStopped) {
    TestServer t;
    t.start();
    t.server.stop();
    t.server.wait();
    EXPECT_FALSE(t.server.post([&] { t.events.add("never"); }));
    EXPECT_THROW(t.server.call(0, [] {}).get(), BrokenPromise);
    EXPECT_EQ(t.events.text(), "");
}

// A call counts as 1 KiB, and at most 64 MiB may wait for a stuck worker.
TEST(ServerPost, AStuckWorkerGetsSoManyCallsAndNoMore) {
    std::promise<void> release;
    TestServer t({.workers = 1});
    t.start();
    std::atomic<int> ran{0};
    Transcript& events = t.events;
    t.server.post([&events, until = release.get_future().share()] {
        events.add("stuck");
        until.wait();
    });
    ASSERT_TRUE(events.wait_for("stuck"));
    int posted = 0;
    while (posted < 100'000 && t.server.post([&ran] { ++ran; })) ++posted;
    EXPECT_GE(posted, 65'000);
    EXPECT_LE(posted, 65'536);
    EXPECT_EQ(t.stats().messages_dropped, 1u);
    release.set_value();
    EXPECT_TRUE(eventually([&] { return ran == posted; }));
}

TEST(SocketPost, RunsOnTheSocketsWorkerBehindItsHandler) {
    TestServer t({.workers = 2});
    t.server.websocket(
        "/", {.message = [](ws::Socket socket, ws::Message) {
            socket.post([mine = std::this_thread::get_id()](ws::Socket self) {
                const bool same = mine == std::this_thread::get_id();
                self.send(same ? "posted" : "on another thread");
            });
            std::thread([socket] { socket.post([socket] { socket.send("too"); }); }).join();
            socket.send("handled");
        }});
    t.start();
    WsClient client(t.port());
    client.send_text("go");
    EXPECT_EQ(client.next(), "text(handled)");
    EXPECT_EQ(client.next(), "text(posted)");
    EXPECT_EQ(client.next(), "text(too)");
}

TEST(SocketPost, ItsExceptionCostsTheSocketTheConnection) {
    TestServer t;
    ws::Socket socket;
    t.server.websocket("/", {.open = [&](ws::Socket opened) { socket = opened; },
                             .message =
                                 [](ws::Socket self, ws::Message) {
                                     self.post([] { throw std::runtime_error("posted"); });
                                 }});
    t.start();
    WsClient client(t.port());
    client.send_text("go");
    EXPECT_EQ(client.next(), "close(1011 internal error)");
    EXPECT_TRUE(t.log->lines.wait_for("a handler threw post posted"));
    client.close();
    EXPECT_TRUE(t.all_gone());
    EXPECT_FALSE(socket.post([&](ws::Socket) { t.events.add("never"); }));
    EXPECT_FALSE(ws::Socket().post([] {}));
}

}  // namespace
}  // namespace starling::server::test
