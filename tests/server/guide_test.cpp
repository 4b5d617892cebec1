// The samples of docs/http.md and docs/websocket.md: compiled, run, and compared with the guides.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/guide.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

// Samples that run for ever or need a folder are only compiled.
[[maybe_unused]] int first_sample() {
    starling::Server server({.listen = "127.0.0.1:8080", .workers = 2});
    server.get("/hello",
               [](const http::Request&, http::Response& response) { response.text("hello"); });
    server.files("/", "web");
    return server.run();
}

void http_samples(Server& server) {
    server.post("/users/:id", [](const http::Request& request, http::Response& response) {
        const std::string id(request.param("id"));
        const auto name = request.form("name");         // application/x-www-form-urlencoded body
        const auto verbose = request.query("verbose");  // ?verbose=1
        const auto session = request.cookie("session");
        if (!name || !session) {
            response.status(400).text("name and session are needed\n");
            return;
        }
        response.status(201)
            .header("Location", "/users/" + id)
            .text(*name + (verbose ? "!\n" : "\n"));
    });
    server.use("/admin", [](const http::Request& request, http::Response& response) {
        response.header("Cache-Control", "no-store");
        if (request.header("authorization") == "Bearer let-me-in") return http::Next::proceed;
        response.status(401).header("WWW-Authenticate", "Bearer").text("log in first\n");
        return http::Next::answer;
    });
    const auto page = std::make_shared<const std::string>("<h1>hello</h1>");
    server.get("/page", [page](const http::Request&, http::Response& response) {
        response.body(page, "text/html; charset=utf-8").cookie("seen", "1", {.max_age_s = 3600});
    });
    server.get("/slow", [&server](const http::Request&, http::Response& response) {
        server.after(50ms, [reply = response.later()] {
            http::Response answer;
            answer.text("computed elsewhere\n");
            reply.send(std::move(answer));
        });
    });
    struct Feed {
        std::mutex mutex;
        std::vector<http::Reply> replies;
    };
    const auto feed = std::make_shared<Feed>();
    server.get("/ticks", [feed](const http::Request&, http::Response& response) {
        response.header("Content-Type", "text/event-stream").header("Cache-Control", "no-store");
        const std::lock_guard lock(feed->mutex);
        feed->replies.push_back(response.later());
    });
    server.every(100ms, [feed] {
        const std::lock_guard lock(feed->mutex);
        std::erase_if(feed->replies, [](const http::Reply& reply) { return reply.closed(); });
        for (const auto& reply : feed->replies) (void)reply.write("data: tick\n\n");
    });
    server.cors(
        {.origins = {"https://app.example"}, .methods = {"GET", "POST"}, .credentials = true});
}

