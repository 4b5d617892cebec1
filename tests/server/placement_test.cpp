// Which worker gets a connection: one that has few, whichever worker accepted it.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/fake/tls_client.h"
#include "tests/net/tls_fixture.h"
#include "tests/server/worker_group_fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using Clients = std::vector<std::unique_ptr<Client>>;

// Workers that share their connections. All clients come to the listener of the first one.
class Placement : public ::testing::Test {
protected:
    Placement() {
        t.group.places_connections = true;
        t.site.add_handler("GET", "/", [this](const http::Request&, http::Response& response) {
            response.text(std::to_string(t.group.here()->index()));
        });
    }
    // Each client is answered before the next one comes.
    void connect(Clients& clients, size_t count) {
        for (size_t i = 0; i < count; ++i) {
            clients.push_back(std::make_unique<Client>(t.port()));
            EXPECT_EQ(clients.back()->get("/").status, 200);
        }
    }
    std::string spread() {
        std::string text;
        for (size_t i = 0; i < t.group.workers.size(); ++i)
            text += (i ? " " : "") + std::to_string(t.open_on(i));
        return text;
    }
    uint64_t given() { return t.group.workers[0]->counters().connections_given.get(); }

    TestTeam t;
};

TEST_F(Placement, FewConnectionsAreSpreadEvenly) {
    t.start(8);
    Clients clients;
    connect(clients, 32);
    EXPECT_EQ(spread(), "4 4 4 4 4 4 4 4");
    EXPECT_EQ(given(), 28u);
    EXPECT_EQ(t.group.connections.load(), 32u);
    connect(clients, 32);
    for (size_t i = 0; i < 8; ++i) {  // As many as the others, or one more or less.
        EXPECT_GE(t.open_on(i), 7u) << spread();
        EXPECT_LE(t.open_on(i), 9u) << spread();
    }
    for (auto& client : clients) client->close();
    EXPECT_TRUE(t.all_gone());
}

TEST_F(Placement, AWorkerKeepsWhatItAcceptsIfOthersHaveNearlyAsMany) {
    t.start(2);
    Clients clients;
    connect(clients, 400);
    const uint64_t kept = t.open_on(0), rest = t.open_on(1);
    EXPECT_GT(kept, rest + 1);  // It would be 200 and 200.
    EXPECT_LE(kept, rest + rest / 16 + 2);
}

TEST_F(Placement, WhatEndsMakesRoom) {
    t.start(3);
    Clients clients;
    connect(clients, 12);
    EXPECT_EQ(spread(), "4 4 4");
    // All of the second worker's leave; the next clients are its own.
    std::erase_if(clients, [](auto& client) { return client->get("/").body == "1"; });
    EXPECT_TRUE(eventually([&] { return t.open_on(1) == 0; }));
    for (int i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<Client>(t.port()));
        EXPECT_EQ(clients.back()->get("/").body, "1") << i;
    }
    EXPECT_EQ(spread(), "4 4 4");
}

TEST_F(Placement, WorkersWithoutItKeepWhatTheyAccept) {
    t.group.places_connections = false;
    t.start(3);
    Clients clients;
    connect(clients, 9);
    EXPECT_EQ(spread(), "9 0 0");
}

// What is on its way counts, so a worker that is stuck gets its share and no more.
TEST_F(Placement, AStuckWorkerGetsItsShare) {
    t.start(2);
    Stuck stuck(*t.group.workers[1]);
    Clients clients;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(std::make_unique<Client>(t.port()));
        clients.back()->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_TRUE(eventually([&] { return t.group.connections.load() == uint64_t(i) + 1; }));
    }
    EXPECT_TRUE(eventually([&] { return t.open_on(0) == 3; }));
    EXPECT_EQ(t.group.workers[1]->placed(), 3u);
    EXPECT_EQ(t.open_on(1), 0u);
    stuck.release();
    for (auto& client : clients) EXPECT_EQ(client->answer().status, 200);
    EXPECT_EQ(spread(), "3 3");
}

// The limit counts what is on its way.
TEST_F(Placement, TheLimitOfConnectionsHolds) {
    t.group.connections_max = 3;
    t.start(2);
    Stuck stuck(*t.group.workers[1]);
    Clients clients;
    for (int i = 0; i < 3; ++i) clients.push_back(std::make_unique<Client>(t.port()));
    EXPECT_TRUE(eventually([&] { return t.group.connections.load() == 3; }));
    EXPECT_EQ(Client(t.port()).answer().status, 503);
    stuck.release();
    for (auto& client : clients) EXPECT_EQ(client->get("/").status, 200);
}

