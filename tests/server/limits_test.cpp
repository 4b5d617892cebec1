// Limits of rates: what a client gets that exceeds one.
#include <gtest/gtest.h>
#include <starling/events.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/shared_limits.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

// So few per second that a burst of a test exceeds them on any machine.
Rate only(uint64_t burst) { return {.per_second = 1, .burst = burst}; }
constexpr uint64_t tries_max = 100;

ServerOptions limited(Limits limits) {
    limits.exempt.clear();
    return {.limits = std::move(limits)};
}

void add_routes(TestServer& t) {
    t.server.get("/", [](const http::Request&, http::Response& r) { r.text("hello"); });
    t.server.websocket("/echo", {.message = [](ws::Socket s, ws::Message m) { s.send(m); }});
}

TEST(ServerLimits, NewConnectionsOfAnAddress) {
    TestServer t(limited({.connections = {.per_second = 1, .burst = 3}}));
    add_routes(t);
    t.start();
    std::vector<Client> clients;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(clients.emplace_back(t.port()).get("/").status, 200);
    // A slow machine gets a token now and then.
    for (uint64_t i = 1; i <= tries_max && t.stats().limited_connections == 0; ++i) {
        Client client(t.port());
        EXPECT_TRUE(eventually([&] {
            const auto now = t.stats();
            return now.connections_accepted + now.limited_connections == 3 + i;
        }));
        if (t.stats().limited_connections == 0) continue;
        const auto answer = client.answer();
        EXPECT_EQ(answer.status, 429);
        EXPECT_TRUE(answer.has("Retry-After: 1"));
    }
    EXPECT_EQ(t.stats().limited_connections, 1u);
    EXPECT_EQ(clients.front().get("/").status, 200);
}

TEST(ServerLimits, OpenConnectionsOfAnAddress) {
    TestServer t(limited({.connections = {}, .connections_per_address_max = 2}));
    add_routes(t);
    t.start();
    Client one(t.port());
    EXPECT_EQ(one.get("/").status, 200);
    WsClient two(t.port(), "/echo");
    EXPECT_EQ(two.handshake().status, 101);
    EXPECT_EQ(Client(t.port()).answer().status, 429);
    EXPECT_EQ(t.stats().limited_connections_open, 1u);
    two.reset();
    EXPECT_TRUE(eventually([&] { return t.stats().websockets_open == 0; }));
    Client three(t.port());
    EXPECT_EQ(three.get("/").status, 200);
    EXPECT_EQ(Client(t.port()).answer().status, 429);
}

// Behind a proxy the clients count, and not the proxy.
TEST(ServerLimits, ClientsOfATrustedProxy) {
    auto options = limited({.connections = {}, .connections_per_address_max = 2});
    options.trusted_proxies = {"127.0.0.1"};
    TestServer t(std::move(options));
    add_routes(t);
    t.start();
    const auto of = [](std::string_view address) {
        return "X-Forwarded-For: " + std::string(address) + "\r\n";
    };
    std::vector<WsClient> sockets;
    for (int i = 0; i < 2; ++i) {
        sockets.emplace_back(t.port(), "/echo", of("203.0.113.9"));
        EXPECT_EQ(sockets.back().handshake().status, 101);
    }
    Client proxy(t.port());
    EXPECT_EQ(proxy.get("/", of("203.0.113.8")).status, 200);
    // All addresses of a /64 are one.
    sockets.emplace_back(t.port(), "/echo", of("2001:db8::1"));
    sockets.emplace_back(t.port(), "/echo", of("2001:db8::2"));
    WsClient sixth(t.port(), "/echo", of("2001:db8::3"));
    EXPECT_EQ(sixth.handshake().status, 429);
    EXPECT_TRUE(sixth.handshake().has("Retry-After: "));
    WsClient third(t.port(), "/echo", of("203.0.113.9"));
    EXPECT_EQ(third.handshake().status, 429);
    EXPECT_EQ(t.stats().limited_connections_open, 2u);
    // The connection of the proxy now carries another client's requests.
    EXPECT_EQ(proxy.get("/", of("203.0.113.7")).status, 200);
    sockets.clear();
    EXPECT_TRUE(eventually([&] { return t.stats().websockets_open == 0; }));
    WsClient again(t.port(), "/echo", of("203.0.113.9"));
    EXPECT_EQ(again.handshake().status, 101);
}

TEST(ServerLimits, ExemptAddresses) {
    TestServer t({.limits = {.connections = {.per_second = 1, .burst = 1},
                             .connections_per_address_max = 1}});
    add_routes(t);
    t.start();
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(clients.emplace_back(t.port()).get("/").status, 200);
}

