// A topic so large that a server delivers its publications in slices, over real sockets: what each
// subscriber gets is the same, in the same order.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Socket;

constexpr size_t subscribers = 1100;  // A topic of 1,000 is delivered whole.

// The clients of one topic. What a client of / sends runs `on_message` with the sockets that joined.
class Crowd : public ::testing::Test {
protected:
    void open(std::function<void(std::vector<Socket>&, Message)> on_message) {
        t_.server.websocket(
            "/", {.open =
                      [this](Socket socket) {
                          socket.join("all");
                          sockets_.push_back(socket);
                      },
                  .message = [this, on_message](
                                 Socket, Message message) { on_message(sockets_, message); }});
        t_.start();
        for (size_t i = 0; i < subscribers; ++i) {
            clients_.push_back(std::make_unique<WsClient>(t_.port()));
            ASSERT_TRUE(eventually([&] { return t_.server.subscribers("all") == i + 1; }));
        }
    }

    TestServer t_;
    std::vector<Socket> sockets_;  // Of the clients, in their order. On the worker's thread.
    std::vector<std::unique_ptr<WsClient>> clients_;
};

TEST_F(Crowd, EverySubscriberGetsEverythingInOrder) {
    open([this](std::vector<Socket>& sockets, Message) {
        EXPECT_EQ(t_.server.publish("all", "A"), subscribers);
        sockets[1050].send("direct");
        EXPECT_EQ(sockets[1060].publish("all", "B"), subscribers - 1);
        sockets[1070].leave("all");
        sockets[1080].close(4000, "bye");
        t_.server.publish("all", "C");
        sockets[1070].join("all");
    });
    clients_[3]->send_text("go");
    const auto expected = [](size_t i) -> std::vector<std::string> {
        switch (i) {
            case 1050: return {"text(A)", "text(direct)", "text(B)", "text(C)"};
            case 1060: return {"text(A)", "text(C)"};
            case 1070: return {"text(A)", "text(B)"};
            case 1080: return {"text(A)", "text(B)", "close(4000 bye)"};
            default: return {"text(A)", "text(B)", "text(C)"};
        }
    };
    for (size_t i = 0; i < subscribers; ++i) {
        for (const std::string& message : expected(i)) ASSERT_EQ(clients_[i]->next(), message) << i;
    }
    t_.server.publish("all", "D");
    EXPECT_EQ(clients_[1070]->next(), "text(D)");
    EXPECT_EQ(clients_[0]->next(), "text(D)");
}

// A slice of the first publication has been sent when the second one comes, and clients vanish.
TEST_F(Crowd, ConnectionsMayEndMeanwhile) {
    open([this](std::vector<Socket>& sockets, Message) {
        t_.server.publish("all", "A");
        for (size_t i = 200; i < 300; ++i) sockets[i].terminate();
        sockets[0].post([this](Socket) { t_.server.publish("all", "B"); });
    });
    clients_[3]->send_text("go");
    for (size_t i = 0; i < subscribers; ++i) {
        if (i >= 200 && i < 300) continue;
        ASSERT_EQ(clients_[i]->next(), "text(A)") << i;
        ASSERT_EQ(clients_[i]->next(), "text(B)") << i;
    }
    EXPECT_TRUE(eventually([&] { return t_.server.subscribers("all") == subscribers - 100; }));
}

TEST_F(Crowd, AStopMeanwhileLosesNothing) {
    open([this](std::vector<Socket>&, Message) {
        t_.server.publish("all", "A");
        t_.server.stop();
    });
    clients_[3]->send_text("go");
    for (size_t i = 0; i < subscribers; ++i) {
        ASSERT_EQ(clients_[i]->next(), "text(A)") << i;
        ASSERT_EQ(clients_[i]->next(), "close(1001 the server is stopping)") << i;
    }
}

}  // namespace
}  // namespace starling::server::test
