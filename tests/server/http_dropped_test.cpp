// The last copy of an http::Reply is destroyed before the answer is complete.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/client.h"
#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

using http::Reply;
using http::Request;
using http::Response;

constexpr const char* dropped_line =
    "a promised answer was dropped: no Reply is left to give it GET /later";
constexpr const char* cut_line =
    "a streamed answer was dropped before its end: connection reset GET /later";
constexpr const char* later_request = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";

struct Dropped : testing::Test {
    Dropped() {
        t.server.get("/later", [this](const Request&, Response& response) {
            const std::lock_guard lock(mutex);
            replies.push_back(response.later());
        });
        t.server.get("/now", [](const Request&, Response& response) { response.text("now"); });
    }
    ~Dropped() override {
        const std::lock_guard lock(mutex);
        replies.clear();
    }
    Reply take() {
        Reply reply;
        EXPECT_TRUE(eventually([&] {
            const std::lock_guard lock(mutex);
            if (replies.empty()) return false;
            reply = std::move(replies.back());
            replies.pop_back();
            return true;
        }));
        return reply;
    }
    std::mutex mutex;
    std::vector<Reply> replies;
    TestServer t;  // Its answer_timeout is 30 s, longer than the tests may take to see 500.
};

TEST_F(Dropped, UnansweredIsA500AtOnceAndALine) {
    t.start();
    Client client(t.port());
    client.send(later_request);
    {
        const Reply copy = take();
        EXPECT_FALSE(copy.closed());
    }
    EXPECT_EQ(client.answer().status, 500);
    EXPECT_TRUE(t.log->lines.wait_for(dropped_line));
    EXPECT_EQ(client.get("/now").body, "now");  // The connection goes on.
    EXPECT_EQ(t.log->lines.count(dropped_line), 1u);
}

