// Answers after the handler has returned: whole, streamed, from any thread, too late.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/server/client.h"
#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

using http::Reply;
using http::Request;
using http::Response;

// Replies that handlers promised; the test's thread answers them.
class Promises {
public:
    void add(Reply reply) {
        const std::lock_guard lock(mutex_);
        replies_.push_back(reply);
    }
    Reply take() {
        Reply reply;
        const bool came = eventually([&] {
            const std::lock_guard lock(mutex_);
            if (replies_.empty()) return false;
            reply = replies_.front();
            replies_.erase(replies_.begin());
            return true;
        });
        if (!came) throw std::runtime_error("nobody promised an answer");
        return reply;
    }

private:
    std::mutex mutex_;
    std::vector<Reply> replies_;
};

Response text(std::string bytes) {
    Response response;
    response.text(std::move(bytes));
    return response;
}

struct Later : testing::Test {
    Later() {
        t.server.get("/later", [this](const Request&, Response& r) {
            r.header("X-From", "handler").text("kept");
            promises.add(r.later());
        });
        t.server.get("/now", [](const Request&, Response& r) { r.text("now"); });
    }
    Promises promises;
    TestServer t{{.http = {.stream_queue_bytes_max = 100'000}}};
};

// A forgotten promise costs the client its answer, not the connection.
TEST(LaterTimeout, AForgottenPromiseIsAnswered) {
    Promises promises;
    TestServer t{{.http = {.answer_timeout = std::chrono::seconds(1)}}};
    t.server.get("/later",
                 [&](const Request&, Response& response) { promises.add(response.later()); });
    t.server.get("/slow", [&](const Request&, Response& response) {
        const Reply reply = response.later();
        // On the worker, as the test may be too late.
        t.server.post([reply] { EXPECT_TRUE(reply.write("a")); });
        promises.add(reply);
    });
    t.server.get("/now", [](const Request&, Response& response) { response.text("now"); });
    t.start();
    Client client(t.port());
    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply reply = promises.take();
    EXPECT_EQ(client.answer().status, 500);
    EXPECT_TRUE(reply.closed());
    reply.send(text("too late"));
    EXPECT_EQ(client.get("/now").body, "now");
    // An answer that has begun may take any time.
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply slow = promises.take();
    Client other(t.port());
    other.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply forgotten = promises.take();
    // After its second; that of the request before is over, too.
    EXPECT_EQ(other.answer().status, 500);
    slow.end();
    EXPECT_EQ(client.answer().body, "a");
}

TEST_F(Later, AnotherThreadAnswers) {
    t.start();
    Client client(t.port());
    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /now HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply reply = promises.take();
    EXPECT_FALSE(reply.closed());
    reply.send(text("done"));
    reply.send(text("twice"));
    EXPECT_EQ(client.answer().body, "done");
    EXPECT_EQ(client.answer().body, "now");
    EXPECT_TRUE(reply.closed());
    EXPECT_FALSE(reply.write("late"));
    EXPECT_EQ(client.get("/now").body, "now");
}

TEST_F(Later, EndAloneSendsWhatTheHandlerSet) {
    t.start();
    Client client(t.port());
    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    promises.take().end();
    const auto answer = client.answer();
    EXPECT_EQ(answer.body, "kept");
    EXPECT_TRUE(answer.has("X-From: handler\r\n"));
}

// After a promised answer at most 16 KiB are read; the rest stays in the kernel, and nothing is
// lost.
TEST_F(Later, PipelinedRequestsWaitAndAreAnsweredInOrder) {
    t.start();
    Client client(t.port());
    std::string requests = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    for (int i = 0; i < 5000; ++i) requests += "GET /now HTTP/1.1\r\nHost: a\r\n\r\n";
    std::thread sender([&] { client.send(requests); });
    const Reply reply = promises.take();
    Client other(t.port());
    EXPECT_EQ(other.get("/now").body, "now");
    EXPECT_EQ(t.stats().requests, 2u);
    reply.send(text("first"));
    EXPECT_EQ(client.answer().body, "first");
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(client.answer().body, "now") << i;
    sender.join();
}

TEST_F(Later, StreamsInChunks) {
    t.start();
    Client client(t.port());
    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /now HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply reply = promises.take();
    EXPECT_TRUE(reply.write("one"));
    EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
    EXPECT_EQ(client.chunk(), "one");
    reply.send(text("ignored"));
    EXPECT_TRUE(reply.write("two"));
    EXPECT_EQ(client.chunk(), "two");
    EXPECT_TRUE(reply.write(""));  // Not the last chunk.
    reply.end();
    EXPECT_EQ(client.chunk(), "");
    EXPECT_EQ(client.answer().body, "now");
}

TEST_F(Later, StreamsUntilTheEndIn10) {
    t.start();
    Client client(t.port());
    client.send("GET /later HTTP/1.0\r\n\r\n");
    const Reply reply = promises.take();
    EXPECT_TRUE(reply.write("one"));
    EXPECT_TRUE(reply.write("two"));
    reply.end();
    const auto answer = client.answer();
    EXPECT_EQ(answer.body, "onetwo<end>");
    EXPECT_TRUE(answer.has("Connection: close"));
}

TEST_F(Later, AStreamedAnswerToHeadHasNoBody) {
    t.start();
    Client client(t.port());
    client.send("HEAD /later HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply reply = promises.take();
    EXPECT_TRUE(reply.write("one"));
    reply.end();
    EXPECT_EQ(client.answer(true).status, 200);
    EXPECT_EQ(client.get("/now").body, "now");
}

// All that write() accepted arrives, whole and in order, even with a fast writer and a slow reader.
TEST_F(Later, AWriterFasterThanTheReaderLosesNothing) {
    t.start();
    Client client(t.port(), 4096);
    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply reply = promises.take();
    std::string sent;
    size_t refused = 0;
    std::thread writer([&] {
        for (int i = 0; i < 3000;) {
            const std::string piece = std::to_string(i) + std::string(2000, '.');
            if (reply.write(piece)) {
                sent += piece;
                ++i;
            } else if (++refused % 64 == 0) {
                ::poll(nullptr, 0, 1);
            }
        }
        reply.end();
    });
    const auto answer = client.answer();
    writer.join();
    EXPECT_GT(refused, 0u);
    EXPECT_TRUE(answer.body == sent) << answer.body.size() << " of " << sent.size();
}

TEST_F(Later, ABurstFromAnotherThreadIsBounded) {
    std::atomic<bool> go_on{false};
    t.server.get("/block", [&](const Request&, Response& r) {
        while (!go_on) std::this_thread::yield();
        r.text("unblocked");
    });
    t.start();
    Client client(t.port());
    client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    const Reply reply = promises.take();
    Client blocker(t.port());
    blocker.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return t.stats().requests == 2; }));
    size_t taken = 0;
    while (taken < 10'000 && reply.write(std::string(1000, 'x'))) ++taken;
    EXPECT_LE(taken, 101u);  // 100,000 bytes in the queue, and the piece that fills it.
    go_on = true;
    reply.end();
    EXPECT_EQ(client.answer().body.size(), taken * 1000);
}

TEST_F(Later, AClientThatLeavesClosesItsReply) {
    t.start();
    for (const bool streaming : {false, true}) {
        for (const bool reset : {false, true}) {
            Client client(t.port());
            client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
            const Reply reply = promises.take();
            if (streaming) {
                EXPECT_TRUE(reply.write("one"));
                client.read_until("one");
            }
            reset ? client.reset() : client.close();
            EXPECT_TRUE(eventually([&] { return reply.closed(); }));
            EXPECT_FALSE(reply.write("more"));
            reply.send(text("nobody hears"));
            reply.end();
        }
    }
    EXPECT_TRUE(t.all_gone());
}

TEST_F(Later, TheHandlerItselfMayAnswerThroughItsReply) {
    t.server.get("/inside", [](const Request&, Response& r) {
        const Reply reply = r.later();
        EXPECT_TRUE(reply.write("a"));
        EXPECT_TRUE(reply.write("b"));
        reply.end();
        EXPECT_FALSE(reply.closed());
    });
    t.start();
    Client client(t.port());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/inside").body, "ab");
}

// Handlers of one thread write in order: the later write does not overtake the earlier one.
TEST_F(Later, OrderHoldsBetweenHandlersOfOneTick) {
    Reply kept;
    t.server.get("/begin", [&](const Request&, Response& r) {
        kept = r.later();
        (void)kept.write("first ");
    });
    t.server.get("/go-on", [&](const Request&, Response& r) {
        (void)kept.write("second");
        kept.end();
        r.text("ok");
    });
    std::atomic<bool> go_on{false}, waiting{false};
    t.server.get("/block", [&](const Request&, Response& r) {
        waiting = true;
        while (!go_on) std::this_thread::yield();
        r.text("unblocked");
    });
    t.start();
    Client one(t.port()), two(t.port()), blocker(t.port());
    EXPECT_EQ(one.get("/now").body, "now");
    EXPECT_EQ(two.get("/now").body, "now");
    blocker.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n");  // Makes both arrive in one tick.
    EXPECT_TRUE(eventually([&] { return waiting.load(); }));
    one.send("GET /begin HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return one.all_taken(); }));
    two.send("GET /go-on HTTP/1.1\r\nHost: a\r\n\r\n");
    go_on = true;
    EXPECT_EQ(one.answer().body, "first second");
    EXPECT_EQ(two.answer().body, "ok");
}

// A Reply belongs to one request and must not answer the next one on the same connection.
TEST_F(Later, AReplyOfAFailedHandlerAnswersNothingElse) {
    Reply stale;
    t.server.get("/throw", [&](const Request&, Response& r) {
        stale = r.later();
        stale.send(text("secret of the first request"));
        throw std::runtime_error("after the promise");
    });
    t.start();
    Client client(t.port());
    client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\nGET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.answer().status, 500);
    const Reply reply = promises.take();
    EXPECT_TRUE(stale.closed());
    stale.send(text("secret again"));
    reply.send(text("mine"));
    EXPECT_EQ(client.answer().body, "mine");
}

TEST_F(Later, ManyThreadsAnswerManyClients) {
    t.start();
    constexpr int clients = 40;
    std::vector<std::unique_ptr<Client>> all;
    for (int i = 0; i < clients; ++i) {
        all.push_back(std::make_unique<Client>(t.port()));
        all.back()->send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < clients / 4; ++n) {
                const Reply reply = promises.take();
                for (int k = 0; k < 10; ++k) EXPECT_TRUE(reply.write("0123456789"));
                reply.end();
            }
        });
    }
    for (auto& client : all) EXPECT_EQ(client->answer().body.size(), 100u);
    for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace starling::server::test
