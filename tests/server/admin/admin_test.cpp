// The admin listener of a real server: metrics, the API, and a connection that is followed.
#include <gtest/gtest.h>
#include <starling/admin.h>
#include <starling/json.h>

#include <boost/json.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

namespace json = boost::json;

struct Observed : TestServer {
    explicit Observed(admin::Options options = {}, unsigned workers = 2, Limits limits = {})
        : TestServer({.workers = workers, .limits = std::move(limits)}) {
        options.listen = "127.0.0.1:0";
        server.websocket("/echo", {.message = [](ws::Socket socket, ws::Message message) {
                             if (message.text() == "join") socket.join("news");
                             socket.send(message);
                         }});
        server.socketio();
        admin = &admin::serve(server, std::move(options));
        start();
    }
    [[nodiscard]] uint16_t admin_port() const {
        const std::string address = admin->addresses().front();
        return static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    }
    [[nodiscard]] std::string key_field() const { return "X-Api-Key: " + admin->key() + "\r\n"; }
    Answer ask(std::string_view path, std::string_view fields = "") {
        Client client(admin_port());
        return client.request("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
                              key_field() + std::string(fields) + "\r\n");
    }
    Answer post(std::string_view path, const std::string& body) {
        Client client(admin_port());
        return client.request("POST " + std::string(path) +
                              " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
                              key_field() + "Content-Length: " + std::to_string(body.size()) +
                              "\r\n\r\n" + body);
    }
    // A list lacks what a worker of a busy machine has not told within 2 s: then once more.
    json::object get(std::string_view path) {
        json::object got;
        EXPECT_TRUE(eventually([&] {
            const Answer answer = ask(path);
            EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
            got = parse_json(answer.body).value_or(json::object()).as_object();
            const json::value* const complete = got.if_contains("complete");
            return !complete || complete->as_bool();
        }));
        return got;
    }
    // Of connections of kind websocket.
    json::array websockets() {
        return get("/admin/api/connections?kind=websocket").at("connections").as_array();
    }
    std::string only_id() {
        std::string id;
        EXPECT_TRUE(eventually([&] {
            const json::array found = websockets();
            if (found.size() != 1) return false;
            id = found[0].at("id").as_string();
            return true;
        }));
        return id;
    }

    const admin::Admin* admin;
};

TEST(Admin, ServesMetricsInBothFormats) {
    Observed t;
    WsClient client(t.port(), "/echo");
    client.send_text("hello");
    EXPECT_EQ(client.next(), "text(hello)");
    const auto shows = [&](std::string_view line) {
        return eventually([&] { return t.ask("/metrics").body.find(line) != std::string::npos; });
    };
    EXPECT_TRUE(shows("starling_messages_total{direction=\"in\"} 1\n"));
    EXPECT_TRUE(shows("starling_connections{kind=\"websocket\"} 1\n"));
    EXPECT_TRUE(shows("starling_workers 2\n"));
    const Answer plain = t.ask("/metrics");
    EXPECT_TRUE(plain.has("Content-Type: text/plain; version=0.0.4"));
    EXPECT_NE(plain.body.find("starling_loop_lag_seconds_bucket{worker=\"1\",le=\"+Inf\"}"),
              std::string::npos);
    const Answer open = t.ask("/metrics", "Accept: application/openmetrics-text\r\n");
    EXPECT_TRUE(open.has("Content-Type: application/openmetrics-text"));
    EXPECT_TRUE(open.body.ends_with("# EOF\n"));
    // The public address knows nothing of all this.
    EXPECT_EQ(Client(t.port()).get("/metrics").status, 404);
    EXPECT_EQ(Client(t.port()).get("/admin/api/stats").status, 404);
}

TEST(Admin, CountsClosesAndRefusals) {
    Observed t;
    {
        WsClient client(t.port(), "/echo");
        client.send_close(4001);
        EXPECT_EQ(client.next(), "close(4001)");
    }
    EXPECT_EQ(WsClient(t.port(), "/echo", "Origin: https://evil.example\r\n").handshake().status,
              403);
    EXPECT_TRUE(eventually([&] {
        const std::string text = t.ask("/metrics").body;
        return text.find("starling_websocket_closes_total{code=\"4xxx\"} 1\n") !=
                   std::string::npos &&
               text.find(
                   "starling_handshakes_refused_total{kind=\"websocket\",reason=\"origin\"} 1\n") !=
                   std::string::npos;
    }));
}

