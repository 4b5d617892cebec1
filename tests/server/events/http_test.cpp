// Server events over HTTP: the event stream, the index, publishing, the pages.
#include <gtest/gtest.h>
#include <starling/server.h>
#include <starling/sites.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/server/events/fixture.h"

namespace starling::server::test {
namespace {

TEST(EventsStream, TheSameEventsAsText) {
    EventServer t;
    t.start();
    Client client(t.port());
    client.send("GET /sse/ServerEvent?Ref=Free1 HTTP/1.1\r\nHost: here\r\n\r\n");
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
    EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("Cache-Control: no-store\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos) << head;
    EXPECT_EQ(t.publish_one("Free1", "a"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(t.publish_one("Free1", "b\\nc"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(client.read_until("c\n\n"),
              "data: WS Server Event:a\n\ndata: WS Server Event:b\ndata: c\n\n");
    client.send("GET / HTTP/1.1\r\n");  // Further input is not parsed as requests.
    EXPECT_EQ(t.publish_one("Free1", "d"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(client.read_until("\n\n"), "data: WS Server Event:d\n\n");
    client.close();
    EXPECT_TRUE(eventually(
        [&] { return t.publish_one("Free1", "x") == R"(200 {"delivered":0,"limited":0})"; }));
    EXPECT_TRUE(t.all_gone());
}

TEST(EventsStream, StatusesLimitsAndHeads) {
    EventServer t;
    t.start();
    const std::string ada = "Cookie: auth_token=" + token("ada@x", 3600) + "\r\n";
    const struct {
        std::string target, fields;
        int status;
    } cases[] = {
        {"/sse/ServerEvent", "", 400},
        {"/sse/ServerEvent?Ref=", "", 400},
        {"/sse/ServerEvent?Ref=Nothing", "", 404},
        {"/sse/ServerEvent?Ref=Members", "", 401},
        {"/sse/ServerEvent?Ref=SystemMessageming%40x", ada, 403},
        {"/sse/ServerEvent?Ref=ApiIndex", "Origin: https://evil.example\r\n", 403},
    };
    Client one(t.port());  // These answers keep the connection open.
    for (const auto& c : cases) EXPECT_EQ(one.get(c.target, c.fields).status, c.status) << c.target;
    const auto head =
        one.request("HEAD /sse/ServerEvent?Ref=ApiIndex HTTP/1.1\r\nHost: here\r\n\r\n", true);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.has("text/event-stream"));
    Client listener(t.port());
    listener.send("GET /SSE/ServerEvent?rel=ArticleMessage1 HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_TRUE(listener.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
    const std::string event = R"({"channel":"ArticleMessage1","event":"a"})";
    EXPECT_EQ(t.publish("[" + event + "," + event + "]"),
              R"(200 [{"delivered":1,"limited":0},{"delivered":0,"limited":1}])");
    EXPECT_EQ(listener.read_until("\n\n"), "data: WS Server Event:a\n\n");
}

// Fetch standard section 3.2: the fields that a page of another origin needs to read an answer.
TEST(EventsStream, PagesOfListedOriginsMayReadWhatItAnswers) {
    const std::string yes = "Access-Control-Allow-Origin: ", named = "https://page.example";
    const std::string credentials = "Access-Control-Allow-Credentials: true";
    struct Case {
        std::vector<std::string> origins;
        std::string origin, channel;
        int status;
        bool may_read, with_credentials;
    };
    const std::vector<Case> cases = {
        {{named}, named, "ApiIndex", 200, true, true},
        {{"https://*.example"}, named, "ApiIndex", 200, true, true},
        {{named}, named, "Members", 401, true, true},
        {{named}, named, "Nothing", 404, true, true},
        {{named}, "https://other.example", "ApiIndex", 403, false, false},
        {{named}, "", "ApiIndex", 200, false, false},
        {{"*"}, named, "ApiIndex", 200, true, false},
        {{"*", named}, named, "ApiIndex", 200, true, true},
        {{"null"}, "null", "ApiIndex", 200, true, false},
        {{}, "http://here", "ApiIndex", 200, false, false},
    };
    for (const auto& c : cases) {
        EventServer t({.origins = c.origins});
        t.start();
        Client client(t.port());
        client.send("GET /sse/ServerEvent?Ref=" + c.channel + " HTTP/1.1\r\nHost: here\r\n" +
                    (c.origin.empty() ? "" : "Origin: " + c.origin + "\r\n") + "\r\n");
        const std::string head = client.read_until("\r\n\r\n");
        const std::string what = c.origin + " " + c.channel + "\n" + head;
        EXPECT_TRUE(head.starts_with("HTTP/1.1 " + std::to_string(c.status))) << what;
        const auto has = [&](const std::string& line) {
            return head.find("\r\n" + line + "\r\n") != std::string::npos;
        };
        EXPECT_EQ(has(yes + c.origin), c.may_read) << what;
        EXPECT_EQ(has(credentials), c.with_credentials) << what;
        EXPECT_EQ(has("Vary: Origin"), !c.origins.empty()) << what;
    }
}

TEST(EventsStream, APreflightForATokenIsAnswered) {
    EventServer t({.origins = {"https://page.example"}});
    t.start();
    const auto ask = [&](const std::string& origin) {
        return Client(t.port()).request(
            "OPTIONS /sse/ServerEvent?Ref=Members HTTP/1.1\r\nHost: here\r\nOrigin: " + origin +
            "\r\nAccess-Control-Request-Method: GET\r\n"
            "Access-Control-Request-Headers: authorization\r\n\r\n");
    };
    const auto listed = ask("https://page.example");
    EXPECT_EQ(listed.status, 204);
    EXPECT_TRUE(listed.has("Access-Control-Allow-Origin: https://page.example")) << listed.head;
    EXPECT_TRUE(listed.has("Access-Control-Allow-Headers: Authorization")) << listed.head;
    const auto other = ask("https://other.example");
    EXPECT_EQ(other.status, 204);
    EXPECT_FALSE(other.has("Access-Control-Allow-Origin")) << other.head;
    EXPECT_TRUE(other.has("Vary: Origin")) << other.head;
}

// The channels have no origins, but a site has some.
TEST(EventsStream, APreflightForAPageOfTheSiteIsAnswered) {
    EventServer t;
    serve_host(t.server, {.hosts = {"shop.example"}}).allow_origins({"https://page.example"});
    t.start();
    const auto ask = [&](const std::string& host) {
        return Client(t.port()).request(
            "OPTIONS /sse/ServerEvent?Ref=Members HTTP/1.1\r\nHost: " + host +
            "\r\nOrigin: https://page.example\r\n"
            "Access-Control-Request-Method: GET\r\n"
            "Access-Control-Request-Headers: authorization\r\n\r\n");
    };
    const auto shop = ask("shop.example"), other = ask("other.example");
    EXPECT_EQ(shop.status, 204);
    EXPECT_TRUE(shop.has("Access-Control-Allow-Origin: https://page.example")) << shop.head;
    EXPECT_TRUE(shop.has("Access-Control-Allow-Headers: Authorization")) << shop.head;
    EXPECT_EQ(other.status, 204);
    EXPECT_TRUE(other.has("Allow: GET, HEAD, OPTIONS")) << other.head;
    EXPECT_FALSE(other.has("Access-Control") || other.has("Vary")) << other.head;
}

// Server::cors() and Options::origins may both allow the page; the answer names it once.
TEST(EventsStream, OriginsStandBesideTheCorsRulesOfTheServer) {
    EventServer t({.origins = {"https://page.example"}});
    t.server.cors({.origins = {"*"}, .credentials = false});
    t.start();
    const auto answer = Client(t.port()).request(
        "HEAD /sse/ServerEvent?Ref=ApiIndex HTTP/1.1\r\nHost: here\r\n"
        "Origin: https://page.example\r\n\r\n",
        true);
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: https://page.example")) << answer.head;
    EXPECT_FALSE(answer.has("Access-Control-Allow-Origin: *")) << answer.head;
}

TEST(EventsStream, HeartbeatsAndTheEndOfALogin) {
    EventServer t({.heartbeat = 300ms});
    t.start();
    Client client(t.port());
    client.send("GET /sse/ServerEvent?Ref=Members&token=" + token("ada@x", 5) +
                " HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_EQ(client.read(3), ":\n\n");
    EXPECT_EQ(client.read(3), ":\n\n");
    EXPECT_TRUE(client.read_to_end().ends_with("<end>"));
    EXPECT_TRUE(t.all_gone());
}

TEST(EventsStream, EndsWithTheServer) {
    EventServer t;
    t.start();
    Client client(t.port());
    client.send("GET /sse/ServerEvent?Ref=ApiIndex HTTP/1.0\r\nHost: here\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
    t.server.stop();
    EXPECT_TRUE(client.read_to_end().ends_with("<end>"));
    t.server.wait();
}

// Else all EventSources of a browser would come back at the same moment.
TEST(EventsStream, AServerThatStopsTellsEachListenerWhenToComeBack) {
    EventServer t;
    t.start();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<Client>(t.port()));
        clients.back()->send("GET /sse/ServerEvent?Ref=ApiIndex HTTP/1.0\r\nHost: here\r\n\r\n");
        EXPECT_TRUE(clients.back()->read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
    }
    t.server.stop();
    std::set<int> times;
    for (const auto& client : clients) {
        const std::string text = client->read_to_end();
        ASSERT_TRUE(text.starts_with("retry: ") && text.ends_with("\n\n<end>")) << text;
        const int retry_ms = std::stoi(text.substr(7));
        EXPECT_TRUE(retry_ms >= 1000 && retry_ms < 5000) << text;
        times.insert(retry_ms);
    }
    EXPECT_GT(times.size(), 10u);  // Twenty draws of 4,000 values: fewer come in no lifetime.
    t.server.wait();
}

TEST(EventsApi, TheIndexTellsItsListenersOfTheVisit) {
    EventServer t;
    t.start();
    WsClient listener(t.port(), "/ws/ServerEvent?Ref=ApiIndex");
    Client client(t.port());
    const auto answer = client.get("/api");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.has("Content-Type: application/json")) << answer.head;
    EXPECT_NE(answer.body.find(R"("pattern":"ArticleMessage{id:number}")"), std::string::npos);
    EXPECT_NE(answer.body.find(R"("access":"owner")"), std::string::npos) << answer.body;
    const std::string event = listener.next();
    EXPECT_TRUE(event.starts_with("text(WS Server Event:Index Viewd ")) << event;
    const std::string viewed = event.substr(21, event.size() - 22);
    EXPECT_NE(answer.body.find("\"viewed\":\"" + viewed + "\""), std::string::npos) << answer.body;
    // A later listener does not get earlier events.
    WsClient late(t.port(), "/ws/ServerEvent?Ref=ApiIndex");
    late.send(masked_frame(ws::Opcode::ping, "x"));
    EXPECT_EQ(late.next(), "pong(x)");
}

TEST(EventsApi, PublishingAnswersWhatIsWrong) {
    EventServer t({.event_bytes_max = 100, .batch_events_max = 2});
    t.start();
    const std::string good = R"({"channel":"ApiIndex","event":"x"})";
    const std::string needs_key = R"(401 {"code":401,"message":"a valid API key is needed"})";
    const struct {
        std::string body, fields, answer;
    } cases[] = {
        {good, "X-Api-Key: a-key-for-publishers\r\n", R"(200 {"delivered":0,"limited":0})"},
        {good, "Authorization: Bearer a-key-for-publishers\r\n",
         R"(200 {"delivered":0,"limited":0})"},
        {good, "Authorization: bearer a-key-for-publishers\r\n",
         R"(200 {"delivered":0,"limited":0})"},
        {good, "", needs_key},
        {good, "X-Api-Key: a-key-for-publisher\r\n", needs_key},
        {good, "X-Api-Key: \r\n", needs_key},
        {good, "Authorization: Basic a-key-for-publishers\r\n", needs_key},
        {"{}", "X-Api-Key: a-key-for-publishers\r\n",
         R"(400 {"code":400,"message":"channel: is missing"})"},
        {"{}", "", needs_key},
        {"{", "X-Api-Key: a-key-for-publishers\r\n",
         R"(400 {"code":400,"message":"the body: is not JSON"})"},
        {R"({"channel":"No","event":"x"})", "X-Api-Key: a-key-for-publishers\r\n",
         R"(404 {"code":404,"message":"channel: no channel 'No' is declared"})"},
        {R"({"channel":"ApiIndex","event":")" + std::string(101, 'x') + "\"}",
         "X-Api-Key: a-key-for-publishers\r\n",
         R"(413 {"code":413,"message":"event: larger than 100 bytes"})"},
        {"[1,2,3]", "X-Api-Key: a-key-for-publishers\r\n",
         R"(400 {"code":400,"message":"the body: more than 2 events"})"},
        {"[]", "X-Api-Key: a-key-for-publishers\r\n", "200 []"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(t.publish(c.body, c.fields), c.answer) << c.body << " " << c.fields;
    EXPECT_EQ(Client(t.port()).get("/api/publish").status, 405);
}

TEST(EventsApi, WantsAKeyWhereNoneIsSetAndMakesOneForEachServer) {
    TestServer t, other;
    auto& channels = t.server.events();
    channels.declare({.pattern = "ApiIndex"});
    t.start();
    EXPECT_EQ(channels.api_key().size(), 32u) << channels.api_key();
    const std::string others_key = other.server.events().api_key();
    EXPECT_NE(channels.api_key(), others_key);
    const struct {
        std::string fields;
        int status;
    } cases[] = {
        {"", 401},
        {"X-Api-Key: \r\n", 401},
        {"X-Api-Key: " + others_key + "\r\n", 401},
        {"X-Api-Key: " + channels.api_key() + "\r\n", 200},
        {"Authorization: Bearer " + channels.api_key() + "\r\n", 200},
    };
    const std::string body = R"({"channel":"ApiIndex","event":"x"})";
    for (const auto& c : cases) {
        Client client(t.port());
        const auto answer =
            client.request("POST /api/publish HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n" + c.fields + "\r\n" + body);
        EXPECT_EQ(answer.status, c.status) << c.fields;
    }
}

TEST(EventsPages, AreThereWithoutAnUpgrade) {
    EventServer t;
    t.start();
    Client client(t.port());
    for (const char* path :
         {"/ws/ClientEvent", "/ws/ServerEvent?ref=ApiIndex", "/WS/ServerEvent"}) {
        const auto answer = client.get(path);
        EXPECT_EQ(answer.status, 200) << path;
        EXPECT_TRUE(answer.has("text/html")) << path;
        EXPECT_NE(answer.body.find("new WebSocket("), std::string::npos) << path;
    }
    EventServer own({.client_page = [](const http::Request&, http::Response& response) {
        response.text("mine");
    }});
    own.start();
    EXPECT_EQ(Client(own.port()).get("/ws/ClientEvent").body, "mine");
}

}  // namespace
}  // namespace starling::server::test
