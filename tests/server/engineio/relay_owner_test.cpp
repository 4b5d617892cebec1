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
        ClusterOptions joined = cluster("owner");
        if (queue_bytes_max != 0) joined.queue_bytes_max = queue_bytes_max;
        sites[0] =
            std::make_unique<EngineNode>(joined, std::move(options), workers, std::move(factory));
        asker = std::make_unique<BareNode>(cluster("asker"));
        ASSERT_TRUE(eventually([&] {
            return sites[0]->nodes.is_here(asker->nodes.self()) && asker->nodes.is_here(owner());
        }));
        be_patient(0);
    }
    // True if so many requests of other nodes wait at the owner.
    [[nodiscard]] bool waits_at_owner(double requests) {
        return eventually([&] { return sites[0]->pending() == requests; });
    }
    [[nodiscard]] Nodes::Id owner() const { return sites[0]->nodes.self(); }

    size_t queue_bytes_max = 0;  // Of the owner; 0: the default.
    std::unique_ptr<BareNode> asker;
};

// A request without an answer would hold the client of the other node until its deadline.
TEST_F(EngineRelayOwner, EveryNewRequestHasAnAnswer) {
    constexpr auto refused = R"(400 {"code":1,"message":"Session ID unknown"})";
    start_owner();
    const std::string sid = open(0);
    asker->ask(owner(), 1, "POST", "socket.io", "4x");
    EXPECT_EQ(asker->answer(1), refused);
    asker->ask(owner(), 2, "GET", "*");
    EXPECT_EQ(asker->answer(2), refused);
    asker->ask(owner(), 3, "GET", "ftp://here" + target(sid));
    EXPECT_EQ(asker->answer(3), refused);
    asker->ask(owner(), 4, "GET", "HTTPS://here:1" + target(sid));
    asker->ask(owner(), 5, "POST", target(sid), "4hi");
    EXPECT_EQ(asker->answer(4), "200 4hi");
    EXPECT_EQ(asker->answer(5), "200 ok");
    // A worker that does not exist.
    asker->ask(owner(), 6, "GET", target(sid), "", 7);
    EXPECT_EQ(asker->answer(6), refused);
    // A request that is cut.
    const std::string whole =
        relay::encode({.type = relay::Type::request, .worker = 0, .id = 7},
                      relay::Request{.method = "GET", .target = "/", .fields = {}});
    asker->send(owner(), whole.substr(0, whole.size() - 1));
    EXPECT_EQ(asker->answer(7), refused);
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
    wait_for_away(0, 1);
    asker->stop();  // Its polls are abandoned.
    EXPECT_TRUE(events(0).wait_for("left", 8));
    EXPECT_TRUE(waits_at_owner(0));
}

TEST_F(EngineRelayOwner, MoreRequestsThanTheOwnerServes) {
    start_owner();
    sites[0]->team.on(0, [](Worker& w) { w.find_part<RelayPart>()->bounds.served_max = 1; });
    const std::string sid = open(0), other = open(0);
    asker->ask(owner(), 1, "GET", target(sid));
    ASSERT_TRUE(waits_at_owner(1));
    asker->ask(owner(), 2, "GET", target(other));
    EXPECT_EQ(asker->answer(2), "503 ");
    asker->tell(owner(), relay::Type::release, 1);
    EXPECT_EQ(asker->answer(1), "200 6");
    asker->ask(owner(), 3, "POST", target(other), "4hi");
    EXPECT_EQ(asker->answer(3), "200 ok");
}