TEST(Admin, FindsConnectionsPageByPage) {
    Observed t;
    std::vector<std::unique_ptr<WsClient>> clients;
    for (int i = 0; i < 7; ++i) clients.push_back(std::make_unique<WsClient>(t.port(), "/echo"));
    clients[2]->send_text("join");
    EXPECT_EQ(clients[2]->next(), "text(join)");
    EXPECT_EQ(t.websockets().size(), 7u);
    EXPECT_EQ(t.get("/admin/api/connections?room=news").at("connections").as_array().size(), 1u);
    EXPECT_EQ(t.get("/admin/api/connections?path=/ec&address=127.0.0.1")
                  .at("connections")
                  .as_array()
                  .size(),
              7u);
    EXPECT_EQ(t.get("/admin/api/connections?user=ada").at("connections").as_array().size(), 0u);
    std::set<std::string> ids;
    std::string cursor;
    for (int pages = 0; pages < 10; ++pages) {
        const json::object page = t.get("/admin/api/connections?limit=2" + cursor);
        EXPECT_LE(page.at("connections").as_array().size(), 2u);
        for (const auto& one : page.at("connections").as_array())
            ids.insert(std::string(one.at("id").as_string()));
        if (!page.contains("next")) break;
        cursor = "&cursor=" + std::string(page.at("next").as_string());
    }
    EXPECT_EQ(ids.size(), 7u);
    EXPECT_EQ(t.get("/admin/api/connections/" + *ids.begin()).at("path").as_string(), "/echo");
    const json::object rooms = t.get("/admin/api/rooms?kind=topic");
    ASSERT_EQ(rooms.at("rooms").as_array().size(), 1u);
    EXPECT_EQ(rooms.at("rooms").as_array()[0].at("name").as_string(), "news");
}

TEST(Admin, WrongRequestsSayWhy) {
    Observed t;
    const std::pair<std::string_view, int> gets[] = {
        {"/admin/api/connections?limit=0", 400},  {"/admin/api/connections?limit=1001", 400},
        {"/admin/api/connections?cursor=x", 400}, {"/admin/api/connections/x", 400},
        {"/admin/api/connections/0-1-99", 404},   {"/admin/api/connections/99-1-1", 404},
        {"/admin/api/rooms?limit=many", 400},     {"/admin/api/unknown", 404},
    };
    for (const auto& [path, status] : gets) EXPECT_EQ(t.ask(path).status, status) << path;
    const std::tuple<std::string_view, std::string, int> posts[] = {
        {"/admin/api/disconnect", "{}", 400},
        {"/admin/api/disconnect", "not JSON", 400},
        {"/admin/api/disconnect", R"({"id":"0-1-99"})", 404},
        {"/admin/api/disconnect", R"({"id":"0-1-99","code":1001})", 400},
        {"/admin/api/send", R"({"id":"0-1-99"})", 400},
        {"/admin/api/publish", R"({"text":"x"})", 400},
        {"/admin/api/publish", R"({"channel":"c","text":"x"})", 404},
    };
    for (const auto& [path, body, status] : posts)
        EXPECT_EQ(t.post(path, body).status, status) << path << " " << body;
}

TEST(Admin, SendsPublishesAndDisconnects) {
    Observed t;
    WsClient client(t.port(), "/echo");
    client.send_text("join");
    EXPECT_EQ(client.next(), "text(join)");
    const std::string id = t.only_id();
    EXPECT_EQ(t.post("/admin/api/send", R"({"id":")" + id + R"(","text":"hello"})").status, 200);
    EXPECT_EQ(client.next(), "text(hello)");
    EXPECT_EQ(t.post("/admin/api/publish", R"({"topic":"news","text":"all"})").status, 200);
    EXPECT_EQ(client.next(), "text(all)");
    EXPECT_EQ(
        t.post("/admin/api/disconnect", R"({"id":")" + id + R"(","code":4000,"reason":"bye"})")
            .status,
        200);
    EXPECT_EQ(client.next(), "close(4000 bye)");
}

// The WebSocket of the admin page.
class Page {
public:
    explicit Page(const Observed& observed) : client_(observed.admin_port()) {
        std::string request = upgrade_request("/admin/live");
        request.replace(request.find("Host: here\r\n"), 12,
                        "Host: localhost\r\n" + observed.key_field());
        EXPECT_EQ(client_.request(request).status, 101);
    }
    void ask(std::string_view text) { client_.send(masked_frame(ws::Opcode::text, text)); }
    // The next message that is no sample.
    json::object next() {
        for (;;) {
            const std::string head = client_.read(2);
            size_t size = uint8_t(head[1]);
            if (size == 126) {
                const std::string length = client_.read(2);
                size = size_t(uint8_t(length[0])) << 8 | uint8_t(length[1]);
            }
            json::object message = parse_json(client_.read(size))->as_object();
            if (!message.contains("sample")) return message;
        }
    }

private:
    Client client_;
};