TEST_F(Placement, LimitsOfAnAddressCountOverAllWorkers) {
    t.group.limits = std::make_unique<SharedLimits>(
        Limits{.connections = {}, .connections_per_address_max = 4, .exempt = {}});
    t.start(2);
    Clients clients;
    connect(clients, 4);
    EXPECT_EQ(spread(), "2 2");
    EXPECT_EQ(Client(t.port()).answer().status, 429);
    EXPECT_TRUE(eventually([&] { return t.group.connections.load() == 4; }));
    EXPECT_EQ(t.group.workers[0]->placed() + t.group.workers[1]->placed(), 4u);
}

// Says where a request over TLS is answered.
class TlsPeer {
public:
    explicit TlsPeer(uint16_t port) : socket_(port) { tls_.feed(""); }
    std::string get() {
        while (!tls_.established())
            if (!exchange()) return "<no handshake>";
        EXPECT_TRUE(tls_.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        while (tls_.plaintext().find("\r\n\r\n") == std::string::npos)
            if (!exchange()) return "<no answer>";
        const std::string answer = std::exchange(tls_.plaintext(), {});
        return answer.substr(answer.find("\r\n\r\n") + 4);
    }

private:
    bool exchange() {
        socket_.send(tls_.output());
        if (!socket_.more()) return false;
        tls_.feed(std::exchange(socket_.pending(), {}));
        return true;
    }

    Client socket_;
    fake::TlsClient tls_;
};

// The handshake happens on the worker that gets the connection.
TEST_F(Placement, TlsConnectionsAreGivenAwayToo) {
    t.start(
        2, [](WorkerGroup&) {}, net::shared_context());
    TlsPeer first(t.port());
    EXPECT_EQ(first.get(), "0");
    TlsPeer second(t.port());
    EXPECT_EQ(second.get(), "1");
    t.on(1, [](Worker& worker) { EXPECT_EQ(worker.loop().figures().tls_handshakes, 1u); });
}

TEST_F(Placement, AStopTellsWhatIsOnTheWay) {
    t.start(2);
    Stuck stuck(*t.group.workers[1]);
    Clients clients;
    for (int i = 0; i < 2; ++i) clients.push_back(std::make_unique<Client>(t.port()));
    EXPECT_TRUE(eventually([&] { return t.group.workers[1]->placed() == 1; }));
    // The stop is behind the connection of the second worker.
    stuck.release();
    for (auto& worker : t.group.workers) worker->post([&worker = *worker] { worker.stop(false); });
    for (auto& client : clients) {
        EXPECT_FALSE(client->read_to_end().ends_with("<timeout>"));
        client->close();
    }
    t.stop(false);
    EXPECT_EQ(t.group.connections.load(), 0u);
}

TEST_F(Placement, WhatIsOnTheWayWhenTheWorkersEndIsClosed) {
    t.start(2);
    Stuck stuck(*t.group.workers[1]);
    Clients clients;
    for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<Client>(t.port()));
    EXPECT_TRUE(eventually([&] { return t.group.connections.load() == 20; }));
    stuck.release();
    t.stop(true);
    t.group.workers.clear();
    EXPECT_EQ(t.group.connections.load(), 0u);
    for (auto& client : clients) EXPECT_FALSE(client->read_to_end().ends_with("<timeout>"));
}

// ---- a server -----------------------------------------------------------------------------------

// How many WebSockets each thread has.
std::vector<size_t> counts_of(TestServer& t, size_t clients, auto&& connect) {
    std::mutex mutex;
    std::map<std::thread::id, size_t> opened;
    t.server.websocket("/", {.open = [&](ws::Socket) {
                           const std::lock_guard lock(mutex);
                           ++opened[std::this_thread::get_id()];
                       }});
    t.start();
    std::vector<decltype(connect())> open;
    for (size_t i = 0; i < clients; ++i) open.push_back(connect());
    EXPECT_TRUE(eventually([&] { return t.stats().websockets_opened == clients; }));
    std::vector<size_t> counts;
    const std::lock_guard lock(mutex);
    for (const auto& [thread, count] : opened) counts.push_back(count);
    return counts;
}

TEST(MultiWorkerPlacement, AServerSpreadsItsConnections) {
    TestServer t({.workers = 4});
    const auto counts = counts_of(t, 16, [&] { return std::make_unique<WsClient>(t.port()); });
    EXPECT_EQ(counts, (std::vector<size_t>{4, 4, 4, 4}));
}

// All workers accept from one socket, and the kernel wakes only one of them.
TEST(MultiWorkerPlacement, AUnixSocketSpreadsItsConnections) {
    const std::string path = ::testing::TempDir() + "starling-placement";
    TestServer t({.listen = {{.address = "unix:" + path}}, .workers = 4});
    const auto counts = counts_of(t, 16, [&] {
        auto client = std::make_unique<Client>(path);
        EXPECT_EQ(client->request(upgrade_request("/")).status, 101);
        return client;
    });
    EXPECT_EQ(counts, (std::vector<size_t>{4, 4, 4, 4}));
}

}  // namespace
}  // namespace starling::server::test
