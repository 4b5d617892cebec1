// The gateway on two workers, with an application that is a server of this library: the order of webhooks, `close`
// once for each `open`, an application that comes late, a stop. The suites are named MultiWorker for the run under
// ThreadSanitizer.
#include <gtest/gtest.h>
#include <starling/gateway.h>
#include <unistd.h>

#include <boost/json.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

namespace json = boost::json;

// Records the webhooks of each connection as "open", "message 1", "close".
class Application {
public:
    explicit Application(ServerOptions options = {}) : server_(std::move(options)) {
        server_.server.post("/hook", [this](const http::Request& request, http::Response& answer) {
            if (refusals_left.load() > 0 && refusals_left.fetch_sub(1) > 0) {
                answer.status(503);
                return;
            }
            record(json::parse(std::string(request.body())).as_object());
        });
        server_.start();
    }

    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(server_.port()) + "/hook";
    }
    [[nodiscard]] size_t count(std::string_view action) const {
        const std::lock_guard lock(mutex_);
        const auto found = counts_.find(std::string(action));
        return found == counts_.end() ? 0 : found->second;
    }
    // "" where each connection's webhooks are `open`, messages 0 to each - 1, `close`; else one that is not.
    [[nodiscard]] std::string fault(size_t messages) const {
        std::string wanted = "open";
        for (size_t i = 0; i < messages; ++i) wanted += ", message " + std::to_string(i);
        wanted += ", close";
        const std::lock_guard lock(mutex_);
        for (const auto& [id, got] : by_connection_)
            if (got != wanted) return got;
        return "";
    }
    [[nodiscard]] size_t connections() const {
        const std::lock_guard lock(mutex_);
        return by_connection_.size();
    }
    [[nodiscard]] std::vector<std::string> ids() const {
        std::vector<std::string> ids;
        const std::lock_guard lock(mutex_);
        for (const auto& [id, got] : by_connection_) ids.push_back(id);
        return ids;
    }

    std::atomic<int> refusals_left{0};  // Requests that get 503 first.

private:
    void record(const json::object& body) {
        std::string what(body.at("action").as_string());
        const std::lock_guard lock(mutex_);
        ++counts_[what];
        if (what == "message") what += " " + std::to_string(body.at("data").at("n").as_int64());
        std::string& all = by_connection_[std::string(body.at("conn_id").as_string())];
        all.append(all.empty() ? "" : ", ").append(what);
    }

    mutable std::mutex mutex_;
    std::map<std::string, size_t> counts_;
    std::map<std::string, std::string> by_connection_;
    TestServer server_;  // The last member: its threads use the others until it has stopped.
};

gateway::Options options_of(const std::string& application) {
    gateway::Route route;
    route.application = application;
    // A busy machine is no slow application, and gives nothing up.
    route.webhook_timeout = route.connect_timeout = 1min;
    route.retry_for = route.close_retry_for = 1h;
    return {.routes = {route}, .api_keys = {"key"}};
}

