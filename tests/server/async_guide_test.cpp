// The samples of docs/async.md: compiled, run, and compared with the guide.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/guide.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

void first_samples(Server& server, sio::Server& io) {
    server.get("/report/:id",
               [&server](const http::Request& request, http::Response& response) -> Task<> {
                   co_await server.sleep(50ms);  // The worker serves others meanwhile.
                   response.text("report " + std::string(request.param("id")) + "\n");
               });
    server.websocket("/ask",
                     {
                         .message = [&server](ws::Socket socket, ws::Message message) -> Task<> {
                             const std::string text(message.text());
                             const auto count = [text] {
                                 return size_t(std::count(text.begin(), text.end(), ' ') + 1);
                             };
                             const size_t words = co_await server.call(0, count);
                             socket.send(std::to_string(words) + " words: " + text);
                         },
                     });
    io.on("order", [](sio::Socket socket, std::string item) -> Task<std::string> {
        const sio::Answer sure = co_await socket.emit_with_ack("sure?", item);
        co_return sure ? "ordered " + item : "no answer";  // The ack.
    });
}

void streamed_sample(Server& server) {
    server.get("/countdown", [&server](const http::Request&, http::Response& response) -> Task<> {
        response.header("Content-Type", "text/plain");
        const http::Reply reply = response.later();
        for (int i = 3; i > 0; --i) {
            (void)reply.write(std::to_string(i) + "\n");
            co_await server.sleep(10ms);
        }
        reply.end();
    });
}

// Answers on a thread of its own.
class Database {
public:
    explicit Database(std::map<std::string, std::string> rows) : rows_(std::move(rows)) {}
    Future<std::string> get(std::string key);

private:
    template <class F>
    void enqueue(F call) {
        threads_.emplace_back(std::move(call));
    }
    std::map<std::string, std::string> rows_;
    std::vector<std::jthread> threads_;  // Ends before the rows.
};

Task<std::string> load(Database& database, std::string key) {
    const std::string row = co_await database.get(std::move(key));
    if (row.empty()) throw std::runtime_error("no such row");
    co_return row;
}

Future<std::string> Database::get(std::string key) {
    Promise<std::string> promise;
    Future<std::string> row = promise.future();
    enqueue([this, key = std::move(key), promise = std::move(promise)]() mutable {
        promise.set_value(rows_[key]);  // On the thread of the database.
    });
    return row;
}

void last_samples(Server& server, sio::Server& io) {
    io.fetch_sockets().then([](std::vector<sio::RemoteSocket> sockets) {
        std::printf("%zu sockets\n", sockets.size());
    });
    server.post(server.workers() - 1, [] { std::printf("on the last worker\n"); });
}

TEST(AsyncGuide, TheSamplesDoWhatTheySay) {
    Database database(std::map<std::string, std::string>{{"a", "row a"}});
    TestServer t;
    auto& io = t.server.socketio();
    first_samples(t.server, io);
    streamed_sample(t.server);
    t.server.get("/row/:key",
                 [&](const http::Request& request, http::Response& response) -> Task<> {
                     response.text(co_await load(database, std::string(request.param("key"))));
                 });
    t.start();
    Client client(t.port());
    EXPECT_EQ(client.get("/report/7").body, "report 7\n");
    EXPECT_EQ(client.get("/countdown").body, "3\n2\n1\n");
    EXPECT_EQ(client.get("/row/a").body, "row a");
    EXPECT_EQ(client.get("/row/b").status, 500);
    WsClient asks(t.port(), "/ask");
    asks.send_text("three short words");
    EXPECT_EQ(asks.next(), "text(3 words: three short words)");
    WsClient orders(t.port(), "/socket.io/?EIO=4&transport=websocket");
    orders.send_text("40");
    orders.send_text(R"(420["order","tea"])");
    (void)orders.next();
    (void)orders.next();
    const std::string question = orders.next();
    EXPECT_NE(question.find(R"(["sure?","tea"])"), std::string::npos);
    const size_t id = std::string("text(42").size();
    orders.send_text("43" + question.substr(id, question.find('[') - id) + "[true]");
    EXPECT_EQ(orders.next(), R"(text(430["ordered tea"]))");
    last_samples(t.server, io);
    // Runs after the calls posted before.
    EXPECT_TRUE(t.server.call(0, [] { return true; }).get());
}

TEST(AsyncGuide, EverySampleIsTheTextThatWasCompiled) {
    EXPECT_EQ(expect_compiled({"docs/async.md"}, "tests/server/async_guide_test.cpp"), 6u);
}

}  // namespace
}  // namespace starling::server::test