TEST(Admin, APageFollowsAConnection) {
    Observed t({.payloads = true});
    WsClient client(t.port(), "/echo");
    const std::string id = t.only_id();
    WsClient foreign(t.admin_port(), "/admin/live", "Origin: http://here\r\n" + t.key_field());
    EXPECT_EQ(foreign.handshake().status, 403);  // "here" is no host of the admin listener.
    Page page(t);
    page.ask(R"({"follow":")" + id + R"("})");
    EXPECT_EQ(page.next().at("followed").as_string(), id);
    client.send_text("hello");
    EXPECT_EQ(client.next(), "text(hello)");
    EXPECT_EQ(json::serialize(page.next()),
              R"({"message":{"id":")" + id +
                  R"(","direction":"in","bytes":5,"binary":false,"text":"hello"}})");
    EXPECT_EQ(page.next().at("message").at("direction").as_string(), "out");
    page.ask(R"({"unfollow":")" + id + R"("})");
    page.ask("what");
    EXPECT_TRUE(page.next().contains("error"));
    client.send_close(1000);
    EXPECT_EQ(client.next(), "close(1000)");
    EXPECT_TRUE(t.all_gone());
}

// A page follows 20 at most: so 5 more can be followed only because the first ones have ended. All
// are opened, listed and closed at once, since each round trip costs time on a busy machine.
TEST(Admin, AFollowEndsWithItsConnection) {
    Observed t;
    Page page(t);
    constexpr size_t follows_max = 20, more = 5;
    const auto follow = [&](const json::array& found, size_t count) {
        for (size_t i = 0; i < count; ++i)
            page.ask(R"({"follow":)" + json::serialize(found.at(i).at("id")) + "}");
    };
    const auto opened = [&](std::vector<std::unique_ptr<WsClient>>& clients, size_t count) {
        for (size_t i = 0; i < count; ++i) {
            clients.push_back(std::make_unique<WsClient>(t.port(), "/echo"));
            EXPECT_EQ(clients.back()->handshake().status, 101);
        }
        json::array found = t.websockets();
        EXPECT_EQ(found.size(), count);
        return found;
    };
    std::vector<std::unique_ptr<WsClient>> first, second;
    follow(opened(first, follows_max + 1), follows_max + 1);
    size_t followed = 0, refused = 0;  // The refusal needs no round trip, so it may come first.
    for (size_t i = 0; i <= follows_max; ++i)
        ++(page.next().contains("error") ? refused : followed);
    EXPECT_EQ(followed, follows_max);
    EXPECT_EQ(refused, 1u);
    for (const auto& client : first) client->send_close(1000);
    for (const auto& client : first) EXPECT_EQ(client->next(), "close(1000)");
    for (size_t i = 0; i < follows_max; ++i) EXPECT_TRUE(page.next().contains("closed"));
    first.clear();
    EXPECT_TRUE(t.all_gone());
    follow(opened(second, more), more);
    for (size_t i = 0; i < more; ++i) EXPECT_TRUE(page.next().contains("followed"));
}

// Of a session of Socket.IO no packet may be left out, so it ends: also while a page follows it.
TEST(Admin, AFollowDoesNotChangeWhatExcessGets) {
    Observed t({}, 1, {.messages = {.per_second = 1, .burst = 5}, .excess = Limits::Excess::drop});
    WsClient client(t.port(), "/socket.io/?EIO=4&transport=websocket");
    EXPECT_TRUE(client.next().starts_with("text(0{"));
    const json::object found = t.get("/admin/api/connections?kind=socketio");
    const std::string id(found.at("connections").as_array().at(0).at("id").as_string());
    Page page(t);
    page.ask(R"({"follow":")" + id + R"("})");
    EXPECT_TRUE(page.next().contains("followed"));
    std::string frames = masked_frame(ws::Opcode::text, "40");
    for (int i = 0; i < 50; ++i) frames += masked_frame(ws::Opcode::text, "42[\"e\"]");
    client.send(frames);
    EXPECT_TRUE(eventually([&] { return t.stats().websockets_open == 0; }));
}

// Without this, a connection would stay followed by nobody.
TEST(Admin, AFollowThatComesTooLateIsNone) {
    Observed t({}, 1);
    WsClient client(t.port(), "/echo");
    const std::string id = t.only_id();
    Page page(t);
    std::promise<void> go_on;
    t.server.post([until = go_on.get_future().share()] { until.wait(); });
    page.ask(R"({"follow":")" + id + R"("})");
    EXPECT_TRUE(page.next().contains("closed"));  // After the time for an answer.
    go_on.set_value();
    client.send_text("hello");
    EXPECT_EQ(client.next(), "text(hello)");
    page.ask("what");
    EXPECT_TRUE(page.next().contains("error"));  // No message was shown before it.
}

