// Engine.IO on several workers: requests that arrive at the wrong one, and abandoned sessions.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/fake/heap_bytes.h"
#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

class EngineWorkers : public EngineTest {};

TEST_F(EngineWorkers, RequestsOnTheWrongWorkerReachTheirSession) {
    start({}, 2);
    for (const size_t home : {size_t(0), size_t(1)}) {
        const size_t other = 1 - home;
        Client opener(t->port(home));
        const std::string sid = open(opener);
        Client poll(t->port(other)), post(t->port(other));
        poll.send(get_request(sid));
        EXPECT_EQ(post.request(post_request(sid, "4crossed")).body, "ok");
        EXPECT_EQ(poll.answer().body, "4crossed");
        WsClient socket(t->port(other), "/socket.io/?EIO=4&transport=websocket&sid=" + sid);
        socket.send_text("2probe");
        EXPECT_EQ(socket.next(), "text(3probe)");
        socket.send_text("5");
        socket.send_text("4upgraded");
        EXPECT_EQ(socket.next(), "text(4upgraded)");
        EXPECT_EQ(t->group.workers[home]->counters().websockets_open.get(), 1u);
        socket.close();
        EXPECT_TRUE(t->events.wait_for("transport close", home + 1));
    }
    // A sid that names a worker which does not exist.
    Client client(t->port(0));
    EXPECT_EQ(client.request(get_request("__AAAAAAAAAAAAAAAAAA")).body,
              R"({"code":1,"message":"Session ID unknown"})");
}

