// Answers: from clients to events and broadcasts, and from other workers.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling {
namespace {

using fake::join;
using fake::Workers;
using Lines = std::vector<std::string>;

TEST(SocketIoAcks, AcksOfClientsComeOrTimeOut) {
    Workers workers(2);
    auto& io = workers.of("/");
    std::vector<sio::Socket> sockets;
    io.on_connection([&](sio::Socket socket) { sockets.push_back(socket); });
    const auto a = join(workers, 0), b = join(workers, 1);
    std::vector<std::string> answers;
    const auto note = [&](const sio::Answer& answer) {
        answers.push_back(answer ? std::string(answer.value().as_string())
                                 : "status " + std::to_string(int(answer.status)));
    };
    workers.on(0, [&] { sockets[0].emit_with_ack("q", 1, note); });
    EXPECT_EQ(a->takes(), Lines{"420[\"q\",1]"});
    a->says("30[\"yes\"]");
    a->says("30[\"twice\"]");
    a->says("3977[\"unasked\"]");
    EXPECT_EQ(answers, Lines{"yes"});
    sockets[1].timeout(std::chrono::seconds(1)).emit_with_ack("q", note);  // From another thread.
    workers.settle();
    EXPECT_EQ(b->takes(), Lines{"421[\"q\"]"});
    workers.pass(999);
    EXPECT_EQ(answers.size(), 1u);
    workers.pass(1);
    EXPECT_EQ(answers, (Lines{"yes", "status 1"}));
    workers.on(1, [&] { sockets[1].emit_with_ack("q", note); });
    b->leaves();
    EXPECT_EQ(answers.back(), "status 2");
    workers.on(1, [&] { sockets[1].emit_with_ack("q", note); });
    workers.settle();
    EXPECT_EQ(answers.size(), 4u);
    EXPECT_EQ(answers.back(), "status 2");
    EXPECT_TRUE(a->transport.ended.empty());
}

TEST(SocketIoAcks, TheThousandAndFirstAwaitedAckIsRefused) {
    Workers workers;
    auto& io = workers.of("/");
    std::optional<sio::Socket> socket;
    io.on_connection([&](sio::Socket one) { socket = one; });
    const auto client = join(workers);
    size_t refused = 0, timed_out = 0;
    const auto note = [&](const sio::Answer& answer) {
        refused += answer.status == sio::Answer::Status::refused;
        timed_out += answer.status == sio::Answer::Status::timed_out;
    };
    workers.on(0, [&] {
        for (int i = 0; i < 1001; ++i) socket->emit_with_ack("q", note);
    });
    workers.settle();
    EXPECT_EQ(refused, 1u);
    EXPECT_EQ(client->takes().size(), 1000u);
    workers.pass(10'000);  // Each waits ten seconds by default.
    EXPECT_EQ(timed_out, 1000u);
    auto answer = [&] {
        Future<sio::Answer> later;
        workers.on(0, [&] { later = socket->emit_with_ack("q", 1); });
        client->says("31001[\"here\"]");
        return later.get();
    }();
    EXPECT_EQ(answer.value(), "here");
}

TEST(SocketIoAcks, BroadcastsCollectTheirAnswers) {
    Workers workers(2);
    auto& io = workers.of("/");
    const auto a = join(workers, 0), b = join(workers, 1);
    std::vector<sio::Answers> all;
    const auto note = [&](const sio::Answers& answers) { all.push_back(answers); };
    io.timeout(std::chrono::seconds(2)).emit_with_ack("q", "x", note);
    workers.settle();
    EXPECT_EQ(a->takes(), Lines{"420[\"q\",\"x\"]"});
    EXPECT_EQ(b->takes(), Lines{"420[\"q\",\"x\"]"});
    a->says("30[1]");
    EXPECT_TRUE(all.empty());
    b->says("30[2,3]");
    ASSERT_EQ(all.size(), 1u);
    EXPECT_TRUE(all[0].complete);
    EXPECT_EQ(all[0].responses, (std::vector<sio::Json>{1, 2}));
    io.timeout(std::chrono::seconds(2)).emit_with_ack("q", note);
    workers.settle();
    b->says("31[\"only\"]");
    workers.pass(2000);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_FALSE(all[1].complete);
    EXPECT_EQ(all[1].responses, std::vector<sio::Json>{"only"});
    io.to("nobody").emit_with_ack("q", note);
    workers.settle();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_TRUE(all[2].complete);
    EXPECT_TRUE(all[2].responses.empty());
}

TEST(SocketIoAcks, OtherWorkersHearServerSideEvents) {
    Workers workers(3);
    auto& io = workers.of("/");
    int heard = 0;
    io.on_server_side("add", [&](int n) {
        heard += n;
        return heard;
    });
    workers.on(1, [&] { io.server_side_emit("add", 5); });
    workers.settle();
    EXPECT_EQ(heard, 10);
    std::optional<sio::Answers> answers;
    workers.on(0, [&] {
        io.server_side_emit_with_ack("add", 1, [&](const sio::Answers& all) { answers = all; });
    });
    workers.settle();
    ASSERT_TRUE(answers);
    EXPECT_TRUE(answers->complete);
    EXPECT_EQ(answers->responses, (std::vector<sio::Json>{11, 12}));
}

}  // namespace
}  // namespace starling
