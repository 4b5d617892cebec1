// The gateways of a cluster in memory: the control API of one node reaches the connections of all. The
// suite is named MultiWorker for the run under ThreadSanitizer.
#include <gtest/gtest.h>
#include <starling/gateway.h>

#include <boost/json.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/fake/nodes.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"
#include "webhook/relay.h"

namespace starling::server::test {
namespace {

namespace json = boost::json;

struct GatewayNode : TestServer {
    explicit GatewayNode(unsigned workers, bool show_tokens)
        : TestServer({.workers = workers}),
          gateway(server.gateway({.api_keys = {"key"}, .show_tokens = show_tokens})) {}

    json::object request(std::string_view line, std::string_view body = "") {
        const Answer answer = Client(port()).request(
            std::string(line) + " HTTP/1.1\r\nHost: here\r\nX-Api-Key: key\r\n" +
            (body.empty() ? ""
                          : "Content-Type: application/json\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n") +
            "\r\n" + std::string(body));
        return json::parse(answer.body).as_object();
    }
    // {"connections":N}, as text.
    std::string post(std::string_view path, std::string_view body) {
        return json::serialize(request("POST /tapr/ws/" + std::string(path), body).at("data"));
    }
    // "ada:2 bob:1"; with "+" if there is a cursor, which `cursor` gets, and "!N" for missing nodes.
    std::string list(const std::string& query = "", std::string* cursor = nullptr) {
        const json::object answer = request("GET /tapr/ws/conn/list" + query);
        std::string text;
        for (const json::value& user : answer.at("data").as_array()) {
            text.append(text.empty() ? "" : " ").append(user.at("name").as_string()).append(":");
            text += std::to_string(user.at("conns").as_array().size() +
                                   user.at("public_conns").as_array().size());
        }
        if (answer.contains("cursor")) text += '+';
        if (cursor && answer.contains("cursor")) *cursor = answer.at("cursor").as_string();
        if (answer.contains("missing_nodes"))
            text += "!" + std::to_string(answer.at("missing_nodes").as_int64());
        return text;
    }
    std::vector<std::string> ids() {
        std::vector<std::string> ids;
        const json::object answer = request("GET /tapr/ws/conn/list");
        for (const json::value& user : answer.at("data").as_array())
            for (const char* const kind : {"conns", "public_conns"})
                for (const json::value& conn : user.at(kind).as_array())
                    ids.emplace_back(conn.at("id").as_string());
        return ids;
    }
    gateway::Gateway& gateway;
};

struct Gateways {
    explicit Gateways(size_t count = 3, unsigned workers = 2, bool show_tokens = false) {
        for (size_t i = 0; i < count; ++i) {
            nodes.push_back(std::make_unique<GatewayNode>(workers, show_tokens));
            cluster.add(nodes[i]->server, "n" + std::to_string(i));
        }
        for (auto& node : nodes) node->start();
        cluster.meet();
    }
    GatewayNode& operator[](size_t i) { return *nodes[i]; }
    std::unique_ptr<WsClient> enter(size_t node, const std::string& user,
                                    const std::string& fields = "") {
        const auto before = nodes[node]->gateway.stats().connections_open;
        auto client = std::make_unique<WsClient>(nodes[node]->port(), "/ws",
                                                 "X-Bfl-User: " + user + "\r\n" + fields);
        EXPECT_TRUE(eventually(
            [&] { return nodes[node]->gateway.stats().connections_open == before + 1; }));
        return client;
    }

    FakeCluster cluster;
    std::vector<std::unique_ptr<GatewayNode>> nodes;
};

TEST(MultiWorkerGatewayNodes, SendAndCloseReachEveryNode) {
    Gateways t;
    std::vector<std::unique_ptr<WsClient>> ada, bob;
    for (size_t i = 0; i < 6; ++i) ada.push_back(t.enter(i % 3, "ada"));
    for (size_t i = 0; i < 3; ++i) bob.push_back(t.enter(i, "bob"));
    EXPECT_EQ(t[0].post("conn/send", R"({"users":["ada"],"payload":{"a": 1}})"),
              R"({"connections":6})");
    for (auto& client : ada) EXPECT_EQ(client->next(), R"(text({"a": 1}))");
    // A close that follows a send never overtakes it.
    EXPECT_EQ(t[1].post("conn/send", R"({"users":["bob"],"text":"bye"})"), R"({"connections":3})");
    EXPECT_EQ(t[1].post("conn/close", R"({"users":["bob"],"code":4000,"reason":"why"})"),
              R"({"connections":3})");
    for (auto& client : bob) {
        EXPECT_EQ(client->next(), "text(bye)");
        EXPECT_EQ(client->next(), "close(4000 why)");
    }
    EXPECT_EQ(t[2].post("conn/send", R"({"users":["nobody"],"text":"x"})"), R"({"connections":0})");
}

TEST(MultiWorkerGatewayNodes, TheIdOfAConnectionNamesItsNode) {
    Gateways t;
    std::vector<std::unique_ptr<WsClient>> clients;
    for (size_t i = 0; i < 9; ++i) clients.push_back(t.enter(i % 3, "u" + std::to_string(i)));
    const auto ids = t[0].ids();
    ASSERT_EQ(std::set(ids.begin(), ids.end()).size(), 9u);
    for (size_t i = 0; i < ids.size(); ++i) {
        const size_t before = t.cluster.sent(Nodes::Kind::gateway);
        EXPECT_EQ(t[1].post("conn/send", R"({"conn_id":")" + ids[i] + R"(","text":"it is you"})"),
                  R"({"connections":1})");
        EXPECT_EQ(clients[i]->next(), "text(it is you)");
        EXPECT_EQ(t.cluster.sent(Nodes::Kind::gateway) - before, i % 3 == 1 ? 0u : 1u) << i;
    }
    // Several ids, of two nodes.
    EXPECT_EQ(t[2].post("conn/close", R"({"conns":[")" + ids[0] + R"(",")" + ids[1] + R"(",")" +
                                          ids[3] + R"("]})"),
              R"({"connections":3})");
    EXPECT_EQ(clients[3]->next(), "close(1000)");
    // An id of nobody is asked of nobody, unless it looks like one of a node.
    EXPECT_EQ(t[0].post("conn/send", R"({"conn_id":"nobody","text":"x"})"), R"({"connections":0})");
}

