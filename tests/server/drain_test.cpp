// A drain: what clients see while a server prepares to stop, and a successor that takes over.
#include <unistd.h>

#include <gtest/gtest.h>
#include <starling/server.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/worker_group_fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

void add_routes(Server& server, const char* name = "hello") {
    server.get("/", [name](const http::Request&, http::Response& r) { r.text(name); });
    server.websocket("/echo", {.message = [](ws::Socket s, ws::Message m) { s.send(m); }});
}

TEST(Drain, WhileItIsAnnouncedAllElseGoesOn) {
    TestServer t({.drain = {.announce = 1h}});
    add_routes(t.server);
    t.start();
    WsClient client(t.port(), "/echo");
    EXPECT_FALSE(t.server.draining());
    t.server.stop();
    EXPECT_TRUE(t.server.draining());
    EXPECT_FALSE(t.server.stopping());
    EXPECT_TRUE(t.log->lines.wait_for("draining " + std::to_string(::getpid())));
    client.send_text("still here");
    EXPECT_EQ(client.next(), "text(still here)");
    EXPECT_EQ(Client(t.port()).get("/").status, 200);
    WsClient other(t.port(), "/echo");
    EXPECT_EQ(other.handshake().status, 101);
    t.server.stop();  // Again: without the rest of the time.
    EXPECT_TRUE(t.server.stopping());
    EXPECT_EQ(client.next(), "close(1001 the server is stopping)");
}

TEST(Drain, ClosesEvenlyWith1012AndRefusesNewConnectionsLast) {
    TestServer t({.drain = {.over = 1h}});
    add_routes(t.server);
    t.start();
    std::vector<std::unique_ptr<WsClient>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<WsClient>(t.port(), "/echo"));
    t.server.drain();
    // The first of them is told at once, the others within the hour.
    EXPECT_EQ(clients.front()->next(), "close(1012 the server restarts)");
    clients.back()->send_text("still here");
    EXPECT_EQ(clients.back()->next(), "text(still here)");
    EXPECT_EQ(Client(t.port()).get("/").status, 200);
    t.server.stop();
    EXPECT_EQ(clients.back()->next(), "close(1012 the server restarts)");
}

TEST(Drain, EndsTheServer) {
    TestServer t;
    add_routes(t.server);
    t.start();
    std::vector<std::unique_ptr<WsClient>> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(std::make_unique<WsClient>(t.port(), "/echo"));
    t.server.drain({.announce = 10ms, .over = 50ms});
    for (const auto& client : clients) {
        EXPECT_EQ(client->next(), "close(1012 the server restarts)");
        client->send_close(1012);
    }
    t.server.wait();
    EXPECT_TRUE(t.server.stopping());
}

// Nothing is told at once: the stop that follows spreads it.
TEST(Drain, WithoutTimeIsLeftToTheStop) {
    TestTeam t;
    const size_t index =
        t.site.add_websocket("/echo", {.message = [](ws::Socket s, ws::Message m) { s.send(m); }});
    EXPECT_EQ(index, 0u);
    t.start(1);
    WsClient client(t.port(0), "/echo");
    t.on(0, [](Worker& worker) { worker.drain(0); });
    client.send_text("still here");
    EXPECT_EQ(client.next(), "text(still here)");
    t.group.workers[0]->post([&] { t.group.workers[0]->stop(false); });
    EXPECT_EQ(client.next(), "close(1012 the server restarts)");
}

// A connection that was accepted just now has its request on the way.
TEST(Drain, AConnectionWithoutARequestYetWaitsForIt) {
    TestTeam t;
    t.site.add_handler("GET", "/",
                       [](const http::Request&, http::Response& r) { r.text("hello"); });
    t.start(1);
    Client fresh(t.port(0)), idle(t.port(0));
    EXPECT_EQ(idle.get("/").status, 200);
    t.on(0, [](Worker& worker) { worker.drain(20); });
    EXPECT_EQ(idle.read_to_end(), "<end>");
    const Answer answer = fresh.get("/");
    EXPECT_EQ(answer.body, "hello");
    EXPECT_TRUE(answer.has("Connection: close")) << answer.head;
    EXPECT_EQ(fresh.read_to_end(), "<end>");
}