struct GatewayServer : TestServer {
    explicit GatewayServer(const gateway::Options& options)
        : TestServer({.workers = 2}), gateway(server.gateway(options)) {
        start();
    }
    // Posts to the control API and returns the JSON of the answer.
    json::object post(std::string_view path, std::string_view body) {
        const Answer answer =
            answered("POST " + std::string(path) +
                     " HTTP/1.1\r\nHost: here\r\nX-Api-Key: key\r\n"
                     "Content-Type: application/json\r\nContent-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
        return json::parse(answer.body).as_object();
    }
    // A worker that stops closes a connection whose request does not come at once. Its client tries again.
    Answer answered(const std::string& request) {
        Answer answer;
        EXPECT_TRUE(
            eventually([&] { return (answer = Client(port()).request(request)).status != 0; }));
        return answer;
    }
    size_t connections(std::string_view path, std::string_view body) {
        return size_t(post(path, body).at("data").at("connections").as_int64());
    }
    gateway::Gateway& gateway;
};

std::string message(size_t n) { return "{\"n\":" + std::to_string(n) + "}"; }

std::unique_ptr<WsClient> enter(const TestServer& t, const std::string& user = "ada") {
    return std::make_unique<WsClient>(t.port(), "/ws", "X-Bfl-User: " + user + "\r\n");
}

TEST(GatewayKeys, AnEmptyKeyIsRefused) {
    Server server(ServerOptions{});
    EXPECT_THROW((void)server.gateway({.api_keys = {""}}), std::invalid_argument);
    EXPECT_THROW((void)server.gateway({.api_keys = {"key", ""}}), std::invalid_argument);
    gateway::Gateway& gateway = server.gateway({.api_keys = {"key"}});
    EXPECT_THROW(gateway.change_keys({"other", ""}), std::invalid_argument);
    gateway.change_keys({"other"});
}

TEST(MultiWorkerGateway, EachConnectionInOrderWithOneClose) {
    constexpr size_t clients_count = 1500, messages = 3;
    Application application;
    application.refusals_left = 500;  // Tried again, and still in order.
    GatewayServer t(options_of(application.url()));
    {
        std::vector<std::unique_ptr<WsClient>> clients;
        for (size_t i = 0; i < clients_count; ++i) {
            clients.push_back(enter(t, "user" + std::to_string(i % 50)));
            for (size_t n = 0; n < messages; ++n) clients.back()->send_text(message(n));
            if (i % 3 == 0) clients.back()->reset();
        }
        // A reset client may have been gone before all of its messages were read.
        EXPECT_TRUE(eventually([&] { return application.count("open") == clients_count; }));
    }
    EXPECT_TRUE(eventually([&] { return application.count("close") == clients_count; }));
    EXPECT_EQ(application.connections(), clients_count);
    EXPECT_TRUE(t.all_gone());
    EXPECT_TRUE(eventually([&] { return t.gateway.stats().queued_bytes == 0; }));
    EXPECT_EQ(t.gateway.stats().webhooks_given_up, 0u);
    EXPECT_GE(t.gateway.stats().webhooks_retried, 400u);
}

TEST(MultiWorkerGateway, MessagesOfAnOrderlyCloseAllArrive) {
    constexpr size_t clients_count = 300, messages = 5;
    Application application;
    GatewayServer t(options_of(application.url()));
    for (size_t i = 0; i < clients_count; ++i) {
        const auto client = enter(t);
        for (size_t n = 0; n < messages; ++n) client->send_text(message(n));
        client->send_close(1000);
        EXPECT_EQ(client->next(), "close(1000)");
    }
    EXPECT_TRUE(eventually([&] { return application.count("close") == clients_count; }));
    EXPECT_EQ(application.fault(messages), "");
}

// Clients enter and speak while no application is there; it gets everything once it is.
TEST(MultiWorkerGateway, AnApplicationThatComesLate) {
    constexpr size_t clients_count = 400, messages = 2;
    const std::string socket = "/tmp/starling-gateway-" + std::to_string(::getpid()) + ".sock";
    GatewayServer t(options_of("unix:" + socket + ":/hook"));
    {
        std::vector<std::unique_ptr<WsClient>> clients;
        for (size_t i = 0; i < clients_count; ++i) {
            clients.push_back(enter(t));
            ASSERT_EQ(clients.back()->handshake().status, 101);
            for (size_t n = 0; n < messages; ++n) clients.back()->send_text(message(n));
            if (i % 2 == 0) {
                clients.back()->send_close(1000);
                EXPECT_EQ(clients.back()->next(), "close(1000)");
            }
        }
        EXPECT_GT(t.gateway.stats().queued_bytes, 0u);
        Application application({.listen = "unix:" + socket});
        EXPECT_TRUE(eventually([&] { return application.count("open") == clients_count; }));
        EXPECT_TRUE(
            eventually([&] { return application.count("message") == clients_count * messages; }));
        for (const auto& client : clients) client->close();
        EXPECT_TRUE(eventually([&] { return application.count("close") == clients_count; }));
        EXPECT_EQ(application.fault(messages), "");
    }
    ::unlink(socket.c_str());
}

// A request under way holds a copy of the body: the budget counts it too.
TEST(MultiWorkerGateway, RequestsUnderWayAreNotFree) {
    constexpr size_t clients_count = 3, body_bytes = 100;
    std::mutex mutex;
    std::vector<http::Reply> held;
    TestServer application;
    application.server.post("/hook", [&](const http::Request&, http::Response& answer) {
        const std::lock_guard lock(mutex);
        held.push_back(answer.later());
    });
    application.start();
    GatewayServer t(options_of("http://127.0.0.1:" + std::to_string(application.port()) + "/hook"));
    std::vector<std::unique_ptr<WsClient>> clients;
    for (size_t i = 0; i < clients_count; ++i) clients.push_back(enter(t));
    // The data of `open` is not queued: what counts is under way.
    EXPECT_TRUE(
        eventually([&] { return t.gateway.stats().queued_bytes > clients_count * body_bytes; }));
    const auto answer_all = [&] {
        const std::lock_guard lock(mutex);
        for (const http::Reply& reply : held) reply.send(http::Response());
        held.clear();
    };
    EXPECT_TRUE(eventually([&] {
        answer_all();
        return t.gateway.stats().queued_bytes == 0;
    }));
    for (const auto& client : clients) client->close();
    EXPECT_TRUE(eventually([&] {
        answer_all();
        return t.gateway.stats().connections_open == 0 && t.gateway.stats().queued_bytes == 0;
    }));
}

// The stop closes the clients with 1001 and waits until the application has every `close`.
TEST(MultiWorkerGateway, AStopDeliversWhatWaits) {
    constexpr size_t clients_count = 200, messages = 2;
    Application application;
    std::vector<std::unique_ptr<WsClient>> clients;
    {
        GatewayServer t(options_of(application.url()));
        for (size_t i = 0; i < clients_count; ++i) clients.push_back(enter(t));
        EXPECT_TRUE(eventually([&] { return application.count("open") == clients_count; }));
        application.refusals_left = 300;
        for (const auto& client : clients)
            for (size_t n = 0; n < messages; ++n) client->send_text(message(n));
        // A stop closes with 1001 and reads nothing more: what counts is what was read.
        EXPECT_TRUE(
            eventually([&] { return t.stats().messages_received == clients_count * messages; }));
        t.server.stop();
        for (const auto& client : clients) {
            EXPECT_EQ(client->next(), "close(1001 the server is stopping)");
            client->send_close(1001);
        }
        t.server.wait();
    }
    EXPECT_EQ(application.count("close"), clients_count);
    EXPECT_EQ(application.fault(messages), "");
}

TEST(MultiWorkerGateway, ControlRequestsReachBothWorkers) {
    Application application;
    GatewayServer t(options_of(application.url()));
    std::vector<std::unique_ptr<WsClient>> clients;
    for (size_t i = 0; i < 40; ++i) clients.push_back(enter(t, i % 2 == 0 ? "ada" : "bob"));
    EXPECT_TRUE(eventually([&] { return application.count("open") == clients.size(); }));

    EXPECT_EQ(t.connections("/tapr/ws/conn/send", R"({"payload":{"a": 1},"users":["ada"]})"), 20u);
    for (size_t i = 0; i < clients.size(); i += 2)
        EXPECT_EQ(clients[i]->next(), R"(text({"a": 1}))");

    EXPECT_EQ(t.connections("/tapr/ws/topic/join", R"({"topic":"news","users":["bob"]})"), 20u);
    EXPECT_EQ(t.connections("/tapr/ws/topic/publish", R"({"topic":"news","text":"hi"})"), 20u);
    EXPECT_EQ(t.connections("/tapr/ws/topic/leave", R"({"topic":"news","users":["bob"]})"), 20u);
    EXPECT_EQ(t.server.subscribers("news"), 0u);
    for (const std::string& id : application.ids())
        EXPECT_EQ(
            t.connections("/tapr/ws/topic/join", R"({"topic":"news","conns":[")" + id + R"("]})"),
            1u);
    EXPECT_EQ(t.server.subscribers("news"), clients.size());
    const std::vector<std::string> ids = application.ids();
    EXPECT_EQ(t.connections("/tapr/ws/topic/publish", R"({"topic":"news","text":"hi","except":[")" +
                                                          ids[0] + R"(",")" + ids[1] + R"("]})"),
              clients.size() - 2);

    for (const std::string& id : application.ids())
        EXPECT_EQ(
            t.connections("/tapr/ws/conn/send", R"({"payload":null,"conn_id":")" + id + R"("})"),
            1u);
    EXPECT_EQ(t.connections("/tapr/ws/conn/close", R"({"users":["ada","bob"]})"), clients.size());
    for (const auto& client : clients) {
        std::string got;
        while (!(got = client->next()).starts_with("close") && !got.starts_with("<")) {}
        EXPECT_EQ(got, "close(1000)");
        client->send_close(1000);
    }
    EXPECT_TRUE(eventually([&] { return application.count("close") == clients.size(); }));
}