TEST(ServerLimits, MessagesOfAWebSocket) {
    TestServer t({.limits = {.messages = only(3)}});
    add_routes(t);
    t.start();
    WsClient client(t.port(), "/echo");
    std::string frames;
    for (int i = 0; i < 200; ++i) frames += masked_frame(ws::Opcode::text, std::to_string(i));
    client.send(frames);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.next(), "text(" + std::to_string(i) + ")");
    EXPECT_EQ(client.next(), "close(1008 too many messages)");
    EXPECT_EQ(t.stats().limited_messages, 1u);
    WsClient other(t.port(), "/echo");  // In the same slot, perhaps.
    other.send_text("a");
    EXPECT_EQ(other.next(), "text(a)");
}

TEST(ServerLimits, MessagesThatAreDropped) {
    TestServer t({.limits = {.messages = only(2), .excess = Limits::Excess::drop}});
    add_routes(t);
    t.start();
    WsClient client(t.port(), "/echo");
    std::string frames;
    for (int i = 0; i < 200; ++i) frames += masked_frame(ws::Opcode::text, std::to_string(i));
    client.send(frames + masked_frame(ws::Opcode::ping, "p"));
    EXPECT_EQ(client.next(), "text(0)");
    EXPECT_EQ(client.next(), "text(1)");
    EXPECT_EQ(client.next(), "pong(p)");
    EXPECT_EQ(t.stats().limited_messages, 198u);
}

TEST(ServerLimits, BytesOfAWebSocket) {
    TestServer t({.limits = {.message_bytes = only(100)}});
    add_routes(t);
    t.start();
    WsClient client(t.port(), "/echo");
    const std::string large(5000, 'x');
    client.send(masked_frame(ws::Opcode::text, "small") + masked_frame(ws::Opcode::text, large) +
                masked_frame(ws::Opcode::text, "y"));
    EXPECT_EQ(client.next(), "text(small)");
    EXPECT_EQ(client.next(), "text(" + large + ")");
    EXPECT_EQ(client.next(), "close(1008 too many messages)");
}

