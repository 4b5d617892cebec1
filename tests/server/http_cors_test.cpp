// Cross-origin requests: every answer has the CORS fields, and the right rules apply.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/server/engineio/fixture.h"
#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

using http::Request;
using http::Response;

constexpr const char* allowed = "Access-Control-Allow-Origin: https://page.example\r\n";

void add_routes(Server& server) {
    server.get("/hello", [](const Request&, Response& r) { r.text("hello"); });
    server.post("/echo", [](const Request& q, Response& r) { r.text(std::string(q.body())); });
    server.get("/throw", [](const Request&, Response&) { throw std::runtime_error("broken"); });
    server.get("/later", [](const Request&, Response& r) {
        Response answer;
        r.later().send(std::move(answer.text("later")));
    });
    server.websocket("/ws", {});
}

TEST(HttpCors, FieldsAreOnEveryAnswer) {
    TestServer t;
    add_routes(t.server);
    t.server.cors({.origins = {"https://page.example"}});
    t.start();
    Client client(t.port());
    const auto preflight = client.request(
        "OPTIONS /hello HTTP/1.1\r\nHost: here\r\nOrigin: https://page.example\r\n"
        "Access-Control-Request-Method: GET\r\n\r\n");
    EXPECT_EQ(preflight.status, 204);
    EXPECT_TRUE(preflight.has("Access-Control-Allow-Methods: GET")) << preflight.head;
    for (const char* path : {"/hello", "/nothing", "/throw", "/later"})
        EXPECT_TRUE(client.get(path, "Origin: https://page.example\r\n").has(allowed)) << path;
    EXPECT_FALSE(client.get("/hello", "Origin: https://evil.example\r\n").has("Access-Control-"));
}

struct Failure {
    const char* name;
    int status;
    std::string before, after;  // What comes before and after the Origin line.
};

