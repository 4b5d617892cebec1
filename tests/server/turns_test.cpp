// A burst on one connection does not delay the others of its worker.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <string>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Opcode;
using ws::Socket;

// The worker waits in a handler until the bytes of both clients have arrived; it reads the burst
// first.
class Turns : public ::testing::Test {
protected:
    void handle(std::string_view what) {
        if (what == "gate") {
            t_.events.add("gate");
            gate_.get_future().wait();
        } else if (what == "stranger") {
            t_.events.add("after " + std::to_string(answered_));
            t_.events.add("stranger");
        } else {
            ++answered_;
        }
    }
    // Returns how much of the burst was answered before the other client.
    int answered_before_the_stranger(const Client& busy, const Client& stranger, int burst) {
        EXPECT_TRUE(eventually([&] { return busy.all_taken() && stranger.all_taken(); }));
        gate_.set_value();
        EXPECT_TRUE(t_.events.wait_for("stranger"));
        EXPECT_TRUE(eventually([&] { return answered_ == burst; }));
        const std::string text = t_.events.text();
        return std::atoi(text.c_str() + text.find("after ") + 6);
    }
    ws::Route route() {
        return {.compression = {.enabled = true},
                .message = [this](Socket, Message m) { handle(m.text()); }};
    }

    std::promise<void> gate_;
    std::atomic<int> answered_ = 0;
    TestServer t_;  // The last member: its threads use the others until it has stopped.
};

TEST_F(Turns, ABurstOfMessagesLetsAStrangerThrough) {
    t_.server.websocket("/", route());
    t_.start();
    WsClient busy(t_.port()), stranger(t_.port());
    busy.send_text("gate");
    ASSERT_TRUE(t_.events.wait_for("gate"));
    std::string texts;
    for (int i = 0; i < 8000; ++i) texts += masked_frame(Opcode::text, "x");
    busy.send(texts);
    stranger.send_text("stranger");
    EXPECT_LE(answered_before_the_stranger(busy, stranger, 8000), 1024);
}

// Five hundred bytes of input expand to half a megabyte.
TEST_F(Turns, ABurstOfCompressedMessagesLetsAStrangerThrough) {
    t_.server.websocket("/", route());
    t_.start();
    WsClient busy(t_.port(), "/",
                  "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n");
    WsClient stranger(t_.port());
    ASSERT_TRUE(busy.handshake().has("permessage-deflate"));
    busy.send_text("gate");
    ASSERT_TRUE(t_.events.wait_for("gate"));
    ws::Deflater deflater(15, 9);
    const std::string zeros(500'000, '0');
    const std::string packed(base::text_of(deflater.compress(base::bytes_of(zeros), true)));
    for (int i = 0; i < 20; ++i) busy.send(masked_frame(Opcode::text, packed, true, true));
    stranger.send_text("stranger");
    EXPECT_LE(answered_before_the_stranger(busy, stranger, 20), 2);
}

TEST_F(Turns, ABurstOfPipelinedRequestsLetsAStrangerThrough) {
    for (const char* path : {"/gate", "/stranger", "/any"})
        t_.server.get(path, [this](const http::Request& request, http::Response&) {
            handle(request.path().substr(1));
        });
    t_.start();
    Client busy(t_.port()), stranger(t_.port());
    const auto get = [](std::string_view path) {
        return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    };
    busy.send(get("/gate"));
    ASSERT_TRUE(t_.events.wait_for("gate"));
    std::string requests;
    for (int i = 0; i < 1000; ++i) requests += get("/any");
    busy.send(requests);
    stranger.send(get("/stranger"));
    EXPECT_LE(answered_before_the_stranger(busy, stranger, 1000), 128);
    for (int i = 0; i < 1001; ++i) ASSERT_EQ(busy.answer().status, 200) << i;
}

}  // namespace
}  // namespace starling::server::test