// An address for the control API alone: clients do not come by it, and the API by no other.
TEST(MultiWorkerGateway, AnAddressForTheControlApiAlone) {
    TestServer t({.listen = {{.address = "127.0.0.1:0"},
                             {.address = "127.0.0.1:0", .serves = Listen::Serves::control}},
                  .workers = 2});
    t.server.get("/page",
                 [](const http::Request&, http::Response& response) { response.text(""); });
    (void)t.server.gateway(options_of(""));
    t.start();
    const std::string control = t.server.addresses().back();
    const auto control_port = uint16_t(std::stoul(control.substr(control.rfind(':') + 1)));
    const auto status = [](uint16_t port, std::string_view path) {
        return Client(port).get(path, "X-Api-Key: key\r\n").status;
    };
    EXPECT_EQ(status(t.port(), "/page"), 200);
    EXPECT_EQ(status(t.port(), "/tapr/ws/conn/list"), 404);
    EXPECT_EQ(status(control_port, "/tapr/ws/conn/list"), 200);
    EXPECT_EQ(status(control_port, "/tapr/ws/conn/send"), 405);
    EXPECT_EQ(status(control_port, "/page"), 404);
    EXPECT_EQ(WsClient(control_port, "/ws").handshake().status, 404);
    EXPECT_EQ(WsClient(t.port(), "/ws").handshake().status, 101);
}

