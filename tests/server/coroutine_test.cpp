// Handlers of HTTP and WebSocket that are coroutines, on a real server.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/guard.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

// A result that is never set.
struct Never {
    Promise<void> promise;
    Future<void> future() { return promise.future(); }
};

TEST(HttpCoroutine, RequestAndResponseStayUntilItEnds) {
    TestServer t;
    t.server.post(
        "/users/:id", [&](const http::Request& request, http::Response& response) -> Task<> {
            const auto thread = std::this_thread::get_id();
            response.header("X-Early", "1");
            co_await t.server.sleep(1ms);
            response.status(201).text(
                std::string(request.method()) + " " + std::string(request.path()) + " " +
                std::string(request.param("id")) + " " + request.query("q").value_or("") + " " +
                std::string(request.header("x-name")) + " " + std::string(request.body()) + " " +
                std::string(request.host()) + " " + std::string(request.remote_address()) +
                (thread == std::this_thread::get_id() ? "" : " on another thread"));
        });
    t.start();
    Client client(t.port());
    const auto ask = [](const std::string& name) {
        return "POST /users/" + name + "?q=1 HTTP/1.1\r\nHost: here\r\nX-Name: " + name +
               "\r\nContent-Length: 4\r\n\r\nbody";
    };
    // Pipelined: the second request waits for the first answer.
    client.send(ask("ada") + ask("bob"));
    const auto first = client.answer(), second = client.answer();
    EXPECT_EQ(first.status, 201);
    EXPECT_TRUE(first.has("X-Early: 1\r\n"));
    EXPECT_EQ(first.body, "POST /users/ada ada 1 ada body here 127.0.0.1");
    EXPECT_EQ(second.body, "POST /users/bob bob 1 bob body here 127.0.0.1");
}

TEST(HttpCoroutine, OneThatIsNeverSuspendedAnswersAtOnce) {
    TestServer t;
    t.server.get("/", [](const http::Request&, http::Response& response) -> Task<> {
        response.text("at once");
        co_return;
    });
    t.start();
    EXPECT_EQ(Client(t.port()).get("/").body, "at once");
}

TEST(HttpCoroutine, AnExceptionGets500AndTheConnectionGoesOn) {
    TestServer t;
    const auto fail = [&](bool late) {
        return [&t, late](const http::Request&, http::Response&) -> Task<> {
            if (late) co_await t.server.sleep(1ms);
            throw std::runtime_error(late ? "late" : "early");
        };
    };
    t.server.get("/early", fail(false));
    t.server.get("/late", fail(true));
    t.server.cors({.origins = {"https://app.example"}});
    t.start();
    Client client(t.port());
    for (const char* path : {"/early", "/late"}) {
        const auto answer = client.get(path, "Origin: https://app.example\r\n");
        EXPECT_EQ(answer.status, 500);
        EXPECT_EQ(answer.body, "Internal Server Error\n");
        EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: https://app.example\r\n"));
    }
    EXPECT_EQ(t.log->lines.text(), "a handler threw /early early, a handler threw /late late");
    EXPECT_EQ(t.stats().handler_exceptions, 2u);
}

TEST(HttpCoroutine, ABadRequestIsItsAnswerEarlyAndLate) {
    TestServer t;
    const auto refuse = [&](bool late) {
        return [&t, late](const http::Request& request, http::Response&) -> Task<> {
            if (late) co_await t.server.sleep(1ms);
            if (request.has_header("x-own")) throw http::BadRequest("no such thing", 409);
            (void)request.json();
        };
    };
    t.server.post("/early", refuse(false));
    t.server.post("/late", refuse(true));
    t.server.cors({.origins = {"https://app.example"}});
    t.start();
    Client client(t.port());
    for (const std::string path : {"/early", "/late"}) {
        const auto ask = [&](const std::string& fields) {
            client.send("POST " + path + " HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n" +
                        fields + "Origin: https://app.example\r\n\r\n{");
            return client.answer();
        };
        const auto conflict = ask("X-Own: 1\r\n"), type = ask("");
        EXPECT_EQ(conflict.status, 409) << path;
        EXPECT_EQ(conflict.body, "409 Conflict: no such thing\n") << path;
        EXPECT_TRUE(conflict.has("Access-Control-Allow-Origin: https://app.example\r\n")) << path;
        EXPECT_EQ(type.status, 415) << path;
        EXPECT_EQ(ask("Content-Type: application/json\r\n").status, 400) << path;
    }
    EXPECT_EQ(t.log->lines.text(), "");
    EXPECT_EQ(t.stats().handler_exceptions, 0u);
}