TEST_F(EngineWorkers, ManyClientsWithConnectionsEverywhere) {
    start({}, 2);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&, n] {
            for (int i = 0; i < 15; ++i) {
                Client get(t->port(size_t(n % 2))), post(t->port(size_t(i % 2)));
                const std::string sid = open(get);
                for (int k = 0; k < 5; ++k) {
                    const std::string text = "4" + std::to_string(k);
                    get.send(get_request(sid));
                    wrong += post.request(post_request(sid, text)).body != "ok";
                    wrong += get.answer().body != text;
                }
                wrong += post.request(post_request(sid, "1")).body != "ok";
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_TRUE(eventually([&] { return engine->sessions() == 0; }));
    EXPECT_EQ(t->events.count("transport close"), 60u);
    EXPECT_TRUE(t->all_gone());
}

// All memory of an abandoned session is freed at its ping timeout.
TEST_F(EngineWorkers, AbandonedSessionsAreFreed) {
    class Quiet final : public EngineHandler {
    public:
        explicit Quiet(EngineSession& session) : session_(session) {}
        void on_open() override { session_.send_text("4" + std::string(100, 'q')); }
        void on_text(std::string_view) override {}
        void on_binary(std::span<const std::byte>) override {}
        void on_close(EngineClose) override {}

    private:
        EngineSession& session_;
    };
    engine =
        std::make_unique<Engine>(EngineOptions{.ping_interval = std::chrono::milliseconds(2'000),
                                               .ping_timeout = std::chrono::milliseconds(100)},
                                 [](EngineSession& session, const http::Request&) {
                                     return std::make_unique<Quiet>(session);
                                 });
    serve(1);
    constexpr size_t count = 20'000, at_once = 50;
    const std::string one =
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: here\r\n\r\n";
    const auto abandon = [&](size_t sessions) {
        Client client(t->port());
        for (size_t done = 0; done < sessions; done += at_once) {
            std::string batch;
            for (size_t i = 0; i < at_once; ++i) batch += one;
            client.send(batch);
            for (size_t i = 0; i < at_once; ++i) ASSERT_EQ(client.answer().status, 200);
        }
        EXPECT_TRUE(eventually([&] { return engine->sessions() == 0; }));
        client.close();
        EXPECT_TRUE(t->all_gone());
    };
    // Sessions are freed by a posted call; this later post runs after it.
    const auto used = [&] {
        size_t bytes = 0;
        t->on(0, [&](Worker&) { bytes = fake::heap_bytes(); });
        return bytes;
    };
    abandon(count / 10);
    const size_t before = used();
    abandon(count);
    const size_t after = used();
    EXPECT_LT(after, before + count * 50);  // Tables stay: 20 bytes for each slot.
}

// Polling sessions hold no connection between two requests.
TEST_F(EngineWorkers, SessionsAreAsManyAsConnectionsMayBe) {
    t->group.connections_max = 3;
    start();
    Client client(t->port());
    std::string last;
    for (int i = 0; i < 3; ++i) last = open(client);
    const Answer refused = client.get("/socket.io/?EIO=4&transport=polling");
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.body, R"({"code":4,"message":"too many sessions"})");
    client.send(post_request(last, "1"));
    EXPECT_EQ(client.answer().body, "ok");
    EXPECT_TRUE(eventually([&] { return engine->sessions() == 2; }));
    EXPECT_NE(open(client), "");
}

// Handshakes take no place from other clients, and unused sessions end in time.
TEST_F(EngineWorkers, UnjoinedSessionsOfOneAddressAreBounded) {
    start({.join_timeout = std::chrono::minutes(10), .unjoined_per_address_max = 3});
    Client client(t->port());
    const std::string first = open(client);
    for (int i = 0; i < 5; ++i) (void)open(client);
    EXPECT_EQ(engine->sessions(), 3u);
    EXPECT_EQ(t->events.count("forced server close"), 3u);
    EXPECT_EQ(client.request(get_request(first)).status, 400);
}

TEST_F(EngineWorkers, UnjoinedSessionsMakeRoom) {
    t->group.connections_max = 8;
    start({.join_timeout = std::chrono::minutes(10)});
    Client client(t->port());
    const std::string kept = open(client), other = open(client);
    for (int i = 0; i < 20; ++i) (void)open(client);
    EXPECT_EQ(engine->sessions(), 2u);  // A quarter of the limit.
    const std::string last = open(client);
    EXPECT_EQ(client.request(post_request(last, "4keep")).body, "ok");
    for (int i = 0; i < 20; ++i) (void)open(client);
    EXPECT_EQ(engine->sessions(), 3u);
    EXPECT_EQ(client.request(post_request(last, "4still here")).body, "ok");
}

TEST_F(EngineWorkers, UnjoinedSessionsEndAtTheirTimeWhateverTheyWaitFor) {
    start({.join_timeout = std::chrono::milliseconds(1)});
    Client client(t->port());
    (void)open(client);
    EXPECT_TRUE(t->events.wait_for("forced server close"));
    const std::string closing = open(client);
    // It waits for a poll to carry the close packet.
    (void)client.request(post_request(closing, "4close"));
    EXPECT_TRUE(eventually([&] { return engine->sessions() == 0; }));
}

TEST(UnjoinedSessions, CountByNetwork) {
    const auto of = [](std::string_view text) { return peer::ClientNetwork::of(text); };
    EXPECT_EQ(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    EXPECT_NE(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    EXPECT_EQ(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    EXPECT_NE(of("192.0.2.1"), of("192.0.2.2"));
    EXPECT_EQ(of(""), of("unix"));

    UnjoinedSessions all;
    auto one = all.add({1, 1}, of("192.0.2.1"), 5);
    auto two = all.add({2, 1}, of("192.0.2.2"), 6);
    auto three = all.add({3, 1}, of("192.0.2.1"), 7);
    EXPECT_EQ(all.size(), 3u);
    EXPECT_EQ(all.size_of(of("192.0.2.1")), 2u);
    EXPECT_EQ(all.oldest()->session.slot, 1u);
    EXPECT_EQ(all.oldest_of(of("192.0.2.2"))->session.slot, 2u);
    one.reset();
    EXPECT_EQ(all.oldest()->session.slot, 2u);
    EXPECT_EQ(all.oldest_of(of("192.0.2.1"))->session.slot, 3u);
    two.reset();
    three.reset();
    EXPECT_EQ(all.oldest(), nullptr);
    EXPECT_EQ(all.oldest_of(of("192.0.2.1")), nullptr);
    EXPECT_EQ(all.size(), 0u);
}

// The next request of the connection opens a session while the one before ends, and must make room.
TEST_F(EngineWorkers, ASessionThatEndsMakesRoomForTheRequestBehindItsPoll) {
    start({.join_timeout = std::chrono::minutes(10), .unjoined_per_address_max = 1});
    Client client(t->port());
    const std::string sid = open(client);
    client.send(get_request(sid) +
                "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: here\r\n\r\n");
    Client closer(t->port());
    EXPECT_EQ(closer.request(post_request(sid, "1")).body, "ok");
    EXPECT_EQ(client.answer().body, "6");
    EXPECT_EQ(client.answer().status, 200);
    EXPECT_EQ(engine->sessions(), 1u);
}

}  // namespace
}  // namespace starling::server::test