TEST_F(Dropped, AHandlerThatForgetsItsReplyIsAnsweredToo) {
    t.server.get("/forget", [](const Request&, Response& response) { (void)response.later(); });
    t.start();
    Client client(t.port());
    client.send("GET /forget HTTP/1.1\r\nHost: a\r\n\r\nGET /now HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.answer().status, 500);
    EXPECT_EQ(client.answer().body, "now");
}

TEST_F(Dropped, ACopyKeepsThePromise) {
    t.start();
    Client client(t.port());
    client.send(later_request);
    Reply kept;
    {
        const Reply reply = take();
        kept = reply;
    }
    EXPECT_FALSE(kept.closed());
    Response response;
    response.text("mine");
    kept.send(std::move(response));
    kept = {};
    EXPECT_EQ(client.answer().body, "mine");
    EXPECT_EQ(client.get("/now").body, "now");
    EXPECT_EQ(t.log->lines.count(dropped_line), 0u);
}

TEST_F(Dropped, AnAnswerThatHasBegunIsCutOff) {
    t.start();
    Client client(t.port());
    client.send(later_request);
    {
        const Reply reply = take();
        EXPECT_TRUE(reply.write("part"));
        EXPECT_EQ(client.read_until("part\r\n").ends_with("part\r\n"), true);
    }
    EXPECT_EQ(client.read_to_end(), "<reset>");
    EXPECT_TRUE(t.log->lines.wait_for(cut_line));
    // An answer that was written and dropped at once is cut off, too, because it is incomplete.
    Client other(t.port());
    other.send(later_request);
    EXPECT_TRUE(take().write("part"));
    EXPECT_TRUE(other.read_to_end().ends_with("<reset>"));
}

TEST_F(Dropped, BehindTheEndOfAnAnswerNothingHappens) {
    t.server.get("/inside", [](const Request&, Response& response) {
        const Reply reply = response.later();
        EXPECT_TRUE(reply.write("a"));
        reply.end();
    });
    t.server.get("/throw", [](const Request&, Response& response) {
        const Reply reply = response.later();
        throw std::runtime_error("behind later()");
    });
    t.start();
    Client client(t.port());
    for (int i = 0; i < 3; ++i) {
        client.send(later_request);
        take().end();
        EXPECT_EQ(client.answer().status, 200);
        EXPECT_EQ(client.get("/inside").body, "a");
        EXPECT_EQ(client.get("/throw").status, 500);
    }
    EXPECT_EQ(client.get("/now").body, "now");
    EXPECT_EQ(t.log->lines.count(dropped_line) + t.log->lines.count(cut_line), 0u);
}

TEST_F(Dropped, BehindAClientThatLeftNothingHappens) {
    t.start();
    Client client(t.port());
    client.send(later_request);
    {
        const Reply reply = take();
        client.reset();
        EXPECT_TRUE(eventually([&] { return reply.closed(); }));
    }
    EXPECT_TRUE(t.all_gone());
    EXPECT_EQ(t.log->lines.count(dropped_line), 0u);
}

// A stopping server drops promised answers; no handler is blamed.
TEST_F(Dropped, WhileTheServerStopsItIs503AndNoLine) {
    t.start();
    Client client(t.port());
    client.send(later_request);
    Reply reply = take();
    Client streamed(t.port());
    streamed.send(later_request);
    Reply begun = take();
    EXPECT_TRUE(begun.write("part"));
    (void)streamed.read_until("part\r\n");
    Client idle(t.port());
    EXPECT_EQ(idle.get("/now").body, "now");
    t.server.stop();
    EXPECT_EQ(idle.read_to_end(), "<end>");  // The worker has noticed the stop.
    reply = {};
    begun = {};
    EXPECT_EQ(client.answer().status, 503);
    EXPECT_EQ(streamed.read_to_end(), "<reset>");
    t.server.wait();
    EXPECT_EQ(t.log->lines.count(dropped_line) + t.log->lines.count(cut_line), 0u);
}

TEST_F(Dropped, BehindTheEndOfTheServerNothingHappens) {
    Reply reply;
    {
        TestServer short_lived;
        short_lived.server.get("/later", [&](const Request&, Response& response) {
            const std::lock_guard lock(mutex);
            replies.push_back(response.later());
        });
        short_lived.start();
        Client client(short_lived.port());
        client.send(later_request);
        reply = take();
    }
    EXPECT_TRUE(reply.closed());
    reply = {};
}

TEST_F(Dropped, ACoroutineThatTakesAReplyOwesItsAnswer) {
    t.server.get("/coroutine", [this](const Request&, Response& response) -> Task<> {
        co_await t.server.sleep(std::chrono::milliseconds(1));
        { const Reply reply = response.later(); }
        co_await t.server.sleep(std::chrono::hours(1));  // Ends with the answer.
    });
    t.server.get("/streams", [this](const Request&, Response& response) -> Task<> {
        const Reply reply = response.later();
        co_await t.server.sleep(std::chrono::milliseconds(1));
        (void)reply.write("all");
        reply.end();
    });
    t.server.get("/plain", [this](const Request&, Response& response) -> Task<> {
        co_await t.server.sleep(std::chrono::milliseconds(1));
        response.text("plain");
    });
    t.start();
    Client client(t.port());
    EXPECT_EQ(client.get("/coroutine").status, 500);
    EXPECT_EQ(client.get("/streams").body, "all");
    EXPECT_EQ(client.get("/plain").body, "plain");
}

// Copies on several threads: the last one answers, once.
TEST_F(Dropped, OnManyThreadsTheLastCopyCounts) {
    t.start();
    constexpr int clients = 60;
    std::vector<std::unique_ptr<Client>> all;
    for (int i = 0; i < clients; ++i) {
        all.push_back(std::make_unique<Client>(t.port()));
        all.back()->send(later_request);
    }
    std::vector<std::vector<Reply>> held(4);
    for (int i = 0; i < clients; ++i) {
        const Reply reply = take();
        for (auto& mine : held) mine.push_back(reply);
    }
    std::vector<std::thread> threads;
    for (auto& mine : held)
        threads.emplace_back([&mine] {
            while (!mine.empty()) mine.pop_back();
        });
    for (auto& thread : threads) thread.join();
    for (auto& client : all) EXPECT_EQ(client->answer().status, 500);
    EXPECT_TRUE(t.log->lines.wait_for(dropped_line, clients));
    EXPECT_EQ(t.log->lines.count(dropped_line), size_t(clients));
}

}  // namespace
}  // namespace starling::server::test
