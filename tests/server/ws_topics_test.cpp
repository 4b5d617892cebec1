// Topics over real sockets: receivers, order and number of writes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Socket;

// "+topic" joins, "-topic" leaves, "topic text" publishes to all others; the answer is the result.
ws::Route commands() {
    return {
        .topics_max = 3,
        .message =
            [](Socket socket, Message message) {
                const std::string text(message.text());
                if (text[0] == '+') {
                    socket.send(socket.join(text.substr(1)) ? "yes" : "no");
                } else if (text[0] == '-') {
                    socket.send(socket.leave(text.substr(1)) ? "yes" : "no");
                } else {
                    const size_t space = text.find(' ');
                    socket.publish(text.substr(0, space), text.substr(space + 1));
                }
            },
    };
}

std::string ask(WsClient& client, const std::string& command) {
    client.send_text(command);
    return client.next();
}

TEST(WsTopics, JoinLeaveAndTheirLimits) {
    TestServer t;
    t.server.websocket("/", commands());
    t.start();
    WsClient client(t.port());
    const std::string longest(255, 'x');
    const std::pair<std::string, const char*> script[] = {
        {"+a", "text(yes)"},
        {"+a", "text(yes)"},  // A second join changes nothing.
        {"-a", "text(yes)"},
        {"-a", "text(no)"},
        {"+", "text(no)"},
        {"+" + longest + "x", "text(no)"},
        {"+" + longest, "text(yes)"},
        {"+a", "text(yes)"},
        {"+b", "text(yes)"},
        {"+c", "text(no)"},  // The fourth topic.
        {"+b", "text(yes)"},
        {"-b", "text(yes)"},
        {"+c", "text(yes)"},
    };
    for (const auto& [command, outcome] : script)
        EXPECT_EQ(ask(client, command), outcome) << command;
    EXPECT_EQ(t.server.subscribers("a"), 1u);
    EXPECT_EQ(t.server.subscribers("b"), 0u);
    EXPECT_EQ(t.server.subscribers("c"), 1u);
    client.close();
    EXPECT_TRUE(t.all_gone());
    EXPECT_EQ(t.server.subscribers("a") + t.server.subscribers(longest), 0u);
}

TEST(WsTopics, PublishToAllOrAllButMe) {
    TestServer t;
    t.server.websocket("/", commands());
    t.start();
    WsClient a(t.port()), b(t.port()), outsider(t.port());
    ask(a, "+news");
    ask(b, "+news");
    a.send_text("news from a");
    EXPECT_EQ(b.next(), "text(from a)");
    outsider.send_text("news from outside");
    EXPECT_EQ(a.next(), "text(from outside)");
    EXPECT_EQ(b.next(), "text(from outside)");
    t.server.publish("news", base::bytes_of("to all"));
    EXPECT_EQ(a.next(), "binary(to all)");
    EXPECT_EQ(b.next(), "binary(to all)");
    t.server.publish("nobody", "x");
    EXPECT_EQ(ask(outsider, "+late"), "text(yes)");
}

// Each subscriber gets all publications of a tick in order, in one system call.
TEST(WsTopics, PublicationsOfATickLeaveInOneWrite) {
    TestServer t;
    t.server.websocket("/", {
                                .open = [](Socket socket) { socket.join("ticks"); },
                                .message =
                                    [&](Socket, Message) {
                                        for (int i = 0; i < 100; ++i)
                                            t.server.publish("ticks", std::to_string(i));
                                    },
                            });
    t.start();
    WsClient trigger(t.port()), subscriber(t.port());
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("ticks") == 2; }));
    trigger.send_text("go");
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        const std::string text = std::to_string(i);
        expected += "\x81" + std::string(1, char(text.size())) + text;
    }
    ASSERT_TRUE(subscriber.more());  // One read returns all.
    EXPECT_EQ(subscriber.pending(), expected);
}

TEST(WsTopics, BigPublicationsAreSharedAndWhole) {
    TestServer t;
    t.server.websocket("/", {.open = [](Socket socket) { socket.join("big"); }});
    t.start();
    std::vector<std::unique_ptr<WsClient>> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<WsClient>(t.port()));
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("big") == 10; }));
    std::string payload(200'000, 'x');
    for (int i = 0; i < 3; ++i) {
        payload[0] = char('0' + i);
        t.server.publish("big", payload);
    }
    for (auto& client : clients) {
        for (int i = 0; i < 3; ++i) {
            payload[0] = char('0' + i);
            EXPECT_TRUE(client->frame().payload == payload);
        }
    }
    EXPECT_EQ(t.stats().messages_sent, 30u);
}

// A subscriber that does not read is closed at its limit; the others are not affected.
TEST(WsTopics, ASlowSubscriberDoesNotHarmTheOthers) {
    TestServer t;
    t.server.websocket(
        "/", {
                 .send_queue_bytes_max = 300'000,
                 .open = [](Socket socket) { socket.join("all"); },
                 .close = [&](Socket, uint16_t code,
                              std::string_view) { t.events.add("close " + std::to_string(code)); },
             });
    t.start();
    WsClient slow(t.port(), "/", "", 4096), quick(t.port());
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("all") == 2; }));
    const std::string payload(50'000, 'x');
    for (int i = 0; i < 300; ++i) {
        t.server.publish("all", payload);
        ASSERT_EQ(quick.frame().payload.size(), payload.size()) << i;
        if (t.stats().messages_dropped > 0) break;
    }
    slow.read_fast();  // The server waits only five seconds after its close frame.
    std::string last;
    while ((last = slow.next()).starts_with("text")) {}
    EXPECT_EQ(last, "close(1008 send queue full)");
    slow.send_close(1008);
    EXPECT_TRUE(t.events.wait_for("close 1008"));
    EXPECT_EQ(t.server.subscribers("all"), 1u);
}

}  // namespace
}  // namespace starling::server::test
