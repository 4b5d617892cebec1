// A request that belongs to another worker moves there with its connection.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/url.h"
#include "tests/fake/tls_client.h"
#include "tests/net/tls_fixture.h"
#include "tests/server/worker_group_fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

std::optional<uint32_t> named_owner(std::string_view query) {
    const auto index = http::find_form_field(query, "worker");
    if (!index) return std::nullopt;
    return uint32_t(std::strtoul(index->c_str(), nullptr, 10));
}

// A handler, and optionally a WebSocket endpoint, on the worker that the query names.
class OwnedRoute final : public Route {
public:
    explicit OwnedRoute(http::Handler handler, std::optional<size_t> websocket = std::nullopt)
        : handler_(std::move(handler)), websocket_(websocket) {}
    [[nodiscard]] std::optional<uint32_t> owner(std::string_view query) const override {
        return named_owner(query);
    }
    [[nodiscard]] std::optional<size_t> websocket() const noexcept override { return websocket_; }
    void answer(HttpConnection&, const http::Request& request, http::Response& response) override {
        handler_(request, response);
    }

private:
    const http::Handler handler_;
    const std::optional<size_t> websocket_;
};

class HandOver : public ::testing::Test {
protected:
    HandOver() {
        add("*", "/here", [this](const http::Request& request, http::Response& response) {
            response.text(std::to_string(here()) + " " + std::string(request.method()) + " " +
                          std::string(request.body()));
        });
        add("GET", "/never", [this](const http::Request&, http::Response& response) {
            (void)response.later();
            t.events.add("promised");
        });
        ws::Route echo;
        echo.open = [this](ws::Socket socket) { socket.send(std::to_string(here())); };
        echo.message = [](ws::Socket socket, ws::Message message) { socket.send(message); };
        const size_t index =
            t.site.add_endpoint(std::make_unique<WebSocketEndpoint>(std::move(echo)));
        add("GET", "/ws", nullptr, index);
    }
    void add(std::string_view method, std::string_view path, http::Handler handler,
             std::optional<size_t> websocket = std::nullopt) {
        t.site.add(method, path, std::make_unique<OwnedRoute>(std::move(handler), websocket));
    }
    [[nodiscard]] uint32_t here() const {
        for (const auto& worker : t.group.workers)
            if (worker->loop().in_loop_thread()) return worker->index();
        return UINT32_MAX;
    }

    TestTeam t;
};

std::string get(int worker, std::string_view path = "/here") {
    return "GET " + std::string(path) + "?worker=" + std::to_string(worker) +
           " HTTP/1.1\r\nHost: a\r\n\r\n";
}

TEST_F(HandOver, TheOwnerAnswersAndKeepsTheConnection) {
    t.start(2);
    Client client(t.port(0));
    EXPECT_EQ(client.get("/here").body, "0 GET ");
    EXPECT_EQ(client.request(get(1)).body, "1 GET ");
    EXPECT_EQ(t.open_on(0), 0u);
    EXPECT_EQ(t.open_on(1), 1u);
    EXPECT_EQ(client.get("/here").body, "1 GET ");
    // No worker has this number: answered where it arrived.
    EXPECT_EQ(client.request(get(7)).body, "1 GET ");
    EXPECT_EQ(client.request(get(0)).body, "0 GET ");  // And back again.
    EXPECT_EQ(t.group.connections.load(), 1u);
    client.close();
    EXPECT_TRUE(t.all_gone());
    EXPECT_EQ(t.group.workers[0]->counters().requests.get() +
                  t.group.workers[1]->counters().requests.get(),
              5u);
}

