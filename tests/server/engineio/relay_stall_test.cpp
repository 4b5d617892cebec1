// A node stalls for a moment while it owns sessions whose clients poll at another node, or relays their
// polls: two servers over a real Redis.
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <utility>

#include "tests/server/engineio/relay_fixture.h"

namespace starling::server::test {
namespace {

// The first worker of a node does nothing until go_on(): the other nodes do not hear of the node.
class Stall {
public:
    explicit Stall(EngineNode& node) {
        node.team.group.workers.front()->post(
            [end = std::shared_future<void>(end_.get_future())] { end.wait(); });
    }
    ~Stall() { go_on(); }
    void go_on() {
        if (!std::exchange(is_over_, true)) end_.set_value();
    }

private:
    std::promise<void> end_;
    bool is_over_ = false;
};

class EngineRelayStall : public EngineRelay {
protected:
    [[nodiscard]] bool knows_away(size_t site, size_t other) {
        return eventually([&] { return !sites[site]->nodes.is_here(sites[other]->nodes.self()); });
    }
};

TEST_F(EngineRelayStall, TheOwnerStallsForAMomentAndItsSessionsGoOn) {
    start();
    const std::string first = open(0, 0), second = open(0, 1);
    Client poll(port(1, 0)), later(port(1, 1)), sender(port(1, 1));
    poll.send(get(first));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    Stall stall(*sites[0]);
    ASSERT_TRUE(knows_away(1, 0));
    later.send(get(second));
    sender.send(post(first, "4a"));
    ASSERT_TRUE(eventually([&] { return sites[1]->pending() == 3; }));
    stall.go_on();
    EXPECT_EQ(sender.answer().body, "ok");
    EXPECT_EQ(poll.answer().body, "4a");
    EXPECT_EQ(sender.request(post(second, "4b")).body, "ok");
    EXPECT_EQ(later.answer().body, "4b");
}

TEST_F(EngineRelayStall, TheNodeThatWasAskedStallsForAMoment) {
    start();
    const std::string sid = open(0);
    Client poll(port(1)), home(port(0));
    poll.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    Stall stall(*sites[1]);
    ASSERT_TRUE(knows_away(0, 1));
    EXPECT_EQ(home.request(post(sid, "4a")).body, "ok");
    stall.go_on();
    EXPECT_EQ(poll.answer().body, "4a");
}

TEST_F(EngineRelayStall, AnOwnerThatDoesNotComeBackInTimeIsGivenUp) {
    start();
    const std::string sid = open(0);
    Client poll(port(1));
    poll.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    wait_for_away(1, 1);
    Stall stall(*sites[0]);
    EXPECT_EQ(poll.answer().body, unknown_session);
    EXPECT_EQ(poll.request(get(sid)).body, unknown_session);
    wait_for_away(1, long_ms);  // From now on it is waited for.
    stall.go_on();
    EXPECT_TRUE(events(0).wait_for("transport error"));
    ASSERT_TRUE(eventually([&] { return sites[1]->nodes.is_here(sites[0]->nodes.self()); }));
    const std::string other = open(0);
    EXPECT_TRUE(eventually([&] {
        Client again(port(1));
        return again.request(post(other, "4a")).body == "ok";
    }));
}

// The clients are told, and do not wait for a heartbeat.
TEST_F(EngineRelayStall, ANodeThatWasGivenUpAndLivesHearsOfIt) {
    start();
    const std::string sid = open(0);
    Client poll(port(1));
    poll.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    wait_for_away(0, 1);
    Stall stall(*sites[1]);
    EXPECT_TRUE(events(0).wait_for("transport error"));
    stall.go_on();
    EXPECT_EQ(poll.answer().status, 400);
}

}  // namespace
}  // namespace starling::server::test
