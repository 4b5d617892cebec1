// Polling requests that reach another node than the one that owns their session: two servers over a
// real Redis.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/engineio/relay_fixture.h"

namespace starling::server::test {
namespace {

TEST_F(EngineRelay, PollsAndPostsReachTheOwnerFromEveryWorker) {
    start();
    for (const size_t home : {0, 1})
        for (const size_t worker : {0, 1}) {
            const std::string sid = open(home, worker);
            Client poll(port(1 - home, 0)), sender(port(1 - home, 1));
            poll.send(get(sid));
            EXPECT_EQ(sender.request(post(sid, "4crossed")).body, "ok");
            EXPECT_EQ(poll.answer().body, "4crossed");
            // And on the same connections again, through both nodes.
            Client at_home(port(home, 1 - worker));
            EXPECT_EQ(at_home
                          .request(post(sid,
                                        "4one\x1e"
                                        "4two"))
                          .body,
                      "ok");
            EXPECT_EQ(poll.request(get(sid)).body,
                      "4one\x1e"
                      "4two");
            EXPECT_EQ(sender.request(post(sid, "bAQID")).body, "ok");
            EXPECT_EQ(at_home.request(get(sid)).body, "bAQID");
        }
    EXPECT_EQ(sites[0]->pending() + sites[1]->pending(), 0);
}

// RFC 9112 section 3.2.2: every server takes the absolute form.
TEST_F(EngineRelay, AbsoluteTargetsReachTheOwner) {
    start();
    const std::string sid = open(0);
    const std::string path = "http://here" + target(sid) + " HTTP/1.1\r\nHost: here\r\n";
    Client client(port(1));
    EXPECT_EQ(client.request("POST " + path + "Content-Length: 3\r\n\r\n4hi").body, "ok");
    EXPECT_EQ(client.request("GET " + path + "\r\n").body, "4hi");
}

TEST_F(EngineRelay, Eio3Base64AndJsonpPass) {
    start({.allow_eio3 = true});
    const std::string sid = open(0, 0, "EIO=3&b64=1").substr(0, engineio::cluster_sid_length);
    Client client(port(1));
    EXPECT_EQ(client.request(post(sid, "3:4hi", "EIO=3&b64=1")).body, "ok");
    EXPECT_EQ(client.request(get(sid, "EIO=3&b64=1")).body, "3:4hi");
    // Binary packets as bytes.
    const std::string plain = open(0, 0, "EIO=3");
    const std::string packet("\x01\x03\xff\x04\x00\x01", 6);
    EXPECT_EQ(
        client.request(post(plain, packet, "EIO=3", "Content-Type: application/octet-stream\r\n"))
            .body,
        "ok");
    EXPECT_EQ(client.request(get(plain, "EIO=3")).body, packet);
    // JSONP.
    const std::string other = open(0, 0, "EIO=4");
    EXPECT_EQ(client
                  .request(post(other, "d=4say", "EIO=4&j=1",
                                "Content-Type: application/x-www-form-urlencoded\r\n"))
                  .body,
              "ok");
    const Answer answer = client.request(get(other, "EIO=4&j=1"));
    EXPECT_EQ(answer.body, "___eio[1](\"4say\");");
    EXPECT_TRUE(answer.head.find("text/javascript") != std::string::npos) << answer.head;
}

TEST_F(EngineRelay, UnknownSessionsAndTheNodesOfTheirIds) {
    start();
    const std::string sid = open(0);
    Client client(port(1));
    std::string wrong = sid;
    wrong[10] = wrong[10] == 'A' ? 'B' : 'A';  // Names a node that does not exist.
    std::string node = sid;
    node.back() = node.back() == 'A' ? 'B' : 'A';
    for (const std::string& text :
         {wrong, node, std::string("__AAAAAAAAAAAAAAAAAA"), std::string("x"), sid.substr(0, 20)}) {
        const Answer answer = client.request(get(text));
        EXPECT_EQ(answer.status, 400) << text;
        EXPECT_EQ(answer.body, unknown_session) << text;
    }
    EXPECT_EQ(sites[1]->figure(0, "starling_relayed_requests_total") +
                  sites[1]->figure(1, "starling_relayed_requests_total"),
              0);
    // A session that has ended is unknown to its owner.
    EXPECT_EQ(client.request(post(sid, "4close")).body, "ok");
    EXPECT_EQ(client.request(get(sid)).body, "1");
    EXPECT_EQ(client.request(get(sid)).body, unknown_session);
    // Two ids of one node do not show that they are of one node.
    const std::string second = open(0);
    EXPECT_NE(sid.substr(28), second.substr(28));
}

TEST_F(EngineRelay, OverlapsAndFaultsAreAnsweredAsAtHome) {
    start();
    std::string sid = open(0);
    Client first(port(1)), second(port(1, 1));
    first.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    EXPECT_EQ(second.request(get(sid)).status, 400);
    EXPECT_EQ(first.answer().body, "1");
    EXPECT_TRUE(events(0).wait_for("transport error"));
    // A packet that is none.
    sid = open(0);
    EXPECT_EQ(first.request(post(sid, "x")).status, 400);
    EXPECT_TRUE(events(0).wait_for("parse error"));
    // Another revision, and a method that no session has.
    sid = open(0);
    const Answer revision = first.request(get(sid, "EIO=3"));
    EXPECT_EQ(revision.body, R"({"code":3,"message":"Bad request"})");
    std::string del = get(sid);
    del.replace(0, 3, "DELETE");
    EXPECT_EQ(first.request(del).body, R"({"code":2,"message":"Bad handshake method"})");
}

TEST_F(EngineRelay, TheClientLeaves) {
    start();
    const std::string sid = open(0);
    {
        Client poll(port(1));
        poll.send(get(sid));
        ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
        poll.close();
    }
    EXPECT_TRUE(events(0).wait_for("transport error"));  // As at home.
    EXPECT_TRUE(eventually([&] { return sites[0]->pending() + sites[1]->pending() == 0; }));
}

TEST_F(EngineRelay, OriginsAndFieldsAndTheClientsAddress) {
    EngineOptions options;
    options.cors = http::CorsOptions{.origins = {"https://page.example"}};
    options.headers = [](http::Response& response, const http::Request& request) {
        response.header("X-Saw", std::string(request.remote_address()) + " " +
                                     std::string(request.header("cookie")));
    };
    start(options);
    const std::string sid = open(0);
    Client client(port(1));
    EXPECT_EQ(client.request(post(sid, "4hi")).body, "ok");
    const Answer answer =
        client.request(get(sid, "EIO=4", "Origin: https://page.example\r\nCookie: a=b\r\n"));
    EXPECT_EQ(answer.body, "4hi");
    EXPECT_NE(answer.head.find("Access-Control-Allow-Origin: https://page.example"),
              std::string::npos)
        << answer.head;
    EXPECT_NE(answer.head.find("X-Saw: 127.0.0.1 a=b"), std::string::npos) << answer.head;
    EXPECT_NE(answer.head.find("Cache-Control: no-store"), std::string::npos) << answer.head;
    const double before = sites[1]->figure(0, "starling_relayed_requests_total") +
                          sites[1]->figure(1, "starling_relayed_requests_total");
    EXPECT_EQ(client.request(get(sid, "EIO=4", "Origin: https://evil.example\r\n")).status, 403);
    EXPECT_EQ(sites[1]->figure(0, "starling_relayed_requests_total") +
                  sites[1]->figure(1, "starling_relayed_requests_total"),
              before);
}

// It may know an origin that the owner does not: one of the site, or of a newer configuration.
TEST_F(EngineRelay, TheAskedNodeAloneChecksTheOrigin) {
    EngineOptions listed;
    listed.origins = {"https://page.example"};
    sites[0] = std::make_unique<EngineNode>(cluster("owner"), EngineOptions(), 1);
    sites[1] = std::make_unique<EngineNode>(cluster("asked"), listed, 1);
    meet();
    const std::string sid = open(0);
    Client client(port(1));
    const std::string page = "Origin: https://page.example\r\n";
    EXPECT_EQ(client.request(post(sid, "4hi", "EIO=4", page)).status, 200);
    EXPECT_EQ(client.request(get(sid, "EIO=4", page)).body, "4hi");
    EXPECT_EQ(client.request(get(sid, "EIO=4", "Origin: https://evil.example\r\n")).status, 403);
    Client direct(port(0));
    EXPECT_EQ(direct.request(get(sid, "EIO=4", page)).status, 403);
    // What is checked of the session is checked by its owner.
    EXPECT_EQ(client.request(get(sid.substr(0, sid.size() - 1) + "~", "EIO=4", page)).status, 400);
}

TEST_F(EngineRelay, LargeAnswersAndTooLargeBodies) {
    start();
    const std::string sid = open(0);
    Client client(port(1));
    EXPECT_EQ(client.request(post(sid, "4flood 8")).body, "ok");
    EXPECT_EQ(client.request(get(sid)).body.size(), 8 * 100'001u + 7);
    // The limit of the node that is asked holds before anything is relayed.
    Client large(port(1));
    large.send("POST " + target(sid) +
               " HTTP/1.1\r\nHost: here\r\nContent-Length: 1000001\r\n\r\n");
    EXPECT_EQ(large.answer().status, 413);
    EXPECT_EQ(client.request(post(sid, "4on")).body, "ok");
    EXPECT_EQ(client.request(get(sid)).body, "4on");
}

TEST_F(EngineRelay, BackpressureHoldsAPost) {
    start();
    const std::string sid = open(0);
    Client poll(port(1)), sender(port(1));
    EXPECT_EQ(sender.request(post(sid, "4nap")).body, "ok");
    EXPECT_TRUE(events(0).wait_for("resume"));
    EXPECT_EQ(sender.request(post(sid, "4after")).body, "ok");
    EXPECT_EQ(poll.request(get(sid)).body, "4after");
}

TEST_F(EngineRelay, TheOwnerStops) {
    start();
    const std::string sid = open(0);
    Client poll(port(1));
    poll.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    wait_for_away(1, 1);
    sites[0]->stop();
    // Whether the end of the session or that of the node comes first.
    const Answer answer = poll.answer();
    EXPECT_TRUE(answer.body == "1" || answer.body == unknown_session)
        << answer.status << answer.body;
    ASSERT_TRUE(eventually([&] { return !sites[1]->nodes.is_here(sites[0]->nodes.self()); }));
    EXPECT_EQ(poll.request(get(sid)).body, unknown_session);
}

TEST_F(EngineRelay, TheNodeThatWasAskedStopsAndTheSessionGoesOn) {
    start();
    const std::string sid = open(0);
    Client poll(port(1)), home(port(0));
    poll.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[0]->pending() == 1; }));
    sites[1]->team.stop(false);
    EXPECT_EQ(poll.answer().body, "6");
    EXPECT_EQ(home.request(post(sid, "4on")).body, "ok");
    EXPECT_EQ(home.request(get(sid)).body, "4on");
}