// A Socket.IO session ends, over both transports, whatever `excess` says.
TEST(ServerLimits, PacketsOfSocketIo) {
    TestServer t({.limits = {.messages = only(5), .excess = Limits::Excess::drop}});
    auto& io = t.server.socketio();
    io.on_connection([&](sio::Socket socket) {
        socket.on("e", [&] { t.events.add("event"); });
        socket.on("disconnect", [&](std::string why) { t.events.add(std::move(why)); });
    });
    t.start();
    WsClient client(t.port(), "/socket.io/?EIO=4&transport=websocket");
    EXPECT_TRUE(client.next().starts_with("text(0{"));
    std::string frames = masked_frame(ws::Opcode::text, "40");
    for (int i = 0; i < 50; ++i) frames += masked_frame(ws::Opcode::text, "42[\"e\"]");
    client.send(frames);
    EXPECT_TRUE(t.events.wait_for("event", 4));
    EXPECT_TRUE(t.events.wait_for("transport error"));

    Client poll(t.port());
    const std::string opened = poll.get("/socket.io/?EIO=4&transport=polling").body;
    const std::string sid = opened.substr(opened.find("\"sid\":\"") + 7, 20);
    const auto post = [&](const std::string& body) {
        return poll.request("POST /socket.io/?EIO=4&transport=polling&sid=" + sid +
                            " HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body);
    };
    EXPECT_EQ(post("40\x1e"
                   "42[\"e\"]")
                  .status,
              200);
    std::string flood;
    for (int i = 0; i < 50; ++i)
        flood += (i ? "\x1e"
                      "42[\"e\"]"
                    : "42[\"e\"]");
    const auto refused = post(flood);
    EXPECT_EQ(refused.status, 429);
    EXPECT_TRUE(refused.has("Retry-After: 1"));
    EXPECT_TRUE(t.events.wait_for("forced server close"));
    EXPECT_EQ(t.stats().limited_messages, 2u);
    EXPECT_TRUE(eventually([&] { return t.stats().socketio_sessions_open == 0; }));
}

struct Channels : TestServer {
    explicit Channels(Limits limits)
        : TestServer({.limits = std::move(limits)}), channels(server.events({.api_key = "one"})) {
        channels.declare({.pattern = "room{id:number}",
                          .interval = std::chrono::milliseconds(0),
                          .publishers = events::Publishers::anyone});
        start();
    }
    Answer publish(std::string_view body, std::string_view key = "one") {
        Client client(port());
        return client.request(
            "POST /api/publish HTTP/1.1\r\nHost: here\r\nX-Api-Key: " + std::string(key) +
            "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    }
    events::Channels& channels;
};

constexpr std::string_view to_room1 = R"({"channel":"room1","event":"e"})";
constexpr std::string_view to_room2 = R"({"channel":"room2","event":"e"})";

// Asks until the answer is a refusal: at least `burst` answers are none.
template <class F>
void expect_refusal_after(size_t burst, F&& refused) {
    for (size_t i = 0; i < burst; ++i) EXPECT_FALSE(refused()) << i;
    for (uint64_t i = 0; i < tries_max; ++i)
        if (refused()) return;
    ADD_FAILURE() << "nothing was refused";
}

TEST(ServerLimits, PublicationsOfAChannel) {
    Channels t({.channel_publishes = only(3)});
    WsClient client(t.port(), "/ws/channels", "Sec-WebSocket-Protocol: starling.v1\r\n");
    EXPECT_TRUE(client.next().starts_with(R"(text({"type":"welcome")"));
    expect_refusal_after(3, [&] {
        client.send_text(R"({"type":"publish","id":1,"channel":"room1","data":"d"})");
        const std::string answer = client.next();
        EXPECT_TRUE(answer.find(R"("type":"ack")") != std::string::npos ||
                    answer.find(R"("code":429)") != std::string::npos)
            << answer;
        return answer.find("429") != std::string::npos;
    });
    EXPECT_EQ(t.stats().limited_channel_publishes, 1u);
    expect_refusal_after(0, [&] {
        const auto answer = t.publish(to_room1);
        if (answer.status == 200) return false;
        EXPECT_EQ(answer.status, 429);
        EXPECT_TRUE(answer.has("Retry-After: 1"));
        EXPECT_NE(answer.body.find("room1"), std::string::npos);
        return true;
    });
    EXPECT_EQ(t.stats().limited_channel_publishes, 2u);
    EXPECT_EQ(t.publish(to_room2).status, 200);
    // One item of an array refuses the whole request.
    expect_refusal_after(0, [&] {
        return t.publish("[" + std::string(to_room2) + "," + std::string(to_room1) + "]").status ==
               429;
    });
}

TEST(ServerLimits, RequestsWithAKey) {
    Channels t({.key_publishes = only(2)});
    expect_refusal_after(2, [&] {
        const auto answer = t.publish(to_room1);
        if (answer.status == 200) return false;
        EXPECT_EQ(answer.status, 429);
        EXPECT_TRUE(answer.has("Retry-After: 1"));
        return true;
    });
    EXPECT_EQ(t.publish(to_room1, "wrong").status, 401);
    EXPECT_EQ(t.stats().limited_key_publishes, 1u);
}

TEST(ServerLimits, SubscriptionsOfAConnection) {
    Channels t({.joins = only(2)});
    WsClient client(t.port(), "/ws/channels", "Sec-WebSocket-Protocol: starling.v1\r\n");
    EXPECT_TRUE(client.next().starts_with(R"(text({"type":"welcome")"));
    int room = 0;
    expect_refusal_after(2, [&] {
        client.send_text(R"({"type":"subscribe","id":1,"channel":"room)" + std::to_string(++room) +
                         "\"}");
        const std::string answer = client.next();
        EXPECT_TRUE(answer.find("subscribed") != std::string::npos ||
                    answer.find(R"("code":429)") != std::string::npos)
            << answer;
        return answer.find("subscribed") == std::string::npos;
    });
    EXPECT_EQ(t.stats().limited_joins, 1u);
}

TEST(SharedLimits, CountsByNetwork) {
    SharedLimits limits(
        {.connections = {}, .connections_per_address_max = 2, .exempt = {"10.0.0.0/8"}});
    using Admission = SharedLimits::Admission;
    const auto enter = [&](std::string_view address) { return limits.enter(address, 0).admission; };
    EXPECT_EQ(enter("2001:db8::1"), Admission::admitted);
    EXPECT_EQ(enter("2001:db8::2"), Admission::admitted);
    EXPECT_EQ(enter("2001:db8::3"), Admission::over_number);
    EXPECT_EQ(enter("2001:db8:0:1::3"), Admission::admitted);
    limits.leave("2001:db8::9");
    EXPECT_EQ(enter("2001:db8::3"), Admission::admitted);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(enter("10.0.0.1"), Admission::admitted);
    limits.leave("192.0.2.1");  // Was never there.
    EXPECT_EQ(enter("192.0.2.1"), Admission::admitted);
    EXPECT_EQ(enter("192.0.2.1"), Admission::admitted);
    EXPECT_EQ(enter("192.0.2.1"), Admission::over_number);
}

TEST(SharedLimits, LimitAddressesByDefault) {
    EXPECT_TRUE(SharedLimits({}).limits_addresses());
    EXPECT_FALSE(
        SharedLimits({.connections = {}, .connections_per_address_max = 0}).limits_addresses());
}

}  // namespace
}  // namespace starling::server::test