TEST(HttpCoroutine, OfARouteWithOptionsBehindMiddleware) {
    TestServer t;
    t.server.use("/", [](const http::Request&, http::Response& response) {
        response.header("X-Middleware", "1");
        return http::Next::proceed;
    });
    t.server.route(
        "POST", "/",
        {.handler = [&](const http::Request& request, http::Response& response) -> Task<> {
             co_await t.server.sleep(1ms);
             if (request.body() == "no") throw std::runtime_error("late");
             response.text(std::string(request.body()));
         },
         .body_bytes_max = 4});
    t.start();
    Client client(t.port());
    const auto ask = [&](const std::string& body) {
        client.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
        return client.answer();
    };
    const auto good = ask("body"), bad = ask("no");
    EXPECT_EQ(good.body, "body");
    EXPECT_TRUE(good.has("X-Middleware: 1\r\n"));
    EXPECT_EQ(bad.status, 500);
    EXPECT_TRUE(bad.has("X-Middleware: 1\r\n"));
    EXPECT_EQ(ask("large").status, 413);
}

// The coroutine's frame is destroyed together with an answer that the client has not read yet.
TEST(HttpCoroutine, WhatDiesWithItsAnswerAnswersNothingMore) {
    Transcript events;
    TestServer t;
    struct Late {
        http::Reply reply;
        Transcript& events;
        ~Late() {
            reply.send({});
            reply.end();
            events.add("ends");
        }
    };
    t.server.get("/", [&](const http::Request&, http::Response& response) -> Task<> {
        const Late late{response.later(), events};
        late.reply.send(http::Response().text(std::string(32'000'000, 'x')));
        co_await t.server.sleep(1h);
    });
    t.start();
    Client client(t.port());
    EXPECT_EQ(client.get("/").body.size(), 32'000'000u);
    EXPECT_TRUE(events.wait_for("ends"));
    EXPECT_EQ(client.get("/").body.size(), 32'000'000u);
}