TEST_F(HandOver, PipelinedRequestsMoveInOrder) {
    t.start(2);
    Client client(t.port(0));
    std::string all, want;
    for (int i = 0; i < 40; ++i) {
        const int worker = (i / 3) % 2;
        const std::string body = "body " + std::to_string(i);
        all += "POST /here?worker=" + std::to_string(worker) +
               " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }
    client.send(all);
    for (int i = 0; i < 40; ++i)
        EXPECT_EQ(client.answer().body,
                  std::to_string((i / 3) % 2) + " POST body " + std::to_string(i));
    client.end();
    EXPECT_EQ(client.read_to_end(), "<end>");
    EXPECT_TRUE(t.all_gone());
}

TEST_F(HandOver, ABodyThatComesLateFollows) {
    t.start(2);
    for (const size_t cut : {size_t(0), size_t(1), size_t(50'000)}) {
        Client client(t.port(0));
        const std::string body(100'000, 'x');
        client.send("POST /here?worker=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" +
                    body.substr(0, cut));
        EXPECT_TRUE(eventually([&] { return t.open_on(1) == 1; }));
        client.send(body.substr(cut) + get(0));
        EXPECT_EQ(client.answer().body, "1 POST " + body);
        EXPECT_EQ(client.answer().body, "0 GET ");
        client.close();
        EXPECT_TRUE(t.all_gone());
    }
}

TEST_F(HandOver, AnUpgradeMovesWithTheFramesBehindIt) {
    t.start(2);
    WsClient client(t.port(0), "/ws?worker=1");
    EXPECT_EQ(client.next(), "text(1)");
    client.send_text("hello");
    EXPECT_EQ(client.next(), "text(hello)");
    EXPECT_EQ(t.group.workers[1]->counters().websockets_open.get(), 1u);
}

TEST_F(HandOver, TlsMovesToo) {
    t.start(
        2, [](WorkerGroup&) {}, net::shared_context());
    for (const auto& [version, name] : net::versions) {
        Client socket(t.port(0));
        fake::TlsClient client(net::only(version));
        client.feed("");
        const auto talk_until = [&](std::string_view text) {
            while (client.plaintext().find(text) == std::string::npos) {
                socket.send(client.output());
                if (!socket.more()) return false;
                client.feed(std::exchange(socket.pending(), {}));
            }
            client.plaintext().clear();
            return true;
        };
        while (!client.established()) {
            socket.send(client.output());
            ASSERT_TRUE(socket.more()) << name;
            client.feed(std::exchange(socket.pending(), {}));
        }
        EXPECT_TRUE(client.write(get(1)));
        EXPECT_TRUE(talk_until("\r\n\r\n1 GET ")) << name;
        EXPECT_TRUE(client.write(get(0) + get(1)));
        EXPECT_TRUE(talk_until("\r\n\r\n1 GET ")) << name;
    }
    EXPECT_TRUE(t.all_gone());
}

TEST_F(HandOver, ClientsThatLeaveOnTheWayAreCountedOut) {
    t.start(2);
    for (int i = 0; i < 200; ++i) {
        Client client(t.port(i % 2 ? 1 : 0));
        client.send(get(i % 2 ? 0 : 1));
        if (i % 3 == 0) client.reset();
        if (i % 3 == 1) client.end();
    }
    EXPECT_TRUE(t.all_gone());
}

TEST_F(HandOver, ManyClientsGoBackAndForth) {
    t.start(2);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&, n] {
            Client client(t.port(size_t(n % 2)));
            for (int i = 0; i < 300; ++i)
                wrong += client.request(get(i % 2)).body != std::to_string(i % 2) + " GET ";
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_TRUE(t.all_gone());
}

// Each connection ends at any moment of its move, and its place is given back.
TEST_F(HandOver, AServerThatStopsClosesWhatIsOnTheWay) {
    t.start(2);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(std::make_unique<Client>(t.port(size_t(i % 2))));
        clients.back()->send(get(i % 2 ? 0 : 1, "/never"));
    }
    EXPECT_TRUE(t.events.wait_for("promised"));
    t.stop(true);
    t.group.workers.clear();
    EXPECT_EQ(t.group.connections.load(), 0u);
    for (auto& client : clients) EXPECT_FALSE(client->read_to_end().ends_with("<timeout>"));
}

}  // namespace
}  // namespace starling::server::test
