// The bounds of polling requests that reach another node: two servers over a real Redis.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "tests/server/engineio/relay_fixture.h"

namespace starling::server::test {
namespace {

class EngineRelayBounds : public EngineRelay {
protected:
    // Nodes with one worker; `change` sees the bounds of the node that is asked.
    template <class F>
    void start_bound(F&& change, EngineOptions options = {}) {
        start(std::move(options), 1);
        sites[1]->team.on(0, [&](Worker& w) { change(w.find_part<RelayPart>()->bounds); });
    }
    // Waits until so many requests of clients wait at the node that was asked.
    [[nodiscard]] bool waits(double requests) {
        return eventually([&] { return sites[1]->pending() == requests; });
    }
    static std::string from(std::string_view address) {
        return "X-Forwarded-For: " + std::string(address) + "\r\n";
    }
};

TEST_F(EngineRelayBounds, AClientHasAQuarterOfTheRequests) {
    start_bound([](RelayBounds& b) { b.asked_max = 8; });
    Client first(port(1)), second(port(1)), third(port(1));
    first.send(get(open(0), "EIO=4", from("203.0.113.1")));
    second.send(get(open(0), "EIO=4", from("203.0.113.1")));
    ASSERT_TRUE(waits(2));
    const std::string sid = open(0);
    const Answer over = third.request(get(sid, "EIO=4", from("203.0.113.1")));
    EXPECT_EQ(over.status, 429);
    EXPECT_NE(over.head.find("Retry-After: 1"), std::string::npos) << over.head;
    third.send(get(sid, "EIO=4", from("203.0.113.2")));
    EXPECT_TRUE(waits(3));
    first.close();
    ASSERT_TRUE(waits(2));
    Client fourth(port(1));
    fourth.send(get(open(0), "EIO=4", from("203.0.113.1")));
    EXPECT_TRUE(waits(3));
}

TEST_F(EngineRelayBounds, AllClientsHaveAllRequests) {
    start_bound([](RelayBounds& b) { b.asked_max = 4; });
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 1; i <= 4; ++i) {
        clients.push_back(std::make_unique<Client>(port(1)));
        clients.back()->send(get(open(0), "EIO=4", from("203.0.113." + std::to_string(i))));
    }
    ASSERT_TRUE(waits(4));
    Client other(port(1));
    const Answer over = other.request(get(open(0), "EIO=4", from("203.0.113.9")));
    EXPECT_EQ(over.status, 503);
    EXPECT_NE(over.head.find("Retry-After: 1"), std::string::npos) << over.head;
}

TEST_F(EngineRelayBounds, AClientHasAQuarterOfTheBytes) {
    start_bound([](RelayBounds& b) { b.asked_bytes_max = 16'000; });
    const std::string body = "4" + std::string(3000, 'x');
    const std::string fields = from("203.0.113.1");
    std::vector<std::string> sids;
    for (int i = 0; i < 3; ++i) sids.push_back(open(0));
    // What Redis does not take yet has no answer.
    redis.kill();
    ASSERT_TRUE(eventually([&] { return !sites[1]->nodes.is_linked(); }));
    Client first(port(1)), second(port(1)), third(port(1));
    first.send(post(sids[0], body, "EIO=4", fields));
    ASSERT_TRUE(waits(1));
    EXPECT_EQ(second.request(post(sids[1], body, "EIO=4", fields)).status, 429);
    // Other clients go on, one of them with more than a quarter in one request.
    second.send(post(sids[1], body + body, "EIO=4", from("203.0.113.2")));
    ASSERT_TRUE(waits(2));
    const std::string large = body + body + body;
    EXPECT_EQ(third.request(post(sids[2], large, "EIO=4", from("203.0.113.3"))).status, 503);
    EXPECT_EQ(third.request(post(sids[2], large + large, "EIO=4", from("203.0.113.3"))).status,
              413);
    redis.start();
    EXPECT_EQ(first.answer().body, "ok");
    EXPECT_EQ(second.answer().body, "ok");
    // The answers gave the bytes back.
    EXPECT_EQ(first.request(post(sids[0], body, "EIO=4", fields)).body, "ok");
}

TEST_F(EngineRelayBounds, AnAnswerThatDoesNotComeInTime) {
    EngineOptions options;
    options.ping_interval = std::chrono::milliseconds(400);
    options.ping_timeout = std::chrono::seconds(3);
    start_bound([](RelayBounds& b) { b.slack_ms = 0; }, options);
    const std::string sid = open(0);
    Client client(port(1));
    client.send(post(sid, "4pause"));  // The owner holds it.
    const Answer late = client.answer();
    EXPECT_EQ(late.status, 503);
    EXPECT_NE(late.head.find("Retry-After: 1"), std::string::npos) << late.head;
    // The owner was told.
    EXPECT_TRUE(eventually([&] { return sites[0]->pending() + sites[1]->pending() == 0; }));
}

TEST_F(EngineRelayBounds, RedisIsAwayForLong) {
    start_bound([](RelayBounds& b) { b.unlinked_ms_max = 1; });
    const std::string sid = open(0);
    Client poll(port(1)), sender(port(1));
    poll.send(get(sid));
    ASSERT_TRUE(waits(1));
    redis.kill();
    EXPECT_EQ(poll.answer().status, 503);
    EXPECT_EQ(sender.request(post(sid, "4x")).status, 503);
    redis.start();
    ASSERT_TRUE(eventually([&] {
        return sites[1]->nodes.is_linked() && sender.request(post(sid, "4x")).status != 503;
    }));
}

// The answer to a poll is larger than what the kernels hold, and the client does not read it.
TEST_F(EngineRelay, AnAnswerThatIsNotReadHoldsPollsAlone) {
    EngineOptions options;
    options.max_http_buffer_size = 20'000'000;
    start(options, 1);
    const std::string sid = open(0), large = "4" + std::string(14'000'000, 'x');
    Client slow(port(1), 4096), other(port(1)), home(port(0));
    slow.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    EXPECT_EQ(home.request(post(sid, large)).body, "ok");
    char first = 0;
    ASSERT_EQ(::recv(slow.fd(), &first, 1, MSG_PEEK), 1);
    // A pong, for example. The poll stays the one whose answer was not read.
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(other.request(post(sid, "4on")).body, "ok");
        EXPECT_EQ(other.request(get(sid)).status, 400);
    }
    slow.read_fast();
    EXPECT_EQ(slow.answer().body.size(), large.size());
    EXPECT_EQ(slow.request(get(sid)).body,
              "4on\x1e"
              "4on");
}

}  // namespace
}  // namespace starling::server::test