TEST(HandOverToAnotherProcess, BeginsOnceAndEachAnswerIsTheLastOfItsConnection) {
    TestServer t({.drain = {.announce = 1h, .over = 1h}});
    add_routes(t.server);
    EXPECT_FALSE(t.server.hand_over());  // It does not run yet.
    t.start();
    WsClient first(t.port(), "/echo");
    Client kept(t.port());
    EXPECT_FALSE(kept.get("/").has("Connection: close"));
    EXPECT_FALSE(t.server.handed_over());
    EXPECT_TRUE(t.server.hand_over());
    EXPECT_FALSE(t.server.hand_over());
    EXPECT_TRUE(t.server.handed_over());
    EXPECT_TRUE(t.server.draining());
    EXPECT_EQ(first.next(), "close(1012 the server restarts)");  // Nothing is announced.
    EXPECT_TRUE(kept.get("/").has("Connection: close"));
    EXPECT_EQ(kept.read_to_end(), "<end>");
    t.server.stop();
    EXPECT_TRUE(t.server.stopping());
}

TEST(HandOverToAnotherProcess, DoesNothingAfterAStop) {
    TestServer drains, stops;
    for (TestServer* const t : {&drains, &stops}) {
        add_routes(t->server);
        t->start();
    }
    const Client keeps_it_running(stops.port());
    drains.server.drain({.announce = 1h});
    stops.server.stop();
    EXPECT_FALSE(drains.server.hand_over());
    EXPECT_FALSE(stops.server.hand_over());
    EXPECT_EQ(Client(drains.port()).get("/").status, 200);
}

// A successor has copies of the listening sockets: whoever connects is served by one of the two.
TEST(Drain, ASuccessorTakesTheListeningSockets) {
    for (const unsigned workers : {1U, 3U}) {
        TestServer old({.workers = 2});
        add_routes(old.server, "old");
        old.start();
        const std::string address = "127.0.0.1:" + std::to_string(old.port());
        std::atomic<bool> end{false};
        std::atomic<int> answers{0}, faults{0};
        std::thread clients([&] {
            while (!end) ++(Client(old.port()).get("/").status == 200 ? answers : faults);
        });
        EXPECT_TRUE(eventually([&] { return answers > 10; }));
        TestServer next(
            {.listen = address, .workers = workers, .inherited = old.server.listening_sockets()});
        add_routes(next.server, "new");
        next.start();
        old.server.stop_listening();
        EXPECT_TRUE(eventually([&] { return Client(old.port()).get("/").body == "new"; }));
        old.server.drain({});
        old.server.wait();
        const int before = answers;
        EXPECT_TRUE(eventually([&] { return answers > before + 20; }));
        end = true;
        clients.join();
        EXPECT_EQ(faults, 0);
    }
}

// Only what listens on an address of `listen` is used; other descriptors stay as they are.
TEST(Drain, ADescriptorThatDoesNotFitIsNotUsed) {
    TestServer other;
    add_routes(other.server, "other");
    other.start();
    std::vector<int> sockets = other.server.listening_sockets();
    sockets.push_back(0);
    sockets.push_back(100'000);
    TestServer t({.inherited = sockets});
    add_routes(t.server, "mine");
    t.start();
    EXPECT_EQ(Client(t.port()).get("/").body, "mine");
    EXPECT_EQ(Client(other.port()).get("/").body, "other");
}

TEST(OnBound, RunsBeforeTheWorkersAndMayEndTheStart) {
    TestServer t;
    add_routes(t.server);
    int calls = 0;
    t.server.on_bound([&] {
        EXPECT_EQ(t.server.workers(), 0u);
        if (++calls == 1) throw std::runtime_error("no");
    });
    EXPECT_THROW(t.server.start(), std::runtime_error);
    t.server.start();
    EXPECT_EQ(Client(t.port()).get("/").status, 200);
    EXPECT_EQ(calls, 2);
}

// The file of an inherited socket is that of the predecessor, which goes on if the start fails.
TEST(OnBound, AStartThatFailsLeavesAnInheritedSocketFile) {
    const std::string path = testing::TempDir() + "drain_inherited.sock";
    TestServer old({.listen = "unix:" + path});
    add_routes(old.server, "old");
    old.start();
    for (const bool fails : {true, false}) {
        TestServer next({.listen = "unix:" + path, .inherited = old.server.listening_sockets()});
        add_routes(next.server, "next");
        next.server.on_bound([&] {
            if (fails) throw std::runtime_error("no");
        });
        if (fails) {
            EXPECT_THROW(next.server.start(), std::runtime_error);
            EXPECT_EQ(Client(path).get("/").body, "old");
            continue;
        }
        next.start();
        old.server.stop_listening();
        next.server.stop();
        next.server.stop();
        next.server.wait();
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace starling::server::test