void body_samples(Server& server) {
    server.post(
        "/upload",
        http::Route{
            .body =
                [](const http::Request&, http::RequestBody) {
                    const auto bytes = std::make_shared<uint64_t>(0);
                    return http::BodyReader{
                        .bytes = [bytes](std::string_view piece) { *bytes += piece.size(); },
                        .end =
                            [bytes](http::Response& response) {
                                response.text(std::to_string(*bytes));
                            },
                    };
                },
            .body_bytes_max = 1'000'000'000,
            .request_timeout = 10min,
        });
    server.get("/numbers", [](const http::Request&, http::Response& response) {
        response.stream(
            [next = 0]() mutable -> std::optional<std::string> {
                if (next == 1'000) return std::nullopt;
                return std::to_string(next++) + "\n";
            },
            "text/plain");
    });
    server.post("/orders", [](const http::Request& request, http::Response& response) {
        const auto order = request.json();
        const auto* item = order.is_object() ? order.get_object().if_contains("item") : nullptr;
        if (!item || !item->is_string()) throw http::BadRequest("item: a text is needed");
        response.status(201).json(boost::json::object{{"ordered", *item}});
    });
    server.post("/photos", [](const http::Request& request, http::Response& response) {
        size_t bytes = 0;
        for (const http::FormPart& part : request.multipart({.parts_max = 10}))
            if (part.filename) bytes += part.body.size();
        response.text(std::to_string(bytes) + " bytes of files\n");
    });
    server.get("/report", [](const http::Request&, http::Response& response) {
        response.header("Content-Disposition", "attachment").file("/srv/reports/today.pdf");
    });
}

void websocket_samples(Server& server) {
    server.websocket("/echo", {
                                  .message = [](ws::Socket socket,
                                                ws::Message message) { socket.send(message); },
                              });
    struct User {
        std::string name;
    };
    server.websocket(
        "/feed",
        {
            .origins = {"https://app.example"},
            .subprotocols = {"v2", "v1"},
            .upgrade =
                [](ws::Upgrade& upgrade) {
                    const auto name = upgrade.request().query("name");
                    if (!name) return upgrade.refuse(401, "a name is needed");
                    upgrade.emplace_data<User>(*name);
                },
            .open = [](ws::Socket socket) { socket.send("welcome, " + socket.data<User>()->name); },
        });
    server.websocket(
        "/jobs", {
                     .message =
                         [&server](ws::Socket socket, ws::Message message) {
                             server.after(50ms, [socket, job = std::string(message.text())] {
                                 socket.send("done: " + job);  // Does nothing if the peer has left.
                             });
                         },
                 });
    server.websocket(
        "/room/:name",
        {
            .upgrade =
                [](ws::Upgrade& upgrade) {
                    upgrade.emplace_data<std::string>(upgrade.request().param("name"));
                },
            .open = [](ws::Socket socket) { socket.join(*socket.data<std::string>()); },
            .message =
                [](ws::Socket socket, ws::Message message) {
                    socket.publish(*socket.data<std::string>(), message);
                },
        });
    server.every(1s, [&server] { server.publish("lobby", "still open"); });
    std::vector<std::byte> picture(1000);
    server.websocket("/picture", {.open = [picture](ws::Socket socket) { socket.send(picture); }});
}

void flow_samples(Server& server) {
    struct Download {
        int left = 1000;
    };
    const auto pump = [](ws::Socket socket) {
        auto& left = socket.data<Download>()->left;
        while (left > 0 && socket.buffered_amount() < 100'000) {
            socket.send(std::string(10'000, 'x'));
            --left;
        }
    };
    server.websocket("/download", {
                                      .open =
                                          [pump](ws::Socket socket) {
                                              socket.emplace_data<Download>();
                                              pump(socket);
                                          },
                                      .drain = pump,
                                  });
    server.websocket("/import", {
                                    .message =
                                        [&server](ws::Socket socket, ws::Message message) {
                                            socket.pause();  // One at a time.
                                            server.after(
                                                1ms, [socket, row = std::string(message.text())] {
                                                    socket.send("stored: " + row);
                                                    socket.resume();
                                                });
                                        },
                                });
}

TEST(Guide, HttpSamplesDoWhatTheySay) {
    TestServer t;
    http_samples(t.server);
    body_samples(t.server);
    t.start();
    Client client(t.port());
    const auto post = [&](const std::string& fields) {
        return client.request(
            "POST /users/7?verbose=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n" +
            fields + "\r\nname=Ada");
    };
    EXPECT_EQ(post("").status, 400);
    const auto created = post("Cookie: session=1\r\n");
    EXPECT_EQ(created.body, "Ada!\n");
    EXPECT_TRUE(created.has("Location: /users/7\r\n"));
    EXPECT_EQ(client.get("/page").body, "<h1>hello</h1>");
    const auto send = [&](const std::string& path, const std::string& type,
                          const std::string& body) {
        return client.request("POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Type: " + type +
                              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                              body);
    };
    EXPECT_EQ(send("/orders", "application/json", R"({"item":"tea"})").body,
              R"({"ordered":"tea"})");
    EXPECT_EQ(send("/orders", "application/json", "{}").body,
              "400 Bad Request: item: a text is needed\n");
    EXPECT_EQ(
        send("/photos", "multipart/form-data; boundary=x",
             "--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n12345\r\n--x--")
            .body,
        "5 bytes of files\n");
    EXPECT_EQ(client.get("/report").status, 404);
    EXPECT_EQ(client.get("/admin/x").status, 401);
    const auto admin = client.get("/admin/x", "Authorization: Bearer let-me-in\r\n");
    EXPECT_EQ(admin.status, 404);
    EXPECT_TRUE(admin.has("Cache-Control: no-store\r\n"));
    EXPECT_EQ(send("/upload", "text/plain", "12345").body, "5");
    EXPECT_TRUE(client.get("/numbers").body.ends_with("\n999\n"));
    EXPECT_EQ(client.get("/slow").body, "computed elsewhere\n");
    client.send("GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(client.read_until("\r\n\r\n").find("text/event-stream"), std::string::npos);
    EXPECT_EQ(client.chunk(), "data: tick\n\n");
    EXPECT_EQ(client.chunk(), "data: tick\n\n");
    client.close();
    EXPECT_TRUE(t.all_gone());
}

TEST(Guide, WebSocketSamplesDoWhatTheySay) {
    TestServer t;
    websocket_samples(t.server);
    flow_samples(t.server);
    t.start();
    WsClient echo(t.port(), "/echo");
    echo.send_text("hi");
    EXPECT_EQ(echo.next(), "text(hi)");
    EXPECT_EQ(WsClient(t.port(), "/feed").handshake().status, 401);
    EXPECT_EQ(WsClient(t.port(), "/feed?name=Ada").next(), "text(welcome, Ada)");
    WsClient jobs(t.port(), "/jobs");
    jobs.send_text("a");
    EXPECT_EQ(jobs.next(), "text(done: a)");
    WsClient lobby(t.port(), "/room/lobby"), other(t.port(), "/room/lobby");
    EXPECT_EQ(lobby.next(), "text(still open)");
    other.send_text("hello");
    std::string heard = lobby.next();
    while (heard == "text(still open)") heard = lobby.next();  // A second has passed.
    EXPECT_EQ(heard, "text(hello)");
    EXPECT_EQ(WsClient(t.port(), "/picture").next(), "binary(" + std::string(1000, '\0') + ")");
    WsClient download(t.port(), "/download", "", 65536);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(download.frame().payload.size(), 10'000u);
    WsClient importing(t.port(), "/import");
    importing.send_text("a");
    importing.send_text("b");
    EXPECT_EQ(importing.next(), "text(stored: a)");
    EXPECT_EQ(importing.next(), "text(stored: b)");
}

TEST(Guide, EverySampleIsTheTextThatWasCompiled) {
    EXPECT_EQ(expect_compiled({"docs/http.md", "docs/websocket.md"}, "tests/server/guide_test.cpp"),
              19u);
}

}  // namespace
}  // namespace starling::server::test
