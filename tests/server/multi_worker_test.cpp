// Several workers: publications between them, handles across them, timers, stopping under load.
// The suites are named MultiWorker for the run under ThreadSanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Socket;

ServerOptions three() { return {.workers = 3}; }

// Connects until every worker has a connection (the kernel distributes them by hash).
std::vector<std::unique_ptr<WsClient>> connect(const TestServer& t, size_t count) {
    std::vector<std::unique_ptr<WsClient>> clients;
    for (size_t i = 0; i < count; ++i) clients.push_back(std::make_unique<WsClient>(t.port()));
    return clients;
}

// Expects all messages "NAME N" of each publisher, in order.
void expect_all_in_order(WsClient& client, int publishers, int each) {
    std::map<std::string, int> next;
    for (int i = 0; i < publishers * each; ++i) {
        const std::string text = client.frame().payload;
        const size_t space = text.find(' ');
        ASSERT_NE(space, std::string::npos) << text;
        ASSERT_EQ(std::atoi(text.c_str() + space), next[text.substr(0, space)]++) << text;
    }
    EXPECT_EQ(next.size(), size_t(publishers));
}

TEST(MultiWorker, PublicationsOfEveryThreadReachEveryoneInOrder) {
    std::mutex mutex;  // The handlers use both until the server is gone.
    std::set<std::thread::id> threads;
    TestServer t(three());
    t.server.websocket("/", {
                                .send_queue_bytes_max = 64 * 1024 * 1024,
                                .open =
                                    [&](Socket socket) {
                                        socket.join("all");
                                        const std::lock_guard lock(mutex);
                                        threads.insert(std::this_thread::get_id());
                                    },
                            });
    t.start();
    auto clients = connect(t, 24);
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("all") == clients.size(); }));
    EXPECT_GT(threads.size(), 1u);
    constexpr int publishers = 4, each = 500;
    std::vector<std::thread> publishing;
    for (int p = 0; p < publishers; ++p)
        publishing.emplace_back([&t, p] {
            for (int i = 0; i < each; ++i)
                t.server.publish("all", "p" + std::to_string(p) + " " + std::to_string(i));
        });
    for (auto& client : clients) expect_all_in_order(*client, publishers, each);
    for (auto& thread : publishing) thread.join();
}

TEST(MultiWorker, SocketsPublishToAllOthersOfEveryWorker) {
    TestServer t(three());
    t.server.websocket(
        "/", {
                 .send_queue_bytes_max = 64 * 1024 * 1024,
                 .open = [](Socket socket) { socket.join("all"); },
                 .message = [](Socket socket, Message message) { socket.publish("all", message); },
             });
    t.start();
    auto clients = connect(t, 12);
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("all") == clients.size(); }));
    constexpr int each = 100;
    for (size_t p = 0; p < clients.size(); ++p)
        for (int i = 0; i < each; ++i)
            clients[p]->send_text("c" + std::to_string(p) + " " + std::to_string(i));
    for (auto& client : clients) expect_all_in_order(*client, int(clients.size()) - 1, each);
}

TEST(MultiWorker, HandlesCrossWorkersAndHaveIdsOfTheirOwn) {
    std::mutex mutex;  // The handlers use both until the server is gone.
    std::vector<Socket> all;
    TestServer t(three());
    t.server.websocket("/", {
                                .open =
                                    [&](Socket socket) {
                                        const std::lock_guard lock(mutex);
                                        all.push_back(socket);
                                    },
                                .message =
                                    [&](Socket from, Message message) {
                                        const std::lock_guard lock(mutex);
                                        for (const Socket& socket : all)
                                            if (!(socket == from)) socket.send(message);
                                    },
                                .close =
                                    [&](Socket gone, uint16_t, std::string_view) {
                                        const std::lock_guard lock(mutex);
                                        std::erase(all, gone);
                                    },
                            });
    t.start();
    auto clients = connect(t, 24);
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(mutex);
        return all.size() == clients.size();
    }));
    std::set<uint64_t> ids;
    for (const Socket& socket : all) ids.insert(socket.id());
    EXPECT_EQ(ids.size(), clients.size());
    clients[0]->send_text("hello");
    for (size_t i = 1; i < clients.size(); ++i) EXPECT_EQ(clients[i]->next(), "text(hello)");
    clients.clear();
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(mutex);
        return all.empty();
    }));
    EXPECT_TRUE(t.all_gone());
}

TEST(MultiWorker, RepliesAnswerFromOtherWorkers) {
    std::mutex mutex;
    std::vector<http::Reply> waiting;
    TestServer t(three());
    t.server.get("/wait", [&](const http::Request&, http::Response& r) {
        const std::lock_guard lock(mutex);
        waiting.push_back(r.later());
    });
    t.server.get("/wake", [&](const http::Request&, http::Response& r) {
        const std::lock_guard lock(mutex);
        for (const auto& reply : waiting) {
            (void)reply.write("a");
            (void)reply.write("b");
            reply.end();
        }
        r.text("woken");
    });
    t.start();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 16; ++i) {
        clients.push_back(std::make_unique<Client>(t.port()));
        clients.back()->send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(mutex);
        return waiting.size() == clients.size();
    }));
    EXPECT_EQ(Client(t.port()).get("/wake").body, "woken");
    for (auto& client : clients) EXPECT_EQ(client->answer().body, "ab");
}

