// Server events over WebSocket: permissions, events, and the end of a connection.
#include <gtest/gtest.h>
#include <starling/server.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/server/events/fixture.h"

namespace starling::server::test {
namespace {

int status_of(EventServer& t, const std::string& target, const std::string& fields = "") {
    WsClient client(t.port(), target, fields);
    return client.handshake().status;
}

TEST(EventsWs, StatusesBeforeTheUpgrade) {
    EventServer t;
    t.start();
    const std::string ada = "Cookie: auth_token=" + token("ada@x", 3600) + "\r\n";
    const std::string forged =
        "Cookie: auth_token=" + token("ada@x", 3600, std::string(32, 'x')) + "\r\n";
    const std::string old = "Cookie: auth_token=" + token("ada@x", -60) + "\r\n";
    const struct {
        std::string target, fields;
        int status;
    } cases[] = {
        {"/ws/ServerEvent?Ref=ApiIndex", "", 101},
        {"/ws/ServerEvent?ref=ApiIndex", "", 101},
        {"/ws/ServerEvent?Rel=ApiIndex", "", 101},
        {"/ws/ServerEvent?rel=ApiIndex", "", 101},
        {"/WS/ServerEvent?Ref=ApiIndex", "", 101},
        {"/ws/ClientEvent", "", 101},
        {"/WS/ClientEvent", "", 101},
        {"/ws/ServerEvent", "", 400},
        {"/ws/ServerEvent?Ref=", "", 400},
        {"/ws/ServerEvent?REF=ApiIndex", "", 400},
        {"/ws/ServerEvent?Ref=" + std::string(256, 'a'), "", 400},
        {"/ws/ServerEvent?Ref=%ff", "", 400},
        {"/ws/ServerEvent?Ref=a%00b", "", 400},
        {"/ws/ServerEvent?Ref=Nothing", "", 404},
        {"/ws/ServerEvent?Ref=ArticleMessage256", "", 101},
        {"/ws/ServerEvent?Ref=ArticleMessage", "", 404},
        {"/ws/ServerEvent?Ref=ArticleMessagex", "", 404},
        {"/ws/ServerEvent?Ref=ApiIndex", forged, 101},
        {"/ws/ServerEvent?Ref=Members", "", 401},
        {"/ws/ServerEvent?Ref=Members", ada, 101},
        {"/ws/ServerEvent?Ref=Members", forged, 401},
        {"/ws/ServerEvent?Ref=Members", old, 401},
        {"/ws/ServerEvent?Ref=SystemMessageada%40x", "", 401},
        {"/ws/ServerEvent?Ref=SystemMessageada%40x", ada, 101},
        {"/ws/ServerEvent?Ref=SystemMessageada@x", ada, 101},
        {"/ws/ServerEvent?Ref=SystemMessageming%40x", ada, 403},
        {"/ws/ServerEvent?Ref=SystemMessageada%40x&token=" + token("ada@x", 3600), "", 101},
        {"/ws/ServerEvent?Ref=SystemMessageada%40x",
         "Authorization: Bearer " + token("ada@x", 3600) + "\r\n", 101},
        {"/ws/ServerEvent?Ref=ApiIndex", "Origin: https://evil.example\r\n", 403},
        {"/ws/ServerEvent?Ref=ApiIndex", "Origin: http://here\r\n", 101},
    };
    for (const auto& c : cases) EXPECT_EQ(status_of(t, c.target, c.fields), c.status) << c.target;
}

TEST(EventsWs, ClientEventsAreAnswered) {
    EventServer t;
    t.start();
    WsClient client(t.port(), "/ws/ClientEvent");
    client.send_text("Message");
    EXPECT_EQ(client.next(), "text(WS echo from server:Message)");
    client.send_text("");
    EXPECT_EQ(client.next(), "text(WS echo from server:)");
    client.send_text("你好");
    EXPECT_EQ(client.next(), "text(WS echo from server:你好)");
    client.send(masked_frame(ws::Opcode::binary, "x"));
    EXPECT_EQ(client.next(), "close(1003 text only)");
}

TEST(EventsWs, AnApplicationAnswersClientEvents) {
    EventServer t;
    t.channels.on_client_event([](std::string_view input) {
        if (input == "throw") throw std::runtime_error("as asked");
        return "heard " + std::string(input);
    });
    t.start();
    WsClient client(t.port(), "/ws/ClientEvent");
    client.send_text("you");
    EXPECT_EQ(client.next(), "text(heard you)");
    client.send_text("throw");
    EXPECT_EQ(client.next(), "close(1011 internal error)");
}

TEST(EventsWs, AListenerGetsItsChannelAlone) {
    EventServer t;
    t.start();
    WsClient article(t.port(), "/ws/ServerEvent?Ref=ArticleMessage256");
    WsClient other(t.port(), "/ws/ServerEvent?Ref=ArticleMessage257");
    article.send_text("ignored");
    article.send(masked_frame(ws::Opcode::binary, "ignored"));
    article.send(masked_frame(ws::Opcode::ping, "there?"));
    EXPECT_EQ(article.next(), "pong(there?)");
    EXPECT_EQ(t.publish_one("ArticleMessage256", "GotNew"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(t.publish_one("ArticleMessage257", "其他"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(article.next(), "text(WS Server Event:GotNew)");
    EXPECT_EQ(other.next(), "text(WS Server Event:其他)");
    article.close();
    EXPECT_TRUE(eventually([&] {
        return t.publish_one("ArticleMessage256", "x") == R"(200 {"delivered":0,"limited":0})";
    }));
}

TEST(EventsWs, ExcessIsDroppedOrTheLatestComesLater) {
    EventServer t;
    t.start();
    WsClient drop(t.port(), "/ws/ServerEvent?Ref=ArticleMessage1");
    WsClient latest(t.port(), "/ws/ServerEvent?Ref=Latest1");
    WsClient free(t.port(), "/ws/ServerEvent?Ref=Free1");
    // In one request, so in one tick.
    const auto three = [&](const std::string& channel) {
        std::string body = "[";
        for (const char* event : {"a", "b", "c"})
            body.append(body.size() > 1 ? "," : "")
                .append(R"({"channel":")" + channel + R"(","event":")" + event + "\"}");
        return t.publish(body + "]");
    };
    EXPECT_EQ(three("ArticleMessage1"),
              "200 [{\"delivered\":1,\"limited\":0},"
              "{\"delivered\":0,\"limited\":1},"
              "{\"delivered\":0,\"limited\":1}]");
    EXPECT_EQ(three("Latest1"),
              "200 [{\"delivered\":1,\"limited\":0},"
              "{\"delivered\":1,\"limited\":0},{\"delivered\":1,\"limited\":0}]");
    EXPECT_EQ(three("Free1"),
              "200 [{\"delivered\":1,\"limited\":0},"
              "{\"delivered\":1,\"limited\":0},{\"delivered\":1,\"limited\":0}]");
    EXPECT_EQ(latest.next(), "text(WS Server Event:a)");
    EXPECT_EQ(latest.next(), "text(WS Server Event:c)");
    EXPECT_EQ(drop.next(), "text(WS Server Event:a)");
    for (const char* event : {"a", "b", "c"})
        EXPECT_EQ(free.next(), "text(WS Server Event:" + std::string(event) + ")");
    // The interval of this channel is over, as that of `latest` was.
    EXPECT_EQ(t.publish_one("ArticleMessage1", "d"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(drop.next(), "text(WS Server Event:d)");
}

// In whole seconds of the wall clock: long enough to connect on a busy machine; the test waits for
// it.
constexpr int64_t soon_s = 5;

TEST(EventsWs, AnExpiredLoginClosesWith4401) {
    EventServer t;
    t.start();
    WsClient open(t.port(), "/ws/ServerEvent?Ref=ApiIndex&token=" + token("ada@x", 1));
    WsClient client(t.port(), "/ws/ServerEvent?Ref=Members&token=" + token("ada@x", soon_s));
    ASSERT_EQ(client.handshake().status, 101);
    EXPECT_EQ(client.next(), "close(4401 the login has expired)");
    // Without a required login, none expires.
    EXPECT_EQ(t.publish_one("ApiIndex", "x"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(open.next(), "text(WS Server Event:x)");
}

TEST(EventsWs, ANewTokenKeepsTheConnection) {
    EventServer t;
    t.start();
    const std::string path = "/ws/ServerEvent?Ref=Members&token=";
    WsClient kept(t.port(), path + token("ada@x", soon_s));
    WsClient stranger(t.port(), path + token("ada@x", soon_s));
    WsClient forger(t.port(), path + token("ada@x", soon_s));
    kept.send_text("{\"token\":\"" + token("ada@x", 3600) + "\"}");
    stranger.send_text("{\"token\":\"" + token("ming@x", 3600) + "\"}");
    forger.send_text("{\"token\":\"" + token("ada@x", 3600, std::string(32, 'x')) + "\"}");
    EXPECT_EQ(stranger.next(), "close(4401 the login has expired)");
    EXPECT_EQ(forger.next(), "close(4401 the login has expired)");
    EXPECT_EQ(t.publish_one("Members", "still"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(kept.next(), "text(WS Server Event:still)");
}

TEST(EventsWs, EveryWorkerIsCounted) {
    EventServer t({}, 4);
    t.start();
    std::vector<std::unique_ptr<WsClient>> clients;
    for (int i = 0; i < 40; ++i)
        clients.push_back(std::make_unique<WsClient>(t.port(), "/ws/ServerEvent?Ref=Free1"));
    EXPECT_EQ(t.publish_one("Free1", "a"), R"(200 {"delivered":40,"limited":0})");
    events::Published published;
    Transcript done;
    EXPECT_TRUE(t.channels.publish("Free1", "b", [&](events::Published sum) {
        published = sum;
        done.add("done");
    }));
    EXPECT_TRUE(done.wait_for("done"));
    EXPECT_EQ(published.delivered, 40u);
    EXPECT_FALSE(t.channels.publish("Nothing", "b"));
    EXPECT_THROW((void)t.channels.publish("Free1", "\xff"), std::invalid_argument);
    for (auto& client : clients) {
        EXPECT_EQ(client->next(), "text(WS Server Event:a)");
        EXPECT_EQ(client->next(), "text(WS Server Event:b)");
    }
}

TEST(EventsWs, OthersNoticeNothingOfAListenerThatDoesNotRead) {
    EventServer t;
    t.start();
    WsClient stuck(t.port(), "/ws/ServerEvent?Ref=Free1", "", 2048);
    WsClient reader(t.port(), "/ws/ServerEvent?Ref=Free1");
    const std::string event(60'000, 'e');
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(t.publish_one("Free1", event).starts_with("200 "));
        ASSERT_EQ(reader.next(), "text(WS Server Event:" + event + ")") << i;
    }
    EXPECT_EQ(t.publish_one("Free1", "end"), R"(200 {"delivered":1,"limited":0})");
}

TEST(EventsWs, DeclaredAndMountedBeforeTheStartAlone) {
    EventServer t;
    EXPECT_THROW((void)t.server.events(), std::logic_error);
    EXPECT_TRUE(t.channels.publish("ApiIndex", "nobody listens yet"));
    t.start();
    EXPECT_THROW(t.channels.declare({.pattern = "late"}), std::logic_error);
    EXPECT_THROW(t.channels.on_client_event([](std::string_view) { return ""; }), std::logic_error);
    TestServer other;
    EXPECT_THROW((void)other.server.events({.origins = {"no origin"}}), std::invalid_argument);
}

}  // namespace
}  // namespace starling::server::test
