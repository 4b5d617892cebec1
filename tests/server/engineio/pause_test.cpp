// Engine.IO: a paused session is not read, over polling and over WebSocket.
#include <gtest/gtest.h>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

class EnginePause : public EngineTest {};

TEST_F(EnginePause, APostIsAnsweredOnceTheSessionReadsOn) {
    start();
    Client client(t->port());
    const std::string sid = open(client);
    EXPECT_EQ(client
                  .request(post_request(sid,
                                        "4nap\x1e"
                                        "4one"))
                  .body,
              "ok");
    EXPECT_EQ(client.request(post_request(sid, "4two")).body, "ok");
    EXPECT_EQ(t->events.text(), "open, text(nap), text(one), resume, text(two)");
}

TEST_F(EnginePause, AHeldPostIsPending) {
    start();
    Client held(t->port()), other(t->port());
    const std::string sid = open(other);
    held.send(post_request(sid, "4pause"));
    EXPECT_TRUE(t->events.wait_for("text(pause)"));
    EXPECT_EQ(other.request(post_request(sid, "4early")).status, 400);  // Two POSTs at once.
    EXPECT_TRUE(closed_with("transport error"));
    EXPECT_EQ(held.answer().body, "ok");  // The end of the session answers it.
    EXPECT_EQ(t->events.text(), "open, text(pause), transport error");
}

TEST_F(EnginePause, AClientThatLeavesWhileItsPostIsHeldEndsTheSession) {
    start();
    Client opener(t->port());
    const std::string sid = open(opener);
    {
        Client held(t->port());
        held.send(post_request(sid, "4pause"));
        EXPECT_TRUE(t->events.wait_for("text(pause)"));
    }
    EXPECT_TRUE(closed_with("transport error"));
    EXPECT_EQ(engine->sessions(), 0u);
}

TEST_F(EnginePause, AStopAnswersAHeldPost) {
    start();
    Client opener(t->port()), held(t->port());
    const std::string sid = open(opener);
    held.send(post_request(sid, "4pause"));
    EXPECT_TRUE(t->events.wait_for("text(pause)"));
    t->stop(false);
    EXPECT_EQ(held.answer().body, "ok");
    EXPECT_TRUE(closed_with("server shutting down"));
}

TEST_F(EnginePause, AWebSocketIsNotRead) {
    start();
    WsClient client(t->port(), "/socket.io/?EIO=4&transport=websocket");
    client.send_text("4nap");
    client.send_text("4one");
    EXPECT_TRUE(t->events.wait_for("text(one)"));
    EXPECT_EQ(t->events.text(), "open, text(nap), resume, text(one)");
}

}  // namespace
}  // namespace starling::server::test
