// What a running server takes over: limits, origins, channels and keys. What is open goes on.
#include <gtest/gtest.h>
#include <starling/events.h>
#include <starling/server.h>
#include <starling/sites.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "server/shared_limits.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

TEST(SharedLimits, ChangeWhileConnectionsAreOpen) {
    using Admission = SharedLimits::Admission;
    SharedLimits limits({.connections = {}, .connections_per_address_max = 2, .exempt = {}});
    const auto enter = [&](std::string_view address) { return limits.enter(address, 0); };
    EXPECT_TRUE(enter("192.0.2.1").counts);
    EXPECT_TRUE(enter("192.0.2.1").counts);
    EXPECT_EQ(enter("192.0.2.1").admission, Admission::over_number);
    limits.change({.connections = {}, .connections_per_address_max = 3, .exempt = {}});
    EXPECT_TRUE(enter("192.0.2.1").counts);  // The two count on.
    EXPECT_EQ(enter("192.0.2.1").admission, Admission::over_number);
    // Off: nothing new counts, and what leaves is no longer there.
    limits.change({.connections = {}, .connections_per_address_max = 0, .exempt = {}});
    EXPECT_FALSE(limits.limits_addresses());
    EXPECT_FALSE(enter("192.0.2.1").counts);
    limits.leave("192.0.2.1");
    limits.leave("192.0.2.1");
    limits.change({.connections = {}, .connections_per_address_max = 2, .exempt = {"10.0.0.0/8"}});
    EXPECT_TRUE(enter("192.0.2.1").counts);
    EXPECT_EQ(enter("192.0.2.1").admission, Admission::over_number);
    EXPECT_FALSE(enter("10.0.0.1").counts);
    EXPECT_THROW(limits.change({.exempt = {"nobody"}}), std::invalid_argument);
    EXPECT_EQ(enter("192.0.2.1").admission, Admission::over_number);
}

// A change of another limit must not fill a bucket.
TEST(SharedLimits, KeepTheBucketsOfARateThatStays) {
    SharedLimits limits({.key_publishes = {.per_second = 1, .burst = 1}});
    EXPECT_EQ(limits.publish_with("k", 0), 0u);
    EXPECT_NE(limits.publish_with("k", 0), 0u);
    limits.change(
        {.connections_per_address_max = 7, .key_publishes = {.per_second = 1, .burst = 1}});
    EXPECT_NE(limits.publish_with("k", 0), 0u);
    limits.change({.key_publishes = {.per_second = 2, .burst = 2}});
    EXPECT_EQ(limits.publish_with("k", 0), 0u);
}

TEST(Reload, ProxiesCountForTheNextRequestOfAnOpenConnection) {
    TestServer t;
    t.server.get("/who", [](const http::Request& request, http::Response& response) {
        response.text(std::string(request.remote_address()));
    });
    EXPECT_THROW(t.server.change_trusted_proxies({}), std::logic_error);
    t.start();
    Client client(t.port());
    const auto who = [&] { return client.get("/who", "X-Forwarded-For: 203.0.113.9\r\n").body; };
    EXPECT_EQ(who(), "127.0.0.1");
    t.server.change_trusted_proxies({"10.0.0.0/8", "127.0.0.1"});
    EXPECT_EQ(who(), "203.0.113.9");
    EXPECT_THROW(t.server.change_trusted_proxies({"nobody"}), std::invalid_argument);
    EXPECT_EQ(who(), "203.0.113.9");
    t.server.change_trusted_proxies({});
    EXPECT_EQ(who(), "127.0.0.1");
}