TEST(HttpCoroutine, StreamsItsAnswer) {
    TestServer t;
    const auto stream = [&](bool begins_late, bool fails) {
        return [&t, begins_late, fails](const http::Request&, http::Response& response) -> Task<> {
            response.header("Content-Type", "text/event-stream");
            if (begins_late) co_await t.server.sleep(1ms);
            response.header("X-Late", "1");
            const http::Reply reply = response.later();
            for (int i = 0; i < 3; ++i) {
                (void)reply.write("piece");
                co_await t.server.sleep(1ms);
            }
            if (fails) throw std::runtime_error("in the middle");
            reply.end();
        };
    };
    t.server.get("/early", stream(false, false));
    t.server.get("/late", stream(true, false));
    t.server.get("/fails", stream(true, true));
    t.start();
    Client client(t.port());
    for (const char* path : {"/early", "/late"}) {
        const auto answer = client.get(path);
        EXPECT_EQ(answer.body, "piecepiecepiece");
        EXPECT_TRUE(answer.has("Content-Type: text/event-stream\r\n"));
        EXPECT_TRUE(answer.has("X-Late: 1\r\n"));
    }
    client.send("GET /fails HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_TRUE(client.read_to_end().ends_with("<reset>"));
    EXPECT_TRUE(t.log->lines.wait_for("a handler threw /fails in the middle"));
}

TEST(HttpCoroutine, DiesWithItsClient) {
    Transcript events;
    Never never;
    TestServer t;
    t.server.get("/", [&](const http::Request&, http::Response& response) -> Task<> {
        const Guard guard(events, "frame");
        co_await never.future();
        response.text("never");
    });
    t.start();
    Client client(t.port());
    client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_TRUE(events.wait_for("frame begins"));
    client.close();
    EXPECT_TRUE(events.wait_for("frame ends"));
    EXPECT_TRUE(t.all_gone());
}

TEST(HttpCoroutine, OneThatAnswersTooLateIsDestroyed) {
    Transcript events;
    Never never;
    TestServer t{{.http = {.answer_timeout = 20ms}}};
    t.server.get("/", [&](const http::Request&, http::Response& response) -> Task<> {
        const Guard guard(events, "frame");
        co_await never.future();
        response.text("never");
    });
    t.start();
    EXPECT_EQ(Client(t.port()).get("/").status, 500);
    EXPECT_TRUE(events.wait_for("frame ends"));
}

TEST(HttpCoroutine, EndsAtItsNextSuspensionOnceItsAnswerIsComplete) {
    Transcript events;
    TestServer t;
    t.server.get("/", [&](const http::Request&, http::Response& response) -> Task<> {
        const Guard guard(events, "frame");
        const http::Reply reply = response.later();
        co_await t.server.sleep(1ms);
        reply.end();
        events.add("goes on");
        co_await t.server.sleep(1h);
        events.add("never");
    });
    t.start();
    Client client(t.port());
    EXPECT_EQ(client.get("/").status, 200);
    EXPECT_TRUE(events.wait_for("frame ends"));
    EXPECT_EQ(events.text(), "frame begins, goes on, frame ends");
}

TEST(WsCoroutine, TheMessageStaysUntilItEnds) {
    TestServer t({.workers = 2});
    t.server.websocket("/", {.message = [&](ws::Socket socket, ws::Message message) -> Task<> {
                           const auto thread = std::this_thread::get_id();
                           const auto text = std::string(message.text());
                           const auto other =
                               co_await t.server.call(1, [] { return std::this_thread::get_id(); });
                           co_await t.server.sleep(1ms);
                           const bool kept = message.text() == text && !message.is_binary();
                           const bool home = thread == std::this_thread::get_id();
                           const bool asked = other != std::thread::id();
                           socket.send(kept && home && asked ? text : "wrong");
                       }});
    t.start();
    WsClient client(t.port());
    const std::string a(1000, 'a'), b(1000, 'b');
    client.send_text(a);
    client.send_text(b);
    const auto first = client.next(), second = client.next();  // In either order.
    EXPECT_EQ(std::min(first, second), "text(" + a + ")");
    EXPECT_EQ(std::max(first, second), "text(" + b + ")");
}

TEST(WsCoroutine, AnExceptionCostsTheSocketTheConnection) {
    TestServer t;
    t.server.websocket("/", {.message = [&](ws::Socket, ws::Message message) -> Task<> {
                           if (message.text() == "late") co_await t.server.sleep(1ms);
                           throw std::runtime_error(std::string(message.text()));
                       }});
    t.start();
    for (const char* when : {"early", "late"}) {
        WsClient client(t.port());
        client.send_text(when);
        EXPECT_EQ(client.next(), "close(1011 internal error)");
    }
    EXPECT_EQ(t.log->lines.text(), "a handler threw message early, a handler threw coroutine late");
}

TEST(WsCoroutine, DiesWithItsSocketAndThatOfCloseGoesOn) {
    Transcript events;
    Never never;
    TestServer t;
    t.server.websocket("/",
                       {.open = [&](ws::Socket) -> Task<> {
                            const Guard guard(events, "open");
                            co_await never.future();
                        },
                        .close = [&](ws::Socket, uint16_t code, std::string_view reason) -> Task<> {
                            const Guard guard(events, "close");
                            co_await t.server.sleep(1ms);
                            events.add(std::to_string(code) + " " + std::string(reason));
                        }});
    t.start();
    WsClient client(t.port());
    EXPECT_TRUE(events.wait_for("open begins"));
    client.send_close(1000, "bye");
    EXPECT_TRUE(events.wait_for("close ends"));
    EXPECT_EQ(events.text(), "open begins, open ends, close begins, 1000 bye, close ends");
}

TEST(WsCoroutine, ThatOfCloseMayAskWhichSideClosed) {
    Transcript events;
    TestServer t;
    t.server.websocket("/", {.close = [&](ws::Socket, uint16_t code, std::string_view reason,
                                          ws::ClosedBy by) -> Task<> {
                           const Guard guard(events, "close");
                           co_await t.server.sleep(1ms);
                           events.add(std::to_string(code) + " " + std::string(reason) +
                                      (by == ws::ClosedBy::peer ? " by the peer" : " by another"));
                       }});
    t.start();
    WsClient client(t.port());
    client.send_close(1000, "bye");
    EXPECT_TRUE(events.wait_for("close ends"));
    EXPECT_EQ(events.text(), "close begins, 1000 bye by the peer, close ends");
}

TEST(WsCoroutine, OneSocketHasSoManyAndNoMore) {
    Never never;
    TestServer t;
    t.server.websocket(
        "/", {.message = [&](ws::Socket, ws::Message) -> Task<> { co_await never.future(); }});
    t.server.websocket("/sleep", {.message = [&](ws::Socket, ws::Message) -> Task<> {
                           co_await t.server.sleep(1h);
                       }});
    t.start();
    WsClient client(t.port(), "/sleep");
    for (size_t i = 0; i <= coroutines_per_connection_max; ++i) client.send_text("x");
    EXPECT_EQ(client.next(), "close(1011 internal error)");
    EXPECT_TRUE(t.log->lines.wait_for(
        "a handler threw message too many coroutines of one connection are suspended"));
}

TEST(Coroutine, OfAPostedCallOrATimerBelongsToItsWorker) {
    Transcript events;
    Never never;
    TestServer t;
    t.start();
    t.server.post([&]() -> Task<> {
        const Guard guard(events, "posted");
        co_await t.server.sleep(1ms);
    });
    EXPECT_TRUE(events.wait_for("posted ends"));
    t.server.after(1ms, [&]() -> Task<> {
        co_await t.server.sleep(1ms);
        throw std::runtime_error("of a timer");
    });
    EXPECT_TRUE(t.log->lines.wait_for("a handler threw coroutine of a timer"));
    t.server.post([&]() -> Task<> {
        const Guard guard(events, "stopped");
        co_await never.future();
    });
    EXPECT_TRUE(events.wait_for("stopped begins"));
    t.server.stop();
    t.server.wait();
    EXPECT_EQ(events.count("stopped ends"), 1u);
}

TEST(Coroutine, AServerThatStopsDestroysWhatIsSuspended) {
    Transcript events;
    auto never_http = std::make_unique<Never>(), never_ws = std::make_unique<Never>();
    {
        TestServer t;
        t.server.get("/", [&](const http::Request&, http::Response&) -> Task<> {
            const Guard guard(events, "http");
            co_await never_http->future();
        });
        t.server.websocket("/ws", {.open = [&](ws::Socket) -> Task<> {
                               const Guard guard(events, "ws");
                               co_await never_ws->future();
                           }});
        t.start();
        Client client(t.port());
        client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
        WsClient socket(t.port(), "/ws");
        EXPECT_TRUE(events.wait_for("http begins"));
        EXPECT_TRUE(events.wait_for("ws begins"));
    }
    EXPECT_EQ(events.count("http ends"), 1u);
    EXPECT_EQ(events.count("ws ends"), 1u);
    // Results may be set long after the server is gone.
    never_http->promise.set_value();
    never_ws.reset();
}

TEST(Coroutine, WaitingOnAWorkersThreadThrows) {
    TestServer t;
    t.server.get("/", [&](const http::Request&, http::Response& response) {
        try {
            (void)t.server.call(0, [] { return 1; }).get();
            response.text("waited");
        } catch (const std::logic_error& error) {
            response.text(error.what());
        }
    });
    t.start();
    EXPECT_EQ(
        Client(t.port()).get("/").body,
        "the thread of a loop cannot wait for a Future: use then(), or co_await it in a coroutine");
}

// Another thread sets the result while the client leaves, many times.
TEST(Coroutine, ResultsOfOtherThreadsMeetClientsThatLeave) {
    Transcript events;
    std::vector<std::thread> threads;
    std::mutex mutex;
    TestServer t({.workers = 2});
    t.server.get("/", [&](const http::Request&, http::Response& response) -> Task<> {
        Promise<std::string> promise;
        auto future = promise.future();
        {
            const std::lock_guard lock(mutex);
            threads.emplace_back([promise = std::move(promise)]() mutable {
                promise.set_value("from another thread");
            });
        }
        response.text(co_await std::move(future));
    });
    t.start();
    for (int i = 0; i < 50; ++i) {
        Client client(t.port());
        client.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
        if (i % 2 == 0) {
            EXPECT_EQ(client.answer().body, "from another thread");
        }
    }
    EXPECT_TRUE(t.all_gone());
    t.server.stop();
    t.server.wait();
    for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace starling::server::test
