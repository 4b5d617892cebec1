// Topics over the nodes of a cluster in memory. The suites are named MultiWorker for the run under
// ThreadSanitizer.
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/fake/nodes.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Socket;

// Servers whose sockets join the topic that their path names, and publish there what they send.
struct Nodes3 {
    explicit Nodes3(size_t count = 3, unsigned workers = 2) {
        for (size_t i = 0; i < count; ++i) {
            servers.push_back(std::make_unique<TestServer>(ServerOptions{.workers = workers}));
            Server& server = servers.back()->server;
            server.websocket(
                "/:topic",
                {
                    .send_queue_bytes_max = 64 * 1024 * 1024,
                    .upgrade =
                        [](ws::Upgrade& upgrade) {
                            upgrade.emplace_data<std::string>(upgrade.request().param("topic"));
                        },
                    .open = [](Socket s) { s.join(*s.data<std::string>()); },
                    .message = [](Socket s,
                                  Message message) { s.publish(*s.data<std::string>(), message); },
                });
            cluster.add(server, "n" + std::to_string(i));
        }
        for (auto& server : servers) server->start();
        cluster.meet();
    }
    ~Nodes3() { servers.clear(); }

    [[nodiscard]] std::unique_ptr<WsClient> connect(size_t node, const std::string& topic) {
        const size_t before = at(node).subscribers(topic);
        auto client = std::make_unique<WsClient>(servers[node]->port(), "/" + topic);
        EXPECT_TRUE(eventually([&] { return at(node).subscribers(topic) == before + 1; }));
        return client;
    }
    [[nodiscard]] Server& at(size_t node) { return servers[node]->server; }

    FakeCluster cluster;
    std::vector<std::unique_ptr<TestServer>> servers;
};

TEST(MultiWorkerClusterTopics, PublicationsReachTheHoldersOnceInOrder) {
    Nodes3 t;
    std::vector<std::unique_ptr<WsClient>> clients;
    for (size_t i = 0; i < 12; ++i) clients.push_back(t.connect(i % 3, "all"));
    constexpr int publishers = 3, each = 200;
    std::vector<std::thread> publishing;
    for (int p = 0; p < publishers; ++p)
        publishing.emplace_back([&t, p] {
            for (int i = 0; i < each; ++i)
                t.at(size_t(p)).publish("all", "p" + std::to_string(p) + " " + std::to_string(i));
        });
    for (auto& client : clients) {
        std::map<std::string, int> next;
        for (int i = 0; i < publishers * each; ++i) {
            const std::string text = client->frame().payload;
            const size_t space = text.find(' ');
            ASSERT_NE(space, std::string::npos) << text;
            ASSERT_EQ(std::atoi(text.c_str() + space), next[text.substr(0, space)]++) << text;
        }
    }
    for (auto& thread : publishing) thread.join();
    EXPECT_EQ(t.cluster.sent(Nodes::Kind::topics), size_t(publishers * each * 2));
    clients[0]->send_text("last");  // Nothing came twice.
    for (size_t i = 1; i < clients.size(); ++i) EXPECT_EQ(clients[i]->frame().payload, "last");
}

TEST(MultiWorkerClusterTopics, ASocketsPublicationReachesAllOthers) {
    Nodes3 t(2, 1);
    const auto a = t.connect(0, "x"), b = t.connect(0, "x"), c = t.connect(1, "x");
    a->send_text("from a");
    EXPECT_EQ(b->frame().payload, "from a");
    EXPECT_EQ(c->frame().payload, "from a");
    c->send(masked_frame(ws::Opcode::binary, std::string("\x00\xFF", 2)));
    const Frame frame = a->frame();
    EXPECT_EQ(frame.payload, std::string("\x00\xFF", 2));
    EXPECT_EQ(frame.opcode, ws::Opcode::binary);
    EXPECT_EQ(b->frame().payload, std::string("\x00\xFF", 2));
}