TEST(Reload, LimitsOfRequestsHoldForNewConnections) {
    HttpLimits limits{.body_bytes_max = 10};
    limits.head_timeout = limits.request_timeout = limits.keep_alive_timeout = 1h;
    TestServer t({.http = limits});
    const auto answer = [](const http::Request&, http::Response& r) { r.text("taken"); };
    t.server.post("/", answer);
    t.server.post("/own", {.handler = answer, .body_bytes_max = 100});
    EXPECT_THROW(t.server.change_http(limits), std::logic_error);
    t.start();
    const auto post = [&](const std::string& path, size_t bytes) {
        return Client(t.port())
            .request("POST " + path + " HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                     std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x'))
            .status;
    };
    EXPECT_EQ(post("/", 20), 413);
    EXPECT_EQ(post("/own", 60), 200);
    limits.body_bytes_max = 50;
    limits.target_bytes_max = 64;
    t.server.change_http(limits);
    EXPECT_EQ(post("/", 20), 200);
    EXPECT_EQ(post("/", 60), 413);
    EXPECT_EQ(post("/own", 60), 200);  // Its own limit.
    EXPECT_EQ(post("/own", 101), 413);
    EXPECT_EQ(post("/" + std::string(64, 'a'), 1), 414);
}

// A larger one holds for new connections, a smaller one for the next request of an open connection, too.
TEST(Reload, ALowerLimitOfBodiesHoldsForOpenConnections) {
    TestServer t({.http = {.body_bytes_max = 30}});
    t.server.post("/", [](const http::Request&, http::Response& r) { r.text("taken"); });
    t.start();
    const auto post = [](Client& client, size_t bytes) {
        return client
            .request("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: " + std::to_string(bytes) +
                     "\r\n\r\n" + std::string(bytes, 'x'))
            .status;
    };
    Client raised(t.port()), lowered(t.port());
    EXPECT_EQ(post(raised, 20), 200);
    EXPECT_EQ(post(lowered, 20), 200);
    t.server.change_http({.body_bytes_max = 50});
    EXPECT_EQ(post(raised, 40), 413);
    t.server.change_http({.body_bytes_max = 10});
    EXPECT_EQ(post(lowered, 20), 413);
}

TEST(Reload, ADrainIsThatOfTheNextStop) {
    TestServer t;
    t.start();
    t.server.change_drain({.announce = 1h}, 1h);
    t.server.stop();
    EXPECT_TRUE(t.server.draining());
    EXPECT_FALSE(t.server.stopping());
}

TEST(Reload, LimitsOfMessagesHoldForOpenConnections) {
    TestServer t;
    t.server.websocket("/echo", {.message = [](ws::Socket s, ws::Message m) { s.send(m); }});
    EXPECT_THROW(t.server.change_limits({}), std::logic_error);
    t.start();
    WsClient client(t.port(), "/echo");
    for (int i = 0; i < 20; ++i) {
        client.send_text("a");
        EXPECT_EQ(client.next(), "text(a)");
    }
    t.server.change_limits({.messages = {.per_second = 1, .burst = 1}});
    std::string last;
    for (int i = 0; i < 100 && !last.starts_with("close"); ++i) {
        client.send_text("a");
        last = client.next();
    }
    EXPECT_EQ(last, "close(1008 too many messages)");
    t.server.change_limits({});
    WsClient other(t.port(), "/echo");
    for (int i = 0; i < 20; ++i) {
        other.send_text("a");
        EXPECT_EQ(other.next(), "text(a)");
    }
}

TEST(Reload, OriginsOfAWebSocketPath) {
    TestServer t;
    t.server.websocket("/echo", {.message = [](ws::Socket s, ws::Message m) { s.send(m); }});
    t.start();
    const auto status = [&] {
        return WsClient(t.port(), "/echo", "Origin: https://a.example\r\n").handshake().status;
    };
    EXPECT_EQ(status(), 403);
    EXPECT_TRUE(t.server.change_origins("/echo", {"https://a.example"}));
    EXPECT_EQ(status(), 101);
    EXPECT_THROW(t.server.change_origins("/echo", {"nonsense"}), std::invalid_argument);
    EXPECT_EQ(status(), 101);
    EXPECT_FALSE(t.server.change_origins("/other", {}));
    EXPECT_TRUE(t.server.change_origins("/echo", {}));
    EXPECT_EQ(status(), 403);
}

TEST(Reload, OriginsOfTheSamePathInTwoSites) {
    TestServer t;
    const ws::Route echo{.message = [](ws::Socket s, ws::Message m) { s.send(m); }};
    t.server.websocket("/echo", echo);
    HostSite& one = serve_host(t.server, {.hosts = {"one.example"}});
    HostSite& two = serve_host(t.server, {.hosts = {"two.example"}});
    one.websocket("/echo", echo);
    two.websocket("/echo", echo);
    two.websocket("/two", echo);
    t.start();
    const auto status = [&](std::string_view host) {
        Client client(t.port());
        const std::string request = upgrade_request("/echo", "Origin: https://a.example\r\n");
        const std::string own = "Host: " + std::string(host);
        return client.request(std::string(request).replace(request.find("Host: here"), 10, own))
            .status;
    };
    const auto all = [&] {
        return std::vector<int>{status("one.example"), status("two.example"), status("elsewhere")};
    };
    EXPECT_EQ(all(), (std::vector<int>{403, 403, 403}));
    EXPECT_TRUE(two.change_origins("/echo", {"https://a.example"}));
    EXPECT_EQ(all(), (std::vector<int>{403, 101, 403}));
    EXPECT_TRUE(t.server.change_origins("/echo", {"https://a.example"}));
    EXPECT_EQ(all(), (std::vector<int>{403, 101, 101}));
    EXPECT_TRUE(one.change_origins("/echo", {"https://a.example"}));
    EXPECT_TRUE(two.change_origins("/echo", {}));
    EXPECT_EQ(all(), (std::vector<int>{101, 403, 101}));
    EXPECT_FALSE(one.change_origins("/two", {}));
    EXPECT_FALSE(t.server.change_origins("/two", {}));
    EXPECT_FALSE(t.server.change_origins("", {}));
    EXPECT_THROW((void)one.change_origins("/echo", {"nonsense"}), std::invalid_argument);
}

int published(TestServer& t, std::string_view key, std::string_view channel) {
    const std::string body = R"({"channel":")" + std::string(channel) + R"(","event":"x"})";
    return Client(t.port())
        .request("POST /api/publish HTTP/1.1\r\nHost: here\r\nX-Api-Key: " + std::string(key) +
                 "\r\nContent-Type: application/json\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body)
        .status;
}

TEST(Reload, ChannelsAndKeysOfEvents) {
    TestServer t;
    events::Options options{.api_key = "first key of publishing", .origins = {"https://a.example"}};
    auto& channels = t.server.events(options);
    channels.declare({.pattern = "old"});
    t.start();
    EXPECT_EQ(published(t, "first key of publishing", "old"), 200);
    options.api_key = "second key of publishing";
    channels.change(options, {{.pattern = "new{id:number}"}});
    EXPECT_EQ(published(t, "first key of publishing", "new1"), 401);
    EXPECT_EQ(published(t, "second key of publishing", "new1"), 200);
    EXPECT_NE(published(t, "second key of publishing", "old"), 200);
    // A fault changes nothing.
    options.api_key = "third key";
    EXPECT_THROW(channels.change(options, {{.pattern = "a{"}}), std::invalid_argument);
    EXPECT_THROW(channels.change(options, {{.pattern = "a", .history = {.messages = 1}}}),
                 std::invalid_argument);
    options.origins.clear();
    EXPECT_THROW(channels.change(options, {{.pattern = "a"}}), std::invalid_argument);
    EXPECT_EQ(published(t, "second key of publishing", "new1"), 200);
}

// The key that counted at the start does not come back.
TEST(Reload, AKeyOfEventsThatComesOrGoesNeedsARestart) {
    TestServer t;
    events::Options options{.api_key = "first key of publishing"};
    auto& channels = t.server.events(options);
    channels.declare({.pattern = "a"});
    t.start();
    options.api_key = "second key of publishing";
    channels.change(options, {{.pattern = "a"}});
    options.api_key.clear();
    EXPECT_THROW(channels.change(options, {{.pattern = "a"}}), std::invalid_argument);
    EXPECT_EQ(published(t, "first key of publishing", "a"), 401);
    EXPECT_EQ(published(t, "second key of publishing", "a"), 200);
    TestServer other;
    auto& made = other.server.events({});
    made.declare({.pattern = "a"});
    other.start();
    EXPECT_THROW(made.change({.api_key = "a first key"}, {{.pattern = "a"}}),
                 std::invalid_argument);
    made.change({}, {{.pattern = "b"}});
    EXPECT_EQ(published(other, made.api_key(), "b"), 200);
}

}  // namespace
}  // namespace starling::server::test
