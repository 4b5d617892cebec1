// Handlers of a Socket.IO client that pause, resume, disconnect, close and connect in any order: the
// events of each connection keep their order, none comes twice, and the loop ends by itself.
#include <gtest/gtest.h>
#include <starling/socketio_client.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/fixture.h"

namespace starling::client::test {
namespace {

using namespace std::chrono_literals;

constexpr int events = 100;

class Chaos {
public:
    Chaos(const std::string& url, std::vector<sio::ClientTransport> transports, uint32_t seed)
        : socket_(sio::connect(loop_, url,
                               {.transports = std::move(transports), .reconnection_delay = 1ms})),
          random_(seed) {
        loop_.on_exception([](std::string_view what) { ADD_FAILURE() << what; });
        socket_.on("connect", [this] {
            next_ = 0;
            socket_.emit("flow");
            act();
        });
        socket_.on("n", [this](int number) {
            EXPECT_EQ(number, next_);
            next_ = number + 1;
            act();
            if (number == events - 1) socket_.disconnect();
        });
        socket_.on("disconnect", [this] {
            act();
            if (left_ > 0) loop_.post([this] { socket_.connect(); });
        });
        socket_.io().on("drain", [this] { act(); });
        socket_.io().on("close", [this] { act(); });
        socket_.io().on("open", [this] { act(); });
    }

    void run() {
        do {
            socket_.connect();
            loop_.run();
            EXPECT_FALSE(socket_.connected());
        } while (left_ > 0);
    }

private:
    void act() {
        if (left_ == 0) return;
        --left_;
        const sio::ClientManager io = socket_.io();
        switch (std::uniform_int_distribution(0, 15)(random_)) {
            case 0:
                io.pause();
                loop_.after(1ms, [io] { io.resume(); });
                break;
            case 1:
                io.pause();
                loop_.post([io] { io.resume(); });
                break;
            case 2: io.pause(), io.resume(); break;
            case 3: io.resume(); break;
            case 4: socket_.disconnect(); break;
            case 5: socket_.disconnect(), socket_.connect(); break;
            case 6: io.close(); break;
            case 7: io.close(), io.open(); break;
            case 8: socket_.connect(); break;
            case 9:
                socket_.emit_with_ack("sum", 1, 2, [this](const sio::Answer&) { act(); });
                break;
            case 10: socket_.volatile_().emit("tell"); break;
            default: break;
        }
        if (left_ > 0) return;
        io.resume();
        io.close();
        loop_.post([this] { socket_.disconnect(); });
    }

    ClientLoop loop_;
    sio::ClientSocket socket_;
    std::mt19937 random_;
    int left_ = 100;  // Actions.
    int next_ = 0;
};

TEST(SioChaos, HandlersMayDoAnything) {
    server::test::TestServer host;
    auto& io = host.server.socketio();
    io.on("sum", [](int a, int b) { return a + b; });
    io.on("flow", [](sio::Socket socket) {
        for (int i = 0; i < events; ++i) socket.emit("n", i);
    });
    host.start();
    const std::string url = "http://127.0.0.1:" + std::to_string(host.port());
    for (uint32_t seed = 0; seed < 3; ++seed) {
        for (const auto& transports : std::vector<std::vector<sio::ClientTransport>>{
                 {"polling"}, {"websocket"}, {"polling", "websocket"}}) {
            SCOPED_TRACE(seed);
            Chaos(url, transports, seed).run();
        }
    }
    EXPECT_TRUE(host.all_gone());
}

}  // namespace
}  // namespace starling::client::test