TEST(MultiWorkerGatewayNodes, TopicsHoldMembersOfEveryNode) {
    Gateways t;
    const auto a = t.enter(0, "ada"), b = t.enter(1, "bob"), c = t.enter(2, "cid");
    EXPECT_EQ(t[0].post("topic/join", R"({"topic":"news","users":["ada","bob"]})"),
              R"({"connections":2})");
    // The answer comes when the other nodes know of the members.
    EXPECT_EQ(t[2].post("topic/publish", R"({"topic":"news","text":"hi"})"),
              R"({"connections":2})");
    EXPECT_EQ(a->next(), "text(hi)");
    EXPECT_EQ(b->next(), "text(hi)");
    const auto ids = t[0].ids();
    EXPECT_EQ(t[2].post("topic/publish",
                        R"({"topic":"news","base64":"AP8=","except":[")" + ids[0] + R"("]})"),
              R"({"connections":1})");
    EXPECT_EQ(b->next(), "binary(" + std::string("\x00\xFF", 2) + ")");
    // The library's publications reach them as well.
    t[2].server.publish("news", "from C++");
    EXPECT_EQ(a->next(), "text(from C++)");
    EXPECT_EQ(b->next(), "text(from C++)");
    EXPECT_EQ(t[1].post("topic/leave", R"({"topic":"news","users":["ada"]})"),
              R"({"connections":1})");
    EXPECT_EQ(t[1].post("topic/publish", R"({"topic":"news","text":"b"})"), R"({"connections":1})");
    EXPECT_EQ(b->next(), "text(b)");
    EXPECT_EQ(t[0].server.count_subscribers("news").get().subscribers, 1u);
}

TEST(MultiWorkerGatewayNodes, AJoinIsAnsweredWhenTheOtherNodesKnow) {
    Gateways t(2, 2);
    const auto b = t.enter(1, "bob");
    t.cluster.hold_fences(true);
    Client asking(t[0].port());
    const std::string body = R"({"topic":"news","users":["bob"]})";
    asking.send(
        "POST /tapr/ws/topic/join HTTP/1.1\r\nHost: here\r\nX-Api-Key: key\r\n"
        "Content-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    EXPECT_TRUE(eventually([&] { return t[1].server.subscribers("news") == 1; }));
    t.cluster.hold_fences(false);
    EXPECT_EQ(asking.answer().body, R"({"code":0,"message":"success","data":{"connections":1}})");
}

TEST(MultiWorkerGatewayNodes, TheListHasTheConnectionsOfEveryNodeInOrder) {
    Gateways t;
    std::vector<std::unique_ptr<WsClient>> clients;
    for (size_t i = 0; i < 12; ++i)
        clients.push_back(t.enter(i % 3, std::string(1, char('a' + i % 4))));
    EXPECT_EQ(t[0].list(), "a:3 b:3 c:3 d:3");
    EXPECT_EQ(t[1].list("?user=b&user=d&user=x"), "b:3 d:3");
    std::string cursor;
    EXPECT_EQ(t[2].list("?limit=5", &cursor), "a:3 b:2+");
    EXPECT_EQ(t[0].list("?limit=5&cursor=" + cursor, &cursor), "b:1 c:3 d:1+");
    EXPECT_EQ(t[1].list("?limit=5&cursor=" + cursor), "d:2");
    t.cluster.lose(2);
    EXPECT_EQ(t[0].list(), "a:2 b:2 c:2 d:2!1");
    EXPECT_EQ(t[0].list("?limit=1"), "a:1+!1");
}

TEST(GatewayNodes, ANodeThatAnswersTwiceIsListedOnce) {
    Gateways t(2, 1);
    t.cluster.repeat_answers();
    const auto a = t.enter(0, "ada"), b = t.enter(1, "ada"), c = t.enter(1, "bob");
    EXPECT_EQ(t[0].list(), "ada:2 bob:1");
    EXPECT_EQ(t[1].list(), "ada:2 bob:1");
}

// More than a node sends at a time.
TEST(MultiWorkerGatewayNodes, ALongListComesInPages) {
    Gateways t(2, 2);
    constexpr size_t each = 700;
    std::vector<std::unique_ptr<WsClient>> clients;
    for (size_t i = 0; i < 2 * each; ++i)
        clients.push_back(std::make_unique<WsClient>(
            t[i % 2].port(), "/ws", "X-Bfl-User: u" + std::to_string(i % 7) + "\r\n"));
    for (size_t i = 0; i < 2; ++i)
        EXPECT_TRUE(eventually([&] { return t[i].gateway.stats().connections_open == each; }));
    EXPECT_EQ(t[0].list(), "u0:200 u1:200 u2:200 u3:200 u4:200 u5:200 u6:200");
    const auto ids = t[1].ids();
    EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 2 * each);
    EXPECT_GT(t.cluster.sent(Nodes::Kind::gateway), 4u);
}