// While the stop waits for the application, the control API answers and new clients get 503.
TEST(MultiWorkerGateway, TheControlApiAnswersWhileTheServerStops) {
    Application application;
    GatewayServer t(options_of(application.url()));
    const auto client = enter(t);
    EXPECT_TRUE(eventually([&] { return application.count("open") == 1; }));
    application.refusals_left = 1'000'000;  // `close` is tried again, and the stop waits for it.
    t.server.stop();
    EXPECT_EQ(client->next(), "close(1001 the server is stopping)");
    client->send_close(1001);
    EXPECT_EQ(t.connections("/tapr/ws/conn/send", R"({"text":"x","users":["ada"]})"), 0u);
    EXPECT_EQ(t.answered(upgrade_request("/ws")).status, 503);
    EXPECT_EQ(t.answered("GET /other HTTP/1.1\r\nHost: here\r\n\r\n").status, 503);
    application.refusals_left = 0;
    t.server.wait();
    EXPECT_EQ(application.fault(0), "");
}

// Pages of the list, over both workers, while other clients come and go.
TEST(MultiWorkerGateway, TheListInPages) {
    Application application;
    GatewayServer t(options_of(application.url()));
    std::vector<std::unique_ptr<WsClient>> clients;
    constexpr size_t count = 700;  // More than a worker collects at a time.
    for (size_t i = 0; i < count; ++i) clients.push_back(enter(t, "user" + std::to_string(i % 7)));
    EXPECT_TRUE(eventually([&] { return t.gateway.stats().connections_open == count; }));

    std::map<std::string, size_t> by_user;
    std::string cursor, last;
    size_t pages = 0;
    do {
        Client client(t.port());
        const Answer answer =
            client.get("/tapr/ws/conn/list?limit=300" + (cursor.empty() ? "" : "&cursor=" + cursor),
                       "X-Api-Key: key\r\n");
        ASSERT_EQ(answer.status, 200);
        const json::object page = json::parse(answer.body).as_object();
        for (const json::value& user : page.at("data").as_array()) {
            const std::string name(user.at("name").as_string());
            EXPECT_LE(last, name);
            last = name;
            by_user[name] += user.at("public_conns").as_array().size();
            EXPECT_EQ(user.at("conns_number").as_int64(), 0);
        }
        cursor = page.contains("cursor") ? std::string(page.at("cursor").as_string()) : "";
        ++pages;
    } while (!cursor.empty());
    EXPECT_EQ(pages, 3u);
    EXPECT_EQ(by_user.size(), 7u);
    for (const auto& [name, number] : by_user) EXPECT_EQ(number, count / 7) << name;
}

}  // namespace
}  // namespace starling::server::test
