// Pings are answered in order: Autobahn's cases 2.10, 2.11, 5.6, 5.8, 5.19 and 5.20 and others.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Opcode;
using ws::Socket;

struct Talk {
    const char* name;
    std::string sent;
    std::string received;
};

std::string numbered(std::string_view kind, int count) {
    std::string all;
    for (int i = 0; i < count; ++i)
        all += std::string(kind) + "(payload " + std::to_string(i) + ") ";
    return all;
}

TEST(WsPing, EachIsAnsweredInItsPlaceHoweverTheBytesArrive) {
    TestServer t;
    t.server.websocket("/", {.message = [](Socket socket, Message m) { socket.send(m); }});
    t.start();
    const auto frame = [](Opcode opcode, const std::string& payload, bool fin = true) {
        return masked_frame(opcode, payload, fin);
    };
    const auto ping = [&](const std::string& payload) { return frame(Opcode::ping, payload); };
    std::string ten, many;
    for (int i = 0; i < 10; ++i) ten += ping("payload " + std::to_string(i));
    for (int i = 0; i < 1500; ++i) many += ping("payload " + std::to_string(i));
    const std::string close = frame(Opcode::close, close_payload(1000));
    const std::string part = frame(Opcode::text, "fragment1", false);
    const std::string last = frame(Opcode::continuation, "fragment2");
    const std::string echo = "text(fragment1fragment2) ";
    const Talk talks[] = {
        {"ten pings", ten + close, numbered("pong", 10)},
        {"many pings", many + close, numbered("pong", 1500)},
        {"between fragments", part + ping("a") + last + close, "pong(a) " + echo},
        {"twice between fragments", part + ping("a") + ping("b") + last + close,
         "pong(a) pong(b) " + echo},
        {"between three fragments",
         part + ping("a") + frame(Opcode::continuation, "", false) + ping("b") + last + close,
         "pong(a) pong(b) " + echo},
        {"around texts", ping("a") + frame(Opcode::text, "x") + ping("b") + close,
         "pong(a) text(x) pong(b) "},
        {"empty", ping("") + close, "pong() "},
        {"before a violation", ping("a") + frame(Opcode(3), ""), "pong(a) "},
    };
    for (const Talk& talk : talks)
        for (const size_t step : {1u, 7u, 100'000u}) {
            if (step == 1 && talk.sent.size() > 5000) continue;
            WsClient client(t.port());
            for (size_t at = 0; at < talk.sent.size(); at += step)
                ASSERT_TRUE(client.send(std::string_view(talk.sent).substr(at, step)));
            std::string got, next;
            while (!(next = client.next()).starts_with("close") && next[0] != '<')
                got += next + " ";
            EXPECT_EQ(got, talk.received) << talk.name << " by " << step;
            EXPECT_TRUE(next.starts_with("close(100")) << next;
            EXPECT_EQ(client.next(), "<end>");
        }
}

// While the kernel takes nothing only one pong waits; it is sent before the close frame.
TEST(WsPing, TheNewestOfAFullQueueComesBeforeTheCloseFrame) {
    for (const bool by_peer : {true, false}) {
        TestServer t;
        t.server.websocket("/", {.send_queue_bytes_max = 64'000'000,
                                 .message =
                                     [&](Socket socket, Message m) {
                                         if (m.text() == "bye") return socket.close(1000);
                                         socket.send(std::string(8'000'000, 'x'));
                                         t.events.add("sent");
                                     },
                                 .ping = [&](Socket, std::string_view) { t.events.add("ping"); }});
        t.start();
        WsClient client(t.port(), "/", "", 4096);
        client.send_text("go");
        ASSERT_TRUE(t.events.wait_for("sent"));
        client.send(masked_frame(Opcode::ping, "old") + masked_frame(Opcode::ping, "new"));
        ASSERT_TRUE(t.events.wait_for("ping", 2));
        by_peer ? client.send_close(1000) : client.send_text("bye");
        client.read_fast();
        EXPECT_EQ(client.frame().payload.size(), 8'000'000u);
        EXPECT_EQ(client.next(), "pong(new)");
        EXPECT_EQ(client.next(), "close(1000)");
    }
}

}  // namespace
}  // namespace starling::server::test
