// The end of a WebSocket: the side that closed, code, reason, and the messages dropped before.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::OnFull;
using ws::Opcode;
using ws::Socket;

ws::Route told(Transcript& events) {
    ws::Route route;
    route.close = [&events](Socket socket, uint16_t code, std::string_view reason,
                            ws::ClosedBy by) {
        const char* const names[] = {"peer", "local", "lost"};
        events.add(std::string(names[size_t(by)]) + " " + std::to_string(code) + " " +
                   std::string(reason) + " " + socket.remote_address());
    };
    return route;
}

TEST(WsClosed, TheHandlerHearsWhoClosedWithWhat) {
    TestServer t;
    ws::Route route = told(t.events);
    route.message = [](Socket socket, Message message) {
        if (message.text() == "close") socket.close(1007, "not JSON");
        if (message.text() == "terminate") socket.terminate();
    };
    t.server.websocket("/", std::move(route));
    t.start();
    {
        WsClient client(t.port());
        client.send_text("close");
        EXPECT_EQ(client.next(), "close(1007 not JSON)");
        client.send_close(1000, "as you like");
        EXPECT_TRUE(t.events.wait_for("local 1007 not JSON 127.0.0.1"));
    }
    {
        WsClient client(t.port());
        client.send_text("terminate");
        EXPECT_TRUE(t.events.wait_for("local 1006  127.0.0.1"));
    }
    {
        WsClient client(t.port());
        client.send_close(4001, "bye");
        EXPECT_TRUE(t.events.wait_for("peer 4001 bye 127.0.0.1"));
    }
    {
        WsClient client(t.port());
        client.send("\x81\x01x");
        EXPECT_TRUE(t.events.wait_for("local 1002 wrong masking 127.0.0.1"));
    }
    {
        WsClient client(t.port());
        client.reset();
        EXPECT_TRUE(t.events.wait_for("lost 1006  127.0.0.1"));
    }
    EXPECT_TRUE(t.all_gone());
}

TEST(WsClosed, AFullQueueIsALocalClose) {
    TestServer t;
    ws::Route route = told(t.events);
    route.send_queue_bytes_max = 10'000;
    route.message = [](Socket socket, Message) {
        while (socket.send(std::string(100'000, 'x')) != ws::SendResult::closed) {}
    };
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    client.send_text("go");
    client.read_fast();
    static_cast<void>(client.read_to_end());
    EXPECT_TRUE(t.events.wait_for("local 1008 send queue full 127.0.0.1"));
    EXPECT_TRUE(
        t.log->lines.wait_for("WebSockets were closed for a fault of the peer; the latest 1008 "
                              "send queue full 127.0.0.1 1"));
}

TEST(WsClosed, TheCountOfDroppedMessagesIsToldOnceInATurn) {
    TestServer t;
    ws::Route route = told(t.events);
    route.send_queue_bytes_max = 10'000;
    route.on_full = OnFull::drop;
    route.message = [&](Socket socket, Message) {
        size_t dropped = 0;
        while (dropped < 3)
            if (socket.send(std::string(100'000, 'x')) == ws::SendResult::dropped) ++dropped;
        t.events.add("sent");
    };
    route.dropped = [&](Socket socket, uint64_t messages) {
        t.events.add("dropped " + std::to_string(messages));
        socket.terminate();
    };
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    client.send_text("go");
    EXPECT_TRUE(t.events.wait_for("dropped 3"));
    EXPECT_TRUE(t.events.wait_for("local 1006  127.0.0.1"));
    EXPECT_EQ(t.events.text(), "sent, dropped 3, local 1006  127.0.0.1");
}

TEST(WsClosed, PublishSaysHowManyTookItHere) {
    TestServer t;
    ws::Route route;
    route.open = [](Socket socket) { socket.join("all"); };
    route.message = [&](Socket socket, Message) {
        t.events.add("others " + std::to_string(socket.publish("all", "x").value()));
        t.events.add("all " + std::to_string(t.server.publish("all", "y").value()));
        t.events.add("nobody " + std::to_string(socket.publish("none", "z").value()));
    };
    t.server.websocket("/", std::move(route));
    EXPECT_EQ(t.server.publish("all", "early"), 0u);
    t.start();
    WsClient one(t.port()), two(t.port()), three(t.port());
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("all") == 3; }));
    one.send_text("go");
    EXPECT_TRUE(t.events.wait_for("nobody 0"));
    EXPECT_EQ(t.events.text(), "others 2, all 3, nobody 0");
    EXPECT_EQ(t.server.publish("all", "posted"), std::nullopt);
    EXPECT_EQ(two.next(), "text(x)");
}

}  // namespace
}  // namespace starling::server::test