TEST(ClusterTopics, NodesWithoutSubscribersGetNothing) {
    Nodes3 t(3, 2);
    const auto a = t.connect(0, "y"), b = t.connect(1, "x");
    t.at(0).publish("x", "one");
    EXPECT_EQ(b->frame().payload, "one");
    EXPECT_EQ(t.cluster.sent(Nodes::Kind::topics), 1u);
    b->close();
    EXPECT_TRUE(eventually([&] { return t.cluster.members(1, Nodes::Kind::topics, "x") == 0; }));
    t.at(0).publish("x", "two");
    t.at(0).publish("y", "mark");  // The node publishes in order.
    EXPECT_EQ(a->frame().payload, "mark");
    const auto c = t.connect(2, "x");
    t.at(0).publish("x", "three");
    EXPECT_EQ(c->frame().payload, "three");
    EXPECT_EQ(t.cluster.sent(Nodes::Kind::topics), 2u);
}

TEST(ClusterTopics, CountsSubscribersOfAllNodes) {
    Nodes3 t(3, 2);
    const auto a = t.connect(0, "x"), b = t.connect(1, "x"), c = t.connect(1, "x"),
               d = t.connect(2, "y");
    TopicCount count = t.at(2).count_subscribers("x").get();
    EXPECT_EQ(count.subscribers, 3u);
    EXPECT_EQ(count.missing, 0u);
    EXPECT_EQ(t.at(2).subscribers("x"), 0u);
    EXPECT_EQ(t.at(1).subscribers("x"), 2u);
    // From a worker's thread, and as a callback.
    std::promise<uint64_t> counted;
    t.at(0).post([&] {
        t.at(0).count_subscribers("y",
                                  [&](const TopicCount& y) { counted.set_value(y.subscribers); });
    });
    EXPECT_EQ(counted.get_future().get(), 1u);
    t.cluster.lose(1);
    count = t.at(2).count_subscribers("x").get();
    EXPECT_EQ(count.subscribers, 1u);
    EXPECT_EQ(count.missing, 1u);
}

TEST(ClusterTopics, ALostNodeGetsNothingAndTheOthersGoOn) {
    Nodes3 t(3, 1);
    const auto a = t.connect(0, "x"), b = t.connect(1, "x"), c = t.connect(2, "x");
    t.cluster.lose(1);
    t.at(0).publish("x", "after");
    EXPECT_EQ(a->frame().payload, "after");
    EXPECT_EQ(c->frame().payload, "after");
    t.at(1).publish("x", "alone");
    EXPECT_EQ(b->frame().payload, "alone");
}

TEST(ClusterTopics, WithoutAClusterTheCountIsThatOfTheProcess) {
    TestServer t;
    t.server.websocket("/", {.open = [](Socket socket) { socket.join("x"); }});
    EXPECT_EQ(t.server.count_subscribers("x").get().subscribers, 0u);
    t.start();
    const WsClient client(t.port());
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("x") == 1; }));
    EXPECT_EQ(t.server.count_subscribers("x").get().subscribers, 1u);
    EXPECT_THROW(t.server.count_subscribers("x", nullptr), std::invalid_argument);
}

TEST(ClusterTopics, MalformedPublicationsAreIgnoredAndCounted) {
    Nodes3 t(1, 1);
    const auto a = t.connect(0, "x");
    const auto before = t.servers[0]->stats().protocol_errors;
    t.cluster.inject(0, Nodes::Kind::topics, "x", "", false);
    t.cluster.inject(0, Nodes::Kind::topics, "x", std::string("\0\xC3", 2), false);
    t.cluster.inject(0, Nodes::Kind::topics, "x", std::string("\x7f what", 6), false);
    t.cluster.inject(0, Nodes::Kind::topics, "x", "a question", true);
    const std::vector<std::string> twice{"x", "x"};
    t.cluster.inject(0, Nodes::Kind::topics, twice, std::string("\0twice", 6), false);
    t.cluster.inject(0, Nodes::Kind::topics, "x", std::string("\0good", 5), false);
    EXPECT_EQ(a->frame().payload, "good");
    EXPECT_EQ(t.servers[0]->stats().protocol_errors, before + 4);
    EXPECT_TRUE(
        t.servers[0]->log->lines.wait_for("cluster: a publication to a topic is malformed 1"));
}

}  // namespace
}  // namespace starling::server::test