TEST(GatewayNodes, TokensAreShownWhereBothNodesShowThem) {
    Gateways hidden(2, 1), shown(2, 1, true);
    const std::string cookie = "Cookie: auth_token=secret\r\n";
    const auto a = hidden.enter(1, "ada", cookie), b = shown.enter(1, "ada", cookie);
    const auto token = [](GatewayNode& node) {
        return std::string(node.request("GET /tapr/ws/conn/list")
                               .at("data")
                               .at(0)
                               .at("conns")
                               .at(0)
                               .at("token")
                               .as_string());
    };
    EXPECT_EQ(token(hidden[0]), "");
    EXPECT_EQ(token(shown[0]), "secret");
    EXPECT_EQ(hidden[0].post("conn/send", R"({"tokens":["secret"],"text":"x"})"),
              R"({"connections":1})");
}

TEST(GatewayNodes, ANodeThatIsLostIsMissing) {
    Gateways t(3, 1);
    const auto a = t.enter(0, "ada"), b = t.enter(1, "ada"), c = t.enter(2, "ada");
    const auto ids = t[0].ids();
    t.cluster.lose(1);
    EXPECT_EQ(t[0].post("conn/send", R"({"users":["ada"],"text":"x"})"),
              R"({"connections":2,"missing_nodes":1})");
    size_t missing = 0;
    for (const std::string& id : ids) {
        const std::string answer =
            t[0].post("conn/send", R"({"conn_id":")" + id + R"(","text":"x"})");
        if (answer == R"({"connections":0,"missing_nodes":1})")
            ++missing;
        else
            EXPECT_EQ(answer, R"({"connections":1})");
    }
    EXPECT_EQ(missing, 1u);
}

TEST(GatewayNodes, MalformedRequestsOfOtherNodesAreIgnoredAndCounted) {
    Gateways t(1, 1);
    const auto client = t.enter(0, "ada");
    EXPECT_EQ(t[0].post("topic/join", R"({"topic":"news","users":["ada"]})"),
              R"({"connections":1})");
    const auto before = t[0].stats().protocol_errors;
    webhook::SendRequest send{{}, {.bytes = "good"}};
    send.to.users.add("ada");
    send.to.users.seal();
    const std::string good = webhook::encode(webhook::ControlRequest(send));
    const std::string page = webhook::encode(webhook::PageRequest{});
    for (const bool as_question : {false, true}) {
        for (size_t size = 0; size < good.size(); size += 3)
            t.cluster.inject(0, Nodes::Kind::gateway, "", good.substr(0, size), as_question);
        t.cluster.inject(0, Nodes::Kind::topics, "news", "\x7f", as_question);
    }
    t.cluster.inject(0, Nodes::Kind::gateway, "", page, false);  // A question that is none.
    t.cluster.inject(0, Nodes::Kind::gateway, "", page, true);
    t.cluster.inject(0, Nodes::Kind::gateway, "", good, true);
    EXPECT_EQ(client->next(), "text(good)");
    EXPECT_EQ(t[0].stats().protocol_errors, before + 2 * ((good.size() + 2) / 3 + 1) + 1);
}

TEST(GatewayNodes, WithoutAClusterTheAnswersAreTheSame) {
    GatewayNode t(2, false);
    t.start();
    const WsClient client(t.port(), "/ws", "X-Bfl-User: ada\r\n");
    EXPECT_TRUE(eventually([&] { return t.gateway.stats().connections_open == 1; }));
    EXPECT_EQ(t.post("conn/send", R"({"users":["ada"],"text":"x"})"), R"({"connections":1})");
    EXPECT_EQ(t.list(), "ada:1");
}

}  // namespace
}  // namespace starling::server::test
