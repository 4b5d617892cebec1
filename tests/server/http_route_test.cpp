// Routes with options, middleware before routes, bodies that are read and written in pieces.
#include <gtest/gtest.h>
#include <starling/multipart.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using http::Next;
using http::Request;
using http::Response;

std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// ---- middleware ---------------------------------------------------------------------------------

TEST(HttpMiddleware, RunsInOrderForItsPrefixBeforeWhateverServesThePath) {
    TestServer t;
    const auto step = [&t](std::string name) {
        return [&t, name](const Request& request, Response& response) {
            t.events.add(name);
            response.add_header("X-Step", name);
            return request.query("stop") == name
                       ? (response.status(401).text("stopped by " + name), Next::answer)
                       : Next::proceed;
        };
    };
    t.server.use("/", step("all"));
    t.server.use("/admin/", step("admin"));
    t.server.use("/admin", step("last"));
    t.server.get("/", [](const Request&, Response& response) { response.text("root"); });
    t.server.get("/admin", [](const Request&, Response& response) { response.text("admin"); });
    t.server.get("/administrator", [](const Request&, Response& response) { response.text("no"); });
    t.server.post("/admin/:id", [&t](const Request& request, Response& response) {
        t.events.add("handler");
        response.text(std::string(request.body()));
    });
    t.server.websocket("/admin/ws", {.open = [](ws::Socket socket) { socket.send("open"); }});
    t.start();
    Client client(t.port());
    const auto steps = [](const Answer& answer) {
        std::string names;
        for (size_t at = 0; (at = answer.head.find("X-Step: ", at)) != std::string::npos;) {
            at += 8;
            names += answer.head.substr(at, answer.head.find('\r', at) - at) + " ";
        }
        return names;
    };
    EXPECT_EQ(steps(client.get("/")), "all ");
    EXPECT_EQ(steps(client.get("/administrator")), "all ");
    EXPECT_EQ(steps(client.get("/none")), "all ");  // Also before 404.
    EXPECT_EQ(steps(client.get("/admin")), "all admin last ");
    EXPECT_EQ(steps(client.get("/%61dmin")), "all admin last ");
    EXPECT_EQ(steps(client.get("/admin%2fx")), "all admin last ");
    EXPECT_EQ(client.get("/admin").body, "admin");
    const auto stopped = client.get("/admin?stop=admin");
    EXPECT_EQ(stopped.status, 401);
    EXPECT_EQ(stopped.body, "stopped by admin");
    EXPECT_EQ(steps(stopped), "all admin ");
    // Runs at the head of a request with a body, once, and the connection goes on.
    const auto posted = client.request(post("/admin/7", "the body"));
    EXPECT_EQ(posted.body, "the body");
    EXPECT_EQ(steps(posted), "all admin last ");
    EXPECT_EQ(client.get("/").body, "root");
    // The answer comes before the body, which is not read.
    const auto refused = client.request(
        "POST /admin/7?stop=all HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
    EXPECT_EQ(refused.status, 401);
    EXPECT_TRUE(refused.has("Connection: close\r\n"));
    EXPECT_EQ(t.events.count("handler"), 1u);
    // An upgrade.
    WsClient socket(t.port(), "/admin/ws");
    EXPECT_EQ(steps(socket.handshake()), "all admin last ");
    EXPECT_EQ(socket.next(), "text(open)");
    EXPECT_EQ(WsClient(t.port(), "/admin/ws?stop=last").handshake().status, 401);
}

TEST(HttpMiddleware, ItsFieldsAreOnEveryAnswerAndItsExceptionsAreAnswers) {
    TestServer t;
    t.server.cors({.origins = {"https://a.example"}});
    t.server.use("/", [](const Request& request, Response& response) {
        response.header("X-Frame-Options", "DENY").cookie("seen", "1");
        if (request.query("bad")) throw http::BadRequest("no", 403);
        if (request.query("broken")) throw std::runtime_error("broken");
        return Next::proceed;
    });
    t.server.get("/own", [](const Request&, Response& response) {
        response.header("X-Frame-Options", "SAMEORIGIN").cookie("own", "2").text("own");
    });
    t.server.get("/throws", [](const Request&, Response&) { throw std::runtime_error("x"); });
    t.server.get("/later", [&t](const Request&, Response& response) {
        t.server.after(0ms, [reply = response.later()] {
            Response answer;
            answer.text("later");
            reply.send(std::move(answer));
        });
    });
    EXPECT_THROW(t.server.use("x", [](const Request&, Response&) { return Next::proceed; }),
                 std::invalid_argument);
    EXPECT_THROW(t.server.use("/", {}), std::invalid_argument);
    t.start();
    Client client(t.port());
    const auto own = client.get("/own");
    EXPECT_TRUE(own.has("X-Frame-Options: SAMEORIGIN\r\n"));
    EXPECT_FALSE(own.has("DENY"));
    EXPECT_EQ(own.head.find("Set-Cookie: seen"), own.head.rfind("Set-Cookie: seen"));
    EXPECT_TRUE(own.has("Set-Cookie: seen=1"));
    EXPECT_TRUE(own.has("Set-Cookie: own=2"));
    for (const char* path : {"/throws", "/later", "/none"}) {
        const auto answer = client.get(path);
        EXPECT_TRUE(answer.has("X-Frame-Options: DENY\r\n")) << path;
        EXPECT_TRUE(answer.has("Set-Cookie: seen=1")) << path;
    }
    EXPECT_EQ(client.get("/own?bad=1").body, "403 Forbidden: no\n");
    EXPECT_EQ(client.get("/own?broken=1").status, 500);
    // A preflight has no login: the CORS rules answer it.
    EXPECT_EQ(client
                  .request("OPTIONS /own?bad=1 HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n"
                           "Access-Control-Request-Method: GET\r\n\r\n")
                  .status,
              204);
}

TEST(HttpMiddleware, MayAnswerLater) {
    TestServer t;
    t.server.use("/", [&t](const Request&, Response& response) {
        t.server.after(0ms, [reply = response.later()] {
            Response answer;
            answer.status(402).text("later");
            reply.send(std::move(answer));
        });
        return Next::answer;
    });
    t.server.post("/", [](const Request&, Response& response) { response.text("never"); });
    t.start();
    EXPECT_EQ(Client(t.port()).get("/").status, 402);
    Client client(t.port());
    EXPECT_EQ(client.request(post("/", std::string(100'000, 'x'))).status, 402);
}

// ---- options ------------------------------------------------------------------------------------

TEST(HttpRoute, HasLimitsOfItsOwn) {
    TestServer t({.http = {.body_bytes_max = 1000}});
    const auto echo = [](const Request& request, Response& response) {
        response.text(std::to_string(request.body().size()));
    };
    t.server.post("/", echo);
    t.server.post("/large", http::Route{.handler = echo, .body_bytes_max = 100'000});
    t.server.post("/small", http::Route{.handler = echo, .body_bytes_max = 10});
    t.server.post("/none", http::Route{.handler = echo, .body_bytes_max = 0});
    t.server.post("/hasty", http::Route{.handler = echo, .request_timeout = 1ms});
    EXPECT_THROW(t.server.route("GET", "/x", http::Route{}), std::invalid_argument);
    t.start();
    const struct {
        const char* path;
        size_t bytes;
        int status;
    } cases[] = {{"/", 1000, 200},         {"/", 1001, 413},    {"/large", 100'000, 200},
                 {"/large", 100'001, 413}, {"/small", 10, 200}, {"/small", 11, 413},
                 {"/none", 0, 200},        {"/none", 1, 413}};
    for (const auto& c : cases) {
        const std::string body(c.bytes, 'x');
        EXPECT_EQ(Client(t.port()).request(post(c.path, body)).status, c.status)
            << c.path << " " << c.bytes;
        // Chunked: refused at the first byte beyond the limit.
        std::string chunked = "POST " + std::string(c.path) +
                              " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        char size[20];
        std::snprintf(size, sizeof size, "%zx\r\n", c.bytes);
        if (c.bytes) chunked += size + body + "\r\n";
        EXPECT_EQ(Client(t.port()).request(chunked + "0\r\n\r\n").status, c.status)
            << "chunked " << c.path << " " << c.bytes;
    }
    EXPECT_EQ(Client(t.port())
                  .request("POST /hasty HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1")
                  .status,
              408);
}

// ---- bodies in ----------------------------------------------------------------------------------

TEST(HttpBody, IsReadAsItComes) {
    TestServer t;
    t.server.post("/", http::Route{.body =
                                       [&t](const Request& head, http::RequestBody) {
                                           const auto sum = std::make_shared<size_t>(0);
                                           t.events.add("open " + std::string(head.path()));
                                           return http::BodyReader{
                                               .bytes =
                                                   [&t, sum](std::string_view bytes) {
                                                       if (*sum == 0) t.events.add("first");
                                                       *sum += bytes.size();
                                                       if (bytes.find('!') != bytes.npos)
                                                           throw http::BadRequest("no '!'");
                                                   },
                                               .end =
                                                   [sum](Response& response) {
                                                       response.text(std::to_string(*sum));
                                                   },
                                               .aborted = [&t] { t.events.add("aborted"); }};
                                       },
                                   .body_bytes_max = 10'000'000});
    t.start();
    Client client(t.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\nx");
    EXPECT_TRUE(t.events.wait_for("first"));  // Long before the end of the body.
    client.send(std::string(2'999'999, 'x'));
    EXPECT_EQ(client.answer().body, "3000000");
    EXPECT_EQ(client.request(post("/", "")).body, "0");
    EXPECT_EQ(client
                  .request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                  .body,
              "5");
    EXPECT_EQ(t.events.count("aborted"), 0u);
    const auto refused = client.request(post("/", "abc!"));
    EXPECT_EQ(refused.body, "400 Bad Request: no '!'\n");
    EXPECT_TRUE(refused.has("Connection: close\r\n"));
    EXPECT_TRUE(t.events.wait_for("aborted"));
    Client leaver(t.port());
    leaver.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx");
    EXPECT_TRUE(t.events.wait_for("first", 4));
    leaver.reset();
    EXPECT_TRUE(t.events.wait_for("aborted", 2));
}

TEST(HttpBody, WaitsWhileItIsPaused) {
    std::atomic<size_t> read{0};
    http::RequestBody paused;
    std::mutex mutex;
    TestServer t;
    t.server.post("/", http::Route{.body =
                                       [&](const Request&, http::RequestBody body) {
                                           const std::lock_guard lock(mutex);
                                           paused = body;
                                           return http::BodyReader{
                                               .bytes =
                                                   [&, body](std::string_view bytes) {
                                                       body.pause();
                                                       read += bytes.size();
                                                       t.events.add("bytes");
                                                   },
                                               .end =
                                                   [&](Response& response) {
                                                       response.text(std::to_string(read));
                                                   }};
                                       },
                                   .body_bytes_max = 100'000'000});
    t.start();
    Client client(t.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" +
                std::string(300'000, 'x'));
    // Each resume() delivers one piece; the end of the body needs no further byte.
    for (size_t pieces = 1;; ++pieces) {
        ASSERT_TRUE(t.events.wait_for("bytes", pieces));
        const size_t before = read;
        EXPECT_EQ(t.events.count("bytes"), pieces);
        const std::lock_guard lock(mutex);
        paused.resume();
        if (before == 300'000) break;
    }
    EXPECT_EQ(client.answer().body, "300000");
    // Everything came in one read: no further input wakes the connection.
    client.send(post("/", "abc"));
    EXPECT_TRUE(eventually([&] { return read == 300'003; }));
    {
        const std::lock_guard lock(mutex);
        paused.resume();
    }
    EXPECT_EQ(client.answer().body, "300003");
}

TEST(HttpBody, StreamsAForm) {
    TestServer t;
    t.server.post("/", http::Route{.body = [](const Request& head, http::RequestBody) {
                      struct Upload {
                          size_t files = 0, bytes = 0;
                          std::optional<http::MultipartReader> form;
                      };
                      const auto upload = std::make_shared<Upload>();
                      upload->form.emplace(
                          head.header("content-type"),
                          http::MultipartHandlers{
                              .begin = [u = upload.get()](const http::FormPart&) { ++u->files; },
                              .bytes = [u = upload.get()](
                                           std::string_view bytes) { u->bytes += bytes.size(); }});
                      return http::BodyReader{
                          .bytes = [upload](std::string_view bytes) { upload->form->feed(bytes); },
                          .end =
                              [upload](Response& response) {
                                  upload->form->finish();
                                  response.text(std::to_string(upload->files) + " " +
                                                std::to_string(upload->bytes));
                              }};
                  }});
    t.start();
    Client client(t.port());
    const std::string type = "Content-Type: multipart/form-data; boundary=x\r\n";
    const std::string part = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n";
    EXPECT_EQ(client.request(post("/", part + std::string(200'000, 'y') + "\r\n--x--", type)).body,
              "1 200000");
    EXPECT_EQ(client.request(post("/", part + "y", type)).body,
              "400 Bad Request: the form: the closing boundary is missing\n");
    EXPECT_EQ(client.request(post("/", "x", "Content-Type: text/plain\r\n")).status, 415);
}

// ---- bodies out ---------------------------------------------------------------------------------

TEST(HttpStream, AsksTheSourceAsTheClientTakesIt) {
    std::atomic<size_t> asked{0};
    TestServer t;
    t.server.get("/", [&](const Request&, Response& response) {
        response.stream(
            [&, left = 400]() mutable -> std::optional<std::string> {
                ++asked;
                if (left-- == 0) return std::nullopt;
                return std::string(100'000, 'x');
            },
            "application/octet-stream");
    });
    t.server.get("/breaks", [](const Request&, Response& response) {
        response.stream(
            [first = true]() mutable -> std::optional<std::string> {
                if (!std::exchange(first, false)) throw std::runtime_error("the disk is gone");
                return "some";
            },
            "text/plain");
    });
    t.start();
    {
        Client slow(t.port(), 4096);
        slow.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_NE(slow.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"),
                  std::string::npos);
        EXPECT_EQ(slow.chunk().size(), 100'000u);
        EXPECT_LT(asked, 200u);  // The buffers between server and client cannot hold 40 MB.
        slow.read_fast();
        size_t bytes = 100'000;
        for (std::string piece = slow.chunk(); !piece.empty(); piece = slow.chunk())
            bytes += piece.size();
        EXPECT_EQ(bytes, 40'000'000u);
        EXPECT_EQ(asked, 401u);
    }
    Client broken(t.port());
    broken.send("GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(broken.read_to_end().ends_with("<reset>"));  // Without the last chunk.
    Client old(t.port());
    old.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_NE(old.read_until("\r\n\r\n").find("Connection: close"), std::string::npos);
    EXPECT_EQ(old.read_to_end(), std::string(40'000'000, 'x') + "<end>");
    Client head(t.port());
    EXPECT_EQ(head.request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true).status, 200);
    EXPECT_EQ(t.stats().handler_exceptions, 1u);
    EXPECT_THROW(Response().stream({}, ""), std::invalid_argument);
}

}  // namespace
}  // namespace starling::server::test