// A broadcast to many polls of one node: those beyond the bound wait, and no session ends.
TEST_F(EngineRelayOwner, PacketsWaitUntilTheNodeHasTakenAnswers) {
    start_owner();
    sites[0]->team.on(0,
                      [](Worker& w) { w.find_part<RelayPart>()->bounds.answers_bytes_max = 3000; });
    std::vector<std::string> sids;
    for (uint64_t id = 1; id <= 5; ++id) {
        sids.push_back(open(0));
        asker->ask(owner(), id, "GET", target(sids.back()));
    }
    ASSERT_TRUE(waits_at_owner(5));
    const std::string packet = "4" + std::string(2000, 'x');
    Client client(port(0));
    for (const std::string& sid : sids) EXPECT_EQ(client.request(post(sid, packet)).body, "ok");
    EXPECT_EQ(asker->answer(1), "200 " + packet);
    EXPECT_EQ(asker->answer(2), "200 " + packet);
    // The answer to a POST is small and does not wait.
    asker->ask(owner(), 10, "POST", target(sids[2]), "4y");
    EXPECT_EQ(asker->answer(10), "200 ok");
    EXPECT_TRUE(waits_at_owner(3));
    // A poll that is given up makes its place free for nobody, and ends its session as always.
    asker->tell(owner(), relay::Type::abandon, 4);
    EXPECT_TRUE(events(0).wait_for("transport error"));
    asker->tell(owner(), relay::Type::taken, 1);
    EXPECT_EQ(asker->answer(3), "200 " + packet + "\x1e" + "4y");
    EXPECT_TRUE(waits_at_owner(1));
    // A poll that comes while there is no room waits as well.
    asker->ask(owner(), 11, "POST", target(sids[0]), packet);
    asker->ask(owner(), 12, "GET", target(sids[0]));
    EXPECT_EQ(asker->answer(11), "200 ok");
    EXPECT_TRUE(waits_at_owner(2));
    for (const uint64_t id : {2, 3, 10, 11}) asker->tell(owner(), relay::Type::taken, id);
    EXPECT_EQ(asker->answer(5), "200 " + packet);
    EXPECT_EQ(asker->answer(12), "200 " + packet);
    EXPECT_EQ(events(0).count("transport error"), 1u);
}

// The session's end cannot wait.
TEST_F(EngineRelayOwner, TheLastAnswerIsLostWithoutRoom) {
    start_owner();
    sites[0]->team.on(0,
                      [](Worker& w) { w.find_part<RelayPart>()->bounds.answers_bytes_max = 1000; });
    const std::string sid = open(0), other = open(0), packet = "4" + std::string(2000, 'x');
    Client client(port(0));
    asker->ask(owner(), 1, "GET", target(sid));
    ASSERT_TRUE(waits_at_owner(1));
    EXPECT_EQ(client.request(post(sid, packet)).body, "ok");
    EXPECT_EQ(asker->answer(1), "200 " + packet);
    asker->ask(owner(), 2, "GET", target(other));
    EXPECT_EQ(client.request(post(other, packet)).body, "ok");
    EXPECT_EQ(client.request(post(other, "4close")).body, "ok");
    EXPECT_EQ(asker->answer(2), "503 ");
}

// A quarter of ClusterOptions::queue_bytes_max.
TEST_F(EngineRelayOwner, TheWorkersShareTheBytesOfAnswers) {
    start_owner({}, 2);
    for (const size_t i : {0, 1})
        sites[0]->team.on(i, [&](Worker& w) {
            EXPECT_EQ(w.find_part<RelayPart>()->bounds.answers_bytes_max, size_t{8} * 1024 * 1024);
        });
}

TEST(RelayBounds, RequestsFitTheQueueOfANode) {
    constexpr size_t mib = size_t{1024} * 1024;
    const auto asked = [](size_t queue, size_t workers) {
        RelayBounds bounds;
        bounds.share_queue(queue, workers);
        return bounds.asked_bytes_max;
    };
    EXPECT_EQ(asked(32 * mib, 1), 8 * mib);
    EXPECT_EQ(asked(32 * mib, 4), 2 * mib);
    EXPECT_EQ(asked(256 * mib, 1), 8 * mib);
    EXPECT_EQ(asked(32 * mib, 64), 1'100'000u);  // One body of the default size.
    EXPECT_EQ(asked(20'000, 2), 5000u);
}

// The queue of a node is a half of this, and answers have a half of the queue: two of these packets.
TEST_F(EngineRelayOwner, TheConfiguredQueueBoundsTheAnswers) {
    queue_bytes_max = 40'000;
    start_owner();
    const std::string packet = "4" + std::string(6000, 'x');
    Client client(port(0));
    std::vector<std::string> sids;
    for (uint64_t id = 1; id <= 3; ++id) {
        sids.push_back(open(0));
        asker->ask(owner(), id, "GET", target(sids.back()));
    }
    ASSERT_TRUE(waits_at_owner(3));
    for (const std::string& sid : sids) EXPECT_EQ(client.request(post(sid, packet)).body, "ok");
    EXPECT_EQ(asker->answer(1), "200 " + packet);
    EXPECT_EQ(asker->answer(2), "200 " + packet);
    EXPECT_TRUE(waits_at_owner(1));
    asker->tell(owner(), relay::Type::taken, 1);
    EXPECT_EQ(asker->answer(3), "200 " + packet);
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