const std::vector<Failure>& failures() {
    static const std::string host = "Host: here\r\n", post = "POST /echo HTTP/1.1\r\n" + host;
    static const std::vector<Failure> all = {
        {"a body too large", 413, post, "Content-Length: 1000001\r\n\r\n"},
        {"chunks too large", 413, post, "Transfer-Encoding: chunked\r\n\r\nf4241\r\n"},
        {"a bad chunk", 400, post, "Transfer-Encoding: chunked\r\n\r\nx\r\n"},
        {"an expectation", 417, post, "Expect: magic\r\nContent-Length: 1\r\n\r\n"},
        {"no such path for a body", 404, "POST /nothing HTTP/1.1\r\n" + host,
         "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"},
        {"a coding", 501, post, "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {"two hosts", 400, post, host + "\r\n"},
        {"no host", 400, "GET /hello HTTP/1.1\r\n", "\r\n"},
        {"a field's name, before", 400, post, "A : b\r\n\r\n"},
        {"a field's name, behind", 400, "GET /hello HTTP/1.1\r\nA : b\r\n", host + "\r\n"},
        {"a long target", 414, "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n", host + "\r\n"},
        {"a large head", 431, post, "A: " + std::string(17000, 'x') + "\r\n\r\n"},
        {"a version", 505, "GET /hello HTTP/2.0\r\n", host + "\r\n"},
        {"a handshake", 400, "GET /ws HTTP/1.1\r\n" + host,
         "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"},
    };
    return all;
}

// A page can read the status of a request that fails before any handler.
TEST(HttpCors, FieldsAreOnAnswersThatNoHandlerGives) {
    TestServer t;
    add_routes(t.server);
    t.server.cors({.origins = {"https://other.example", "https://page.example"}});
    t.start();
    for (const auto& one : failures()) {
        SCOPED_TRACE(one.name);
        for (const bool listed : {true, false}) {
            Client client(t.port());
            const std::string origin = listed ? "https://page.example" : "https://evil.example";
            const auto answer =
                client.request(one.before + "Origin: " + origin + "\r\n" + one.after);
            EXPECT_EQ(answer.status, one.status) << answer.end;
            EXPECT_EQ(answer.has(allowed), listed) << answer.head;
            EXPECT_EQ(answer.has("Access-Control-"), listed) << answer.head;
            EXPECT_TRUE(answer.has("Vary: Origin\r\n")) << answer.head;
        }
    }
}

// Text in a body or after a head is not an Origin.
TEST(HttpCors, AnOriginBehindTheHeadDoesNotCount) {
    TestServer t;
    t.server.cors({.origins = {"https://other.example", "https://page.example"}});
    t.start();
    const std::string origin = "Origin: https://page.example\r\n";
    for (const std::string& request : {"GET / HTTP/1.1\r\nA : b\r\n\r\n" + origin + "\r\n",
                                       "GET / HTTP/1.1\r\n\r\n" + origin + "\r\n",
                                       "GET / HTTP/1.1\r\n" + origin.substr(0, 20)}) {
        Client client(t.port());
        client.send(request);
        client.end();
        EXPECT_EQ(client.read_to_end().find("Access-Control-"), std::string::npos) << request;
    }
}

// The request is refused before its Origin arrives, but only one origin is possible.
TEST(HttpCors, TheOnlyOriginNeedNotHaveArrived) {
    TestServer t;
    t.server.cors({.origins = {"https://page.example"}});
    t.start();
    Client client(t.port());
    const auto answer = client.request("GET /" + std::string(9000, 'x'));
    EXPECT_EQ(answer.status, 414);
    EXPECT_TRUE(answer.has(allowed)) << answer.head;
}

class EngineCors : public EngineTest {};

// The server's rules allow what Engine.IO's rules do not, and vice versa.
TEST_F(EngineCors, ThePathsOwnRulesAnswer) {
    EngineOptions options;
    options.cors = http::CorsOptions{
        .origins = {"https://page.example"}, .headers = {"X-Own"}, .credentials = true};
    options.max_http_buffer_size = 100;
    t->site.cors = http::CorsOptions{.origins = {"https://site.example"}, .headers = {"X-Site"}};
    t->site.add_handler("GET", "/hello", [](const Request&, Response& r) { r.text("hello"); });
    start(options);
    const auto preflight = [&](const std::string& path, const char* origin) {
        return Client(t->port()).request("OPTIONS " + path +
                                         " HTTP/1.1\r\nHost: here\r\nOrigin: " + origin +
                                         "\r\nAccess-Control-Request-Method: POST\r\n\r\n");
    };
    const std::string path = "/socket.io/?EIO=4&transport=polling";
    const auto own = preflight(path, "https://page.example");
    EXPECT_EQ(own.status, 204);
    EXPECT_TRUE(own.has(allowed)) << own.head;
    EXPECT_TRUE(own.has("Access-Control-Allow-Headers: X-Own\r\n")) << own.head;
    EXPECT_TRUE(own.has("Access-Control-Allow-Credentials: true\r\n")) << own.head;
    EXPECT_TRUE(own.has("\r\nVary: Origin\r\n")) << own.head;
    EXPECT_FALSE(preflight(path, "https://site.example").has("Access-Control-Allow-"));
    EXPECT_TRUE(preflight("/hello", "https://site.example").has("X-Site\r\n"));
    EXPECT_FALSE(preflight("/hello", "https://page.example").has("Access-Control-Allow-"));

    // The server's rules do not apply to errors either, before and after the handler.
    for (const char* length : {"5", "101"}) {
        const std::string post =
            "POST " + path + "&sid=unknown HTTP/1.1\r\nHost: here\r\nContent-Length: " + length +
            "\r\nOrigin: ";
        const auto answer = Client(t->port()).request(post + "https://page.example\r\n\r\nhello");
        EXPECT_GE(answer.status, 400);
        EXPECT_TRUE(answer.has(allowed)) << answer.head;
        EXPECT_FALSE(Client(t->port())
                         .request(post + "https://site.example\r\n\r\nhello")
                         .has("Access-Control-Allow-"));
    }
}

}  // namespace
}  // namespace starling::server::test
