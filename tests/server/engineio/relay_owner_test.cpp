// What the owner of a session answers to a node that breaks the protocol of the relay, or goes away:
// a node with an Engine.IO server and one that sends what a test says, over a real Redis.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/engineio/relay_fixture.h"

namespace starling::server::test {
namespace {

class EngineRelayOwner : public EngineRelay {
protected:
    void start_owner(EngineOptions options = {}, size_t workers = 1, EngineFactory factory = {}) {
        sites[0] = std::make_unique<EngineNode>(cluster("owner"), std::move(options), workers,
                                                std::move(factory));
        asker = std::make_unique<BareNode>(cluster("asker"));
        ASSERT_TRUE(eventually([&] {
            return sites[0]->nodes.is_here(asker->nodes.self()) && asker->nodes.is_here(owner());
        }));
    }
    // True if so many requests of other nodes wait at the owner.
    [[nodiscard]] bool waits_at_owner(double requests) {
        return eventually([&] { return sites[0]->pending() == requests; });
    }
    [[nodiscard]] Nodes::Id owner() const { return sites[0]->nodes.self(); }

    std::unique_ptr<BareNode> asker;
};

// A request without an answer would hold the client of the other node until its deadline.
TEST_F(EngineRelayOwner, EveryNewRequestHasAnAnswer) {
    start_owner();
    const std::string sid = open(0);
    asker->ask(owner(), 1, "POST", "socket.io", "4x");
    EXPECT_EQ(asker->answer(1), "400 ");
    asker->ask(owner(), 2, "GET", "*");
    EXPECT_EQ(asker->answer(2), "400 ");
    asker->ask(owner(), 3, "GET", "ftp://here" + target(sid));
    EXPECT_EQ(asker->answer(3), "400 ");
    asker->ask(owner(), 4, "GET", "HTTPS://here:1" + target(sid));
    asker->ask(owner(), 5, "POST", target(sid), "4hi");
    EXPECT_EQ(asker->answer(4), "200 4hi");
    EXPECT_EQ(asker->answer(5), "200 ok");
    // A worker that does not exist.
    asker->ask(owner(), 6, "GET", target(sid), "", 7);
    EXPECT_EQ(asker->answer(6), "400 ");
    // A request that is cut.
    const std::string whole =
        relay::encode({.type = relay::Type::request, .worker = 0, .id = 7},
                      relay::Request{.method = "GET", .target = "/", .fields = {}});
    asker->send(owner(), whole.substr(0, whole.size() - 1));
    EXPECT_EQ(asker->answer(7), "400 ");
    // A number that is in use: the first request keeps it, and gets the one answer.
    asker->ask(owner(), 8, "GET", target(sid));
    asker->ask(owner(), 8, "GET", "*");
    asker->ask(owner(), 9, "POST", target(sid), "4on");
    EXPECT_EQ(asker->answer(9), "200 ok");
    EXPECT_EQ(asker->answer(8), "200 4on");
}

// Sessions of one group: the first that ends closes the others, as an application may do with the
// sockets of one user.
class GroupUser final : public EngineHandler {
public:
    using Group = std::vector<EngineSession*>;
    GroupUser(EngineSession& session, Group& group, Transcript& events)
        : session_(session), group_(group), events_(events) {
        group_.push_back(&session);
    }
    void on_open() override {}
    void on_text(std::string_view) override {}
    void on_binary(std::span<const std::byte>) override {}
    void on_close(EngineClose) override {
        std::erase(group_, &session_);
        for (EngineSession* const other : Group(group_)) other->close();
        events_.add("left");
    }

private:
    EngineSession& session_;
    Group& group_;
    Transcript& events_;
};

TEST_F(EngineRelayOwner, ASessionThatEndsWithItsNodeMayEndOthers) {
    GroupUser::Group group;  // Of the owner's one worker.
    start_owner({}, 1, [&](EngineSession& session, const http::Request&) {
        return std::make_unique<GroupUser>(session, group, events(0));
    });
    std::vector<std::string> sids;
    for (uint64_t id = 1; id <= 8; ++id) {
        sids.push_back(open(0));
        asker->ask(owner(), id, "GET", target(sids.back()));
    }
    ASSERT_TRUE(waits_at_owner(8));
    asker->stop();  // Its polls are abandoned.
    EXPECT_TRUE(events(0).wait_for("left", 8));
    EXPECT_TRUE(waits_at_owner(0));
}

// Messages that were lost: the owner abandons what the node asked.
TEST_F(EngineRelay, AGapEndsWhatIsBetweenTheNodes) {
    start();
    const std::string sid = open(0);
    Client poll(port(1));
    poll.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    sites[1]->team.on(0, [&](Worker& worker) {
        worker.find_part<RelayPart>()->node_lost(sites[0]->nodes.self());
    });
    EXPECT_EQ(poll.answer().body, unknown_session);
    EXPECT_TRUE(events(0).wait_for("transport error"));
    EXPECT_TRUE(eventually([&] { return sites[0]->pending() + sites[1]->pending() == 0; }));
}

}  // namespace
}  // namespace starling::server::test