// What the node could not be told, it is told later; what a client is told is the truth for it.
TEST_F(EngineRelay, RedisIsAwayForAMoment) {
    start();
    const std::string sid = open(0);
    Client poll(port(1)), sender(port(1));
    redis.kill();
    ASSERT_TRUE(eventually([&] { return !sites[1]->nodes.is_linked(); }));
    sender.send(post(sid, "4late"));
    poll.send(get(sid));
    ASSERT_TRUE(eventually([&] { return sites[1]->pending() == 2; }));
    redis.start();
    EXPECT_EQ(sender.answer().body, "ok");
    EXPECT_EQ(poll.answer().body, "4late");
}

TEST_F(EngineRelay, StrangeMessagesAreIgnored) {
    start();
    const std::string sid = open(0);
    const Nodes::Id to = sites[0]->nodes.self();
    const relay::Head asks{.type = relay::Type::request, .worker = 1, .id = 7};
    const relay::Request no_path{.method = "GET", .target = "/nowhere", .fields = {}};
    const std::vector<std::string> strange{
        "",
        "x",
        std::string(11, '\0'),
        std::string("\x01\xff\xff", 3) + std::string(8, '\0'),  // A worker that does not exist.
        relay::encode(asks, no_path).substr(0, 20),
        relay::encode(asks, no_path),
        relay::encode(asks, relay::Request{.method = "GET",
                                           .target = "/socket.io/?EIO=4&transport=polling",
                                           .fields = {}}),
        relay::encode({.type = relay::Type::answer, .worker = 0, .id = 99},
                      relay::Answer{.status = 200, .fields = {}, .body = "none asked"}),
        relay::encode({.type = relay::Type::abandon, .worker = 1, .id = 99}),
        relay::encode({.type = relay::Type::release, .worker = 1, .id = 99}),
        relay::encode({.type = relay::Type::taken, .worker = 1, .id = 99}),
        relay::encode({.type = relay::Type::upgrade, .worker = 1, .id = 8}, no_path),
        relay::encode({.type = relay::Type::upgrade, .worker = 1, .id = 9}, no_path).substr(0, 20),
        relay::encode({.type = relay::Type::frame, .worker = 1, .id = 99},
                      relay::Frame{.to_owner = true, .bytes = "4x"}),
        relay::encode({.type = relay::Type::frame, .worker = 1, .id = 99},
                      relay::Frame{.bytes = "4x"}),
        relay::encode({.type = relay::Type::credit, .worker = 1, .id = 99},
                      relay::Credit{.to_owner = true, .arrived = 1, .taken = UINT32_MAX}),
        relay::encode({.type = relay::Type::credit, .worker = 1, .id = 99},
                      relay::Credit{.arrived = UINT32_MAX, .taken = 1}),
        relay::encode({.type = relay::Type::end, .worker = 1, .id = 99},
                      relay::End{.to_owner = true}),
        relay::encode({.type = relay::Type::end, .worker = 1, .id = 99}, relay::End{.code = 1000}),
        relay::encode({.type = relay::Type::end, .worker = 1, .id = 99}, relay::End{.code = 999}),
    };
    for (const std::string& message : strange)
        sites[1]->team.on(0, [&](Worker&) {
            sites[1]->nodes.publish(Nodes::Kind::engineio, {.nodes = {to}}, message);
        });
    Client client(port(1));
    EXPECT_EQ(client.request(post(sid, "4hi")).body, "ok");
    EXPECT_EQ(client.request(get(sid)).body, "4hi");
    // Only the one session was opened.
    EXPECT_EQ(sites[0]->engine.sessions_opened(), 1u);
    EXPECT_TRUE(eventually([&] { return sites[0]->pending() == 0; }));
    EXPECT_GE(sites[0]->team.group.workers[0]->counters().protocol_errors.get() +
                  sites[0]->team.group.workers[1]->counters().protocol_errors.get(),
              6u);
}

}  // namespace
}  // namespace starling::server::test