TEST(Admin, AnswersWhileAWorkerIsStuck) {
    Observed t({}, 1);
    std::promise<void> go_on;
    std::promise<void> stuck;
    t.server.post([&] {
        stuck.set_value();
        go_on.get_future().wait();
    });
    stuck.get_future().wait();
    EXPECT_TRUE(eventually([&] {
        const json::object workers = t.get("/admin/api/workers");
        return workers.at("workers").as_array()[0].at("unresponsive_us").to_number<uint64_t>() >
               1'000'000;
    }));
    EXPECT_EQ(t.ask("/metrics").status, 200);
    go_on.set_value();
    EXPECT_TRUE(eventually([&] {
        const json::object workers = t.get("/admin/api/workers");
        return workers.at("workers").as_array()[0].at("unresponsive_us").to_number<uint64_t>() == 0;
    }));
}

TEST(Admin, KeepsTheNewestErrors) {
    Observed t;
    t.server.post([] { throw std::runtime_error("boom"); });
    EXPECT_TRUE(eventually([&] {
        const json::array errors = t.get("/admin/api/errors").at("errors").as_array();
        return errors.size() == 1 && errors[0].at("level").as_string() == "error" &&
               errors[0].at("fields").at("what").as_string() == "boom";
    }));
}

TEST(Admin, ErrorsAreReadableWhateverTheirText) {
    Observed t;
    t.server.post([] { throw std::runtime_error("boom \xc3("); });
    t.server.post([] { throw std::runtime_error(std::string(511, 'x') + "\u00e9"); });
    t.server.post([] { throw std::runtime_error(std::string(600, '\xff')); });
    json::array errors;
    EXPECT_TRUE(eventually([&] {
        errors = t.get("/admin/api/errors").at("errors").as_array();
        return errors.size() == 3;
    }));
    std::set<std::string> texts;
    for (const auto& error : errors)
        texts.insert(std::string(error.at("fields").at("what").as_string()));
    EXPECT_TRUE(texts.contains("boom \ufffd("));
    EXPECT_TRUE(texts.contains(std::string(511, 'x')));
    std::string repaired;
    for (int i = 0; i < 170; ++i) repaired += "\ufffd";
    EXPECT_TRUE(texts.contains(repaired));
}

TEST(Admin, MakesAKeyWhereNoneIsSet) {
    Observed t;
    EXPECT_GE(t.admin->key().size(), 20u);
    const auto status = [&t](std::string_view path, std::string_view fields) {
        Client client(t.admin_port());
        return client
            .request("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
                     std::string(fields) + "\r\n")
            .status;
    };
    EXPECT_EQ(status("/admin/api/stats", ""), 401);
    EXPECT_EQ(status("/admin/live", ""), 401);
    EXPECT_EQ(status("/admin/api/stats", t.key_field()), 200);
    EXPECT_EQ(status("/metrics", ""), 200);
    EXPECT_EQ(status("/metrics", "X-Forwarded-For: 192.0.2.7\r\n"), 401);
    Observed other({.key = "secret"});
    EXPECT_EQ(other.admin->key(), "secret");
    EXPECT_EQ(Client(other.admin_port()).get("/metrics").status, 403);  // Its Host is "here".
    EXPECT_EQ(other.ask("/metrics").status, 200);
}

TEST(Admin, WantsAKeyBeyondLoopback) {
    TestServer t;
    EXPECT_THROW(admin::serve(t.server, {.listen = "0.0.0.0:0"}), std::invalid_argument);
    admin::serve(t.server, {.listen = "127.0.0.1:0", .key = "secret"});
    EXPECT_THROW(admin::serve(t.server, {.listen = "127.0.0.1:0"}), std::logic_error);
}

TEST(Admin, ATakenAddressStopsTheStartUnlessItIsOptional) {
    Observed first;
    const std::string taken = first.admin->addresses().front();
    TestServer second;
    admin::serve(second.server, {.listen = taken});
    EXPECT_THROW(second.server.start(), std::runtime_error);
    TestServer third;
    const admin::Admin& without = admin::serve(third.server, {.listen = taken, .required = false});
    third.start();
    EXPECT_TRUE(without.addresses().empty());
}

// The rights are given up first (Server::on_bound()), so nobody is served with them.
TEST(Admin, ServesNobodyBeforeTheServerIsBound) {
    TestServer t;
    const admin::Admin& admin = admin::serve(t.server, {.listen = "127.0.0.1:0"});
    std::string early = "not asked";
    t.server.on_bound([&] {
        const std::string address = admin.addresses().front();
        Client client(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        pollfd answer{client.fd(), POLLIN, 0};
        early = ::poll(&answer, 1, 100) == 0 ? "" : "answered";
    });
    t.start();
    EXPECT_EQ(early, "");
    const std::string address = admin.addresses().front();
    Client client(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    EXPECT_EQ(client.request("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}

}  // namespace
}  // namespace starling::server::test