// A stuck worker has at most 64 MiB of messages waiting for it; further ones are dropped.
TEST(MultiWorker, WhatIsPostedToAStuckWorkerIsBounded) {
    std::promise<void> stuck, go_on;
    TestServer t({.workers = 1});
    t.server.get("/stuck", [&](const http::Request&, http::Response&) {
        stuck.set_value();
        go_on.get_future().wait();
    });
    t.server.websocket("/", {.open = [](Socket socket) { socket.join("few"); }});
    t.start();
    WsClient listener(t.port());
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("few") == 1; }));
    Client client(t.port());
    client.send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n");
    stuck.get_future().wait();
    const std::string mebibyte(1024 * 1024, 'x');
    for (int i = 0; i < 70; ++i) t.server.publish("many", mebibyte);
    EXPECT_EQ(t.stats().messages_dropped, 70u - 64);
    go_on.set_value();
    EXPECT_EQ(client.answer().status, 200);
    EXPECT_EQ(Client(t.port()).get("/none").status, 404);  // The worker has handled all of them.
    t.server.publish("few", "there is room again");
    EXPECT_EQ(listener.next(), "text(there is room again)");
    EXPECT_EQ(t.stats().messages_dropped, 70u - 64);
}

// Joins, messages, publications and closes from all sides while the server stops.
TEST(MultiWorker, StopsUnderLoad) {
    std::atomic<int> opened{0}, closed{0};
    TestServer t({.workers = 3});
    t.server.websocket(
        "/", {
                 .open =
                     [&](Socket socket) {
                         ++opened;
                         socket.join("all");
                     },
                 .message = [&](Socket, Message message) { t.server.publish("all", message); },
                 .close =
                     [&](Socket, uint16_t, std::string_view) {
                         ++closed;
                         t.server.publish("all", "one left");
                     },
             });
    t.server.every(1ms, [&] { t.server.publish("all", "tick"); });
    t.start();
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            try {
                while (!done) {
                    WsClient client(t.port());
                    for (int n = 0; n < 20 && client.send_text("load"); ++n) client.next();
                    if (i % 2) client.send_close(1000);
                    if (i == 2) client.reset();
                }
            } catch (const std::exception&) {  // The server no longer listens.
            }
        });
    EXPECT_TRUE(eventually([&] { return t.stats().messages_received > 500; }));
    std::thread other([&] { t.server.stop(); });
    t.server.wait();
    other.join();
    done = true;
    for (auto& thread : threads) thread.join();
    EXPECT_GT(opened, 0);
    EXPECT_EQ(opened, closed);
    EXPECT_EQ(t.stats().connections_open, 0u);
    EXPECT_EQ(t.stats().websockets_open, 0u);
    EXPECT_EQ(t.server.subscribers("all"), 0u);
    t.server.publish("all", "nobody is there");
    t.server.after(0ms, [] { FAIL() << "no timer fires after the end"; });
}

TEST(MultiWorker, TimersFireRepeatAndAreCancelled) {
    Transcript events;
    TestServer t(three());
    t.server.after(1ms, [&] { events.add("early"); });
    const Timer never = t.server.after(1ms, [&] { events.add("cancelled before start"); });
    t.server.cancel(never);
    t.start();
    EXPECT_TRUE(events.wait_for("early"));
    std::atomic<int> ticks{0};
    Timer timer;
    std::atomic<bool> known{false};
    timer = t.server.every(1ms, [&] {
        events.add("tick");
        if (++ticks == 3) {
            while (!known) std::this_thread::yield();
            t.server.cancel(timer);
        }
    });
    known = true;
    const Timer far = t.server.after(1h, [&] { events.add("far"); });
    t.server.cancel(far);
    t.server.after(1ms, [&] { throw std::runtime_error("in a timer"); });
    EXPECT_TRUE(events.wait_for("tick", 3));
    t.server.after(30ms, [&] { events.add("last"); });
    EXPECT_TRUE(events.wait_for("last"));
    EXPECT_EQ(events.text(), "early, tick, tick, tick, last");
    EXPECT_EQ(t.stats().handler_exceptions, 1u);
}

// stop() and stats() from other threads while the server starts.
TEST(MultiWorker, StopMayComeAtAnyMoment) {
    for (int i = 0; i < 20; ++i) {
        TestServer t(three());
        t.server.websocket("/", {});
        std::thread stopping([&] {
            (void)t.stats();
            t.server.publish("x", "y");
            t.server.stop();
        });
        t.start();
        t.server.wait();
        stopping.join();
    }
    TestServer t({.handle_signals = false});
    t.server.stop();  // Before the start.
    EXPECT_EQ(t.server.run(), 0);
}

}  // namespace
}  // namespace starling::server::test
