// HTTP over real sockets: routing, framing, order and faults as a client sees them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/server/client.h"
#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

using http::Request;
using http::Response;

class Folder {
public:
    Folder() {
        char name[] = "/tmp/starling-files-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() {
        for (const auto& file : files_) ::unlink(file.c_str());
        ::rmdir(path.c_str());
    }
    void write(const std::string& name, const std::string& bytes) {
        files_.push_back(path + "/" + name);
        std::ofstream(files_.back(), std::ios::binary) << bytes;
    }
    std::string path;

private:
    std::vector<std::string> files_;
};

std::string pattern(size_t bytes) {
    std::string text(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) text[i] = char('a' + (i * 7 + i / 1000) % 26);
    return text;
}

void add_routes(Server& server) {
    server.get("/hello", [](const Request&, Response& r) { r.text("hello"); });
    server.get("/users/:id", [](const Request& q, Response& r) {
        r.text(std::string(q.param("id")) + "?" + q.query("x").value_or("-"));
    });
    server.post("/echo", [](const Request& q, Response& r) { r.text(std::string(q.body())); });
    server.get("/big", [](const Request&, Response& r) { r.text(pattern(300'000)); });
    server.get("/throw", [](const Request&, Response&) { throw std::runtime_error("broken"); });
    server.get("/throw-int", [](const Request&, Response&) { throw 7; });
    server.get("/bye", [](const Request&, Response& r) { r.close().text("bye"); });
    server.websocket("/ws", {});
}

struct Exchange {
    const char* name;
    std::string request;
    int status;
    const char* body;     // Null: any body.
    const char* in_head;  // Text that the head must contain; "": none.
    bool goes_on;         // The connection answers another request.
};

const std::vector<Exchange>& exchanges() {
    static const std::string host = "Host: here\r\n\r\n";
    static const std::vector<Exchange> all = {
        {"route", "GET /hello HTTP/1.1\r\n" + host, 200, "hello", "Date: ", true},
        {"parameter", "GET /users/a%20b?x=1 HTTP/1.1\r\n" + host, 200, "a b?1", "", true},
        {"absolute form", "GET http://other/hello HTTP/1.1\r\n" + host, 200, "hello", "", true},
        {"unknown", "GET /nothing HTTP/1.1\r\n" + host, 404, "Not Found\n", "", true},
        {"wrong method", "POST /hello HTTP/1.1\r\n" + host, 405, nullptr,
         "Allow: GET, HEAD, OPTIONS\r\n", true},
        {"options", "OPTIONS /hello HTTP/1.1\r\n" + host, 204, "", "Allow: GET, HEAD", true},
        {"no upgrade", "GET /ws HTTP/1.1\r\n" + host, 426, nullptr, "\r\nConnection: upgrade\r\n",
         true},
        {"dot segments", "GET /../hello HTTP/1.1\r\n" + host, 404, nullptr, "", true},
        {"handler throws", "GET /throw HTTP/1.1\r\n" + host, 500, "Internal Server Error\n", "",
         true},
        {"throws no exception", "GET /throw-int HTTP/1.1\r\n" + host, 500, nullptr, "", true},
        {"handler closes", "GET /bye HTTP/1.1\r\n" + host, 200, "bye", "Connection: close", false},
        {"client closes", "GET /hello HTTP/1.1\r\nConnection: close\r\n" + host, 200, "hello",
         "Connection: close", false},
        {"1.0", "GET /hello HTTP/1.0\r\n\r\n", 200, "hello", "HTTP/1.1 200", false},
        {"1.0 stays", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "hello",
         "Connection: keep-alive", true},
        {"body", "POST /echo HTTP/1.1\r\nContent-Length: 4\r\n" + host + "abcd", 200, "abcd", "",
         true},
        {"chunked body",
         "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + host +
             "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n",
         200, "abcde", "", true},
        {"two lengths",
         "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" + host + "a", 400,
         nullptr, "Connection: close", false},
        {"bare LF", "GET /hello HTTP/1.1\nHost: here\n\n", 400, nullptr, "", false},
        {"no upgrade says so", "GET /ws HTTP/1.1\r\nConnection: close\r\n" + host, 426, nullptr,
         "Connection: close, upgrade\r\n", false},
        {"unknown coding", "POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" + host,
         501, nullptr, "", false},
        {"1.2", "GET /hello HTTP/1.2\r\n" + host, 200, "hello", "HTTP/1.1 200", true},
        {"no host", "GET /hello HTTP/1.1\r\n\r\n", 400, nullptr, "", false},
        {"target", "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n" + host, 414, nullptr, "",
         false},
        {"head", "GET / HTTP/1.1\r\nA: " + std::string(17000, 'x') + "\r\n" + host, 431, nullptr,
         "", false},
        {"too large", "POST /echo HTTP/1.1\r\nContent-Length: 1000001\r\n" + host, 413, nullptr, "",
         false},
        {"too large in chunks",
         "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + host + "f4241\r\n", 413, nullptr,
         "", false},
        {"garbage", "\x16\x03\x01\x02\x05hello\r\n\r\n", 400, nullptr, "", false},
        {"expectation", "POST /echo HTTP/1.1\r\nExpect: magic\r\nContent-Length: 1\r\n" + host, 417,
         nullptr, "", false},
    };
    return all;
}

void check(Client& client, const Exchange& exchange) {
    const auto answer = client.answer();
    EXPECT_EQ(answer.status, exchange.status) << answer.head << answer.end;
    if (exchange.body) {
        EXPECT_EQ(answer.body, exchange.body);
    }
    EXPECT_TRUE(answer.has(exchange.in_head)) << answer.head;
    if (exchange.goes_on) {
        EXPECT_EQ(client.get("/hello").body, "hello");
    } else {
        EXPECT_EQ(client.read_to_end(), "<end>");
    }
}

TEST(HttpConnection, AnswersInOnePiece) {
    TestServer t;
    add_routes(t.server);
    t.start();
    for (const auto& exchange : exchanges()) {
        SCOPED_TRACE(exchange.name);
        Client client(t.port());
        client.send(exchange.request);
        check(client, exchange);
    }
    EXPECT_TRUE(t.all_gone());
    EXPECT_EQ(t.stats().handler_exceptions, 2u);
    EXPECT_EQ(t.log->lines.count("a handler threw /throw broken"), 1u);
}

TEST(HttpConnection, AnswersByteByByte) {
    TestServer t;
    add_routes(t.server);
    t.start();
    for (const auto& exchange : exchanges()) {
        if (exchange.request.size() > 200) continue;
        SCOPED_TRACE(exchange.name);
        Client client(t.port());
        const int one = 1;
        ::setsockopt(client.fd(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
        for (const char byte : exchange.request)
            if (!client.send({&byte, 1})) break;
        check(client, exchange);
    }
    EXPECT_TRUE(t.all_gone());
}

// The answer must arrive even if the client continues to send bytes that the server does not read.
TEST(HttpConnection, AnErrorReachesAClientThatGoesOnSending) {
    TestServer t;
    add_routes(t.server);
    t.start();
    for (int round = 0; round < 20; ++round) {
        Client client(t.port());
        client.send("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 9000000\r\n\r\n");
        client.send(std::string(500'000, 'x'));
        const auto answer = client.answer();
        EXPECT_EQ(answer.status, 413) << answer.end;
        EXPECT_EQ(client.read_to_end(), "<end>");
    }
    EXPECT_TRUE(t.all_gone());
}

TEST(HttpConnection, NothingBehindAFaultIsParsed) {
    TestServer t;
    add_routes(t.server);
    t.start();
    Client client(t.port());
    client.send(
        "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.answer().status, 400);
    EXPECT_EQ(client.read_to_end(), "<end>");
    EXPECT_EQ(t.stats().requests, 0u);
    EXPECT_EQ(t.stats().protocol_errors, 1u);
}

TEST(HttpConnection, HeadHasTheFieldsAndNoBody) {
    TestServer t;
    add_routes(t.server);
    t.start();
    Client client(t.port());
    for (const char* path : {"/hello", "/big", "/nothing"}) {
        const std::string request = std::string(" ") + path + " HTTP/1.1\r\nHost: here\r\n\r\n";
        const auto whole = client.request("GET" + request);
        const auto head = client.request("HEAD" + request, true);
        EXPECT_EQ(head.status, whole.status);
        EXPECT_TRUE(head.has("Content-Length: " + std::to_string(whole.body.size())));
    }
    EXPECT_EQ(client.get("/hello").body, "hello");
    EXPECT_TRUE(client.pending().empty());
}

// RFC 9110 section 9.3.2, whatever the fault of the request, and at every byte.
TEST(HttpConnection, AFailedHeadRequestHasNoBody) {
    ServerOptions options;
    options.http.head_timeout = 3s;
    TestServer patient, hasty(std::move(options));
    patient.start();
    hasty.start();
    const struct {
        TestServer& server;
        std::string request;
        int status;
    } cases[] = {
        {patient, "HEAD / HTTP/1.1\r\n\r\n", 400},
        {patient, "HEAD / HTTP/1.1\r\nA : b", 400},
        {patient, "\r\nHEAD /\"", 400},
        {patient, "HEAD / HTTP/2.0\r\n", 505},
        {patient, "HEAD /" + std::string(9000, 'x'), 414},
        {patient, "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n", 413},
        {hasty, "HEAD / HTTP/1.1\r\n", 408},
    };
    for (const auto& one : cases) {
        Client client(one.server.port());
        const auto answer = client.request(one.request, true);
        EXPECT_EQ(answer.status, one.status) << one.request;
        EXPECT_TRUE(answer.has("Content-Length: ")) << answer.head;
        EXPECT_EQ(client.read_to_end(), "<end>") << one.request;
    }
    Client other(patient.port());
    EXPECT_NE(other.request("HEADER / HTTP/1.1\r\n\r\n").body, "");
}

TEST(HttpConnection, PipelinedRequestsAreAnsweredInOrder) {
    TestServer t;
    add_routes(t.server);
    t.start();
    Client client(t.port());
    std::string requests;
    for (int i = 0; i < 500; ++i)
        requests += "GET /users/" + std::to_string(i) + " HTTP/1.1\r\nHost: here\r\n\r\n";
    client.send(requests);
    for (int i = 0; i < 500; ++i) EXPECT_EQ(client.answer().body, std::to_string(i) + "?-");
}

// 7 KB of requests ask for 60 MB. The server must not build answers that the client does not read.
TEST(HttpConnection, PipelinedAnswersThatNobodyReadsHoldUpFurtherRequests) {
    TestServer t;
    add_routes(t.server);
    t.start();
    Client client(t.port(), 16384);
    constexpr uint64_t count = 200;
    std::string requests;
    for (uint64_t i = 0; i < count; ++i)
        requests += i % 10 == 9 ? "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n"
                                : "GET /big HTTP/1.1\r\nHost: here\r\n\r\n";
    client.send(requests);
    Client other(t.port());  // Answered after the first tick of the greedy client.
    EXPECT_EQ(other.get("/hello").body, "hello");
    EXPECT_EQ(other.get("/hello").body, "hello");
    EXPECT_LT(t.stats().requests, 60u);
    // Its requests are complete; it still gets all answers in order, and then the end.
    client.end();
    for (uint64_t i = 0; i < count; ++i) {
        const auto answer = client.answer();
        ASSERT_EQ(answer.body.size(), i % 10 == 9 ? 5u : 300'000u) << i << answer.end;
    }
    EXPECT_EQ(client.read_to_end(), "<end>");
    EXPECT_EQ(t.stats().requests, count + 2);
}

TEST(HttpConnection, ContinueIsSentForABodyThatSomebodyReads) {
    TestServer t;
    add_routes(t.server);
    t.start();
    Client client(t.port());
    const auto ask = [&](const std::string& path) {
        return client.request("POST " + path +
                              " HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\n"
                              "Content-Length: 3\r\n\r\n");
    };
    EXPECT_EQ(ask("/echo").status, 100);
    client.send("abc");
    EXPECT_EQ(client.answer().body, "abc");
    const auto refused = ask("/nothing");
    EXPECT_EQ(refused.status, 404);
    EXPECT_TRUE(refused.has("Connection: close"));
    EXPECT_EQ(client.read_to_end(), "<end>");
}

// The server checks the method first, so it does not ask for a body that no handler takes.
TEST(HttpConnection, ContinueIsNotSentWhereTheMethodIsNotAllowed) {
    TestServer t;
    add_routes(t.server);
    t.start();
    Client client(t.port());
    const auto refused = client.request(
        "POST /hello HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(refused.status, 405);
    EXPECT_TRUE(refused.has("Allow: GET"));
    EXPECT_TRUE(refused.has("Connection: close"));
    EXPECT_EQ(client.read_to_end(), "<end>");
}

TEST(HttpConnection, ABigAnswerReachesASlowReaderWhole) {
    TestServer t;
    add_routes(t.server);
    t.start();
    Client slow(t.port(), 2048);
    slow.send("GET /big HTTP/1.1\r\nHost: here\r\n\r\n");
    Client quick(t.port());
    EXPECT_EQ(quick.get("/hello").body, "hello");
    EXPECT_EQ(slow.answer().body, pattern(300'000));
    EXPECT_EQ(slow.get("/hello").body, "hello");
}

TEST(HttpFiles, AreServedWholeWhateverTheirSize) {
    Folder folder;
    folder.write("small.txt", "small");
    folder.write("empty.txt", "");
    folder.write("big.bin", pattern(20'000'000));
    TestServer t;
    t.server.files("/static/", folder.path);
    t.server.get("/hello", [](const Request&, Response& r) { r.text("hello"); });
    t.start();
    Client slow(t.port(), 4096);
    slow.send(
        "GET /static/big.bin HTTP/1.1\r\nHost: here\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.end();  // Half-closed: both answers still come.
    Client client(t.port());
    EXPECT_EQ(client.get("/static/small.txt").body, "small");
    EXPECT_EQ(client.get("/%73tatic/small.txt").body, "small");
    EXPECT_EQ(client.get("/static/empty.txt").body, "");
    EXPECT_EQ(client.get("/static/none.txt").status, 404);
    EXPECT_EQ(client.get("/static/%2e%2e/x").status, 404);
    EXPECT_EQ(client.get("/static/big.bin", "Range: bytes=5-9\r\n").body, pattern(10).substr(5));
    EXPECT_EQ(client.get("/static/big.bin").body, pattern(20'000'000));
    EXPECT_EQ(client.get("/hello").body, "hello");
    EXPECT_TRUE(slow.answer().body == pattern(20'000'000));
    EXPECT_EQ(slow.answer().body, "hello");
    EXPECT_EQ(slow.read_to_end(), "<end>");
}

// While one client reads a large file as fast as possible, the loop serves others between pieces.
TEST(HttpFiles, ALargeFileDoesNotHoldUpOthers) {
    Folder folder;
    folder.write("big.bin", std::string(64 * 1024 * 1024, 'x'));
    TestServer t;
    t.server.files("/", folder.path);
    t.server.get("/hello", [](const Request&, Response& r) { r.text("hello"); });
    t.start();
    Client big(t.port(), 8 * 1024 * 1024);
    Client other(t.port());
    big.send("GET /big.bin HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_EQ(other.get("/hello").body, "hello");
    EXPECT_EQ(big.answer().body.size(), 64u * 1024 * 1024);
}

TEST(HttpFiles, AFileThatShrinksBreaksTheConnection) {
    Folder folder;
    folder.write("big.bin", std::string(30'000'000, 'x'));
    TestServer t;
    t.server.files("/", folder.path);
    t.start();
    Client client(t.port(), 4096);
    client.send("GET /big.bin HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_NE(client.read(1000), "");
    ASSERT_EQ(::truncate((folder.path + "/big.bin").c_str(), 1000), 0);
    const std::string rest = client.read_to_end();
    EXPECT_TRUE(rest.ends_with("<reset>")) << rest.substr(rest.size() - 20);
    EXPECT_LT(rest.size(), 30'000'000u);
    EXPECT_TRUE(t.all_gone());
}

TEST(HttpHeaders, DefaultsAreOnEveryAnswerThatDoesNotSetThem) {
    TestServer t;
    add_routes(t.server);
    t.server.default_header("X-Frame-Options", "DENY");
    t.server.get("/own", [](const Request&, Response& r) {
        r.header("x-frame-options", "SAMEORIGIN").text("own");
    });
    t.start();
    for (const char* path : {"/hello", "/nothing", "/throw", "/ws"}) {
        Client client(t.port());
        EXPECT_TRUE(client.get(path).has("X-Frame-Options: DENY\r\n")) << path;
    }
    Client client(t.port());
    const auto own = client.get("/own");
    EXPECT_TRUE(own.has("SAMEORIGIN"));
    EXPECT_FALSE(own.has("DENY"));
    const auto bad = client.request("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(bad.status, 400);
    EXPECT_TRUE(bad.has("X-Frame-Options: DENY\r\n")) << bad.head;
}

struct Timeout {
    const char* name;
    HttpLimits limits;  // The tested limit is set.
    const char* sent;
    const char* received;  // The beginning of the answer.
};

TEST(HttpTimeouts, EachHasItsOwnAnswer) {
    // The timeout of a head starts with the connection; the test must be able to send before it
    // ends.
    const HttpLimits silent{.head_timeout = 300ms}, head{.head_timeout = 3s},
        request{.request_timeout = 300ms};
    const Timeout cases[] = {
        {"nothing sent", silent, "", "<end>"},
        {"half a head", head, "GET /hello HT", "HTTP/1.1 408 "},
        {"half a body", request, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab",
         "HTTP/1.1 408 "},
        {"half a chunk", request,
         "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
         "HTTP/1.1 408 "},
        {"idle between requests",
         {.keep_alive_timeout = 300ms},
         "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
         "HTTP/1.1 200 "},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        TestServer t({.http = one.limits});
        add_routes(t.server);
        t.start();
        Client client(t.port());
        client.send(one.sent);
        const std::string received = client.read_to_end();
        EXPECT_TRUE(received.starts_with(one.received)) << received;
        EXPECT_TRUE(received.ends_with("<end>")) << received;
        client.close();
        EXPECT_TRUE(t.all_gone());
    }
}

// A byte now and then does not restart the timeout.
TEST(HttpTimeouts, AHeadThatTricklesIsCutOff) {
    TestServer t({.http = {.head_timeout = 3s}});
    add_routes(t.server);
    t.start();
    Client client(t.port());
    const auto began = std::chrono::steady_clock::now();
    client.send("GET / HTTP/1.1\r\nX: ");
    while (::poll(nullptr, 0, 50) == 0 && client.send("x")) {
        pollfd readable{client.fd(), POLLIN, 0};
        if (::poll(&readable, 1, 0) == 1) break;
        ASSERT_LT(std::chrono::steady_clock::now() - began, 60s);
    }
    EXPECT_EQ(client.answer().status, 408);
}

TEST(HttpTimeouts, AClientThatDoesNotReadIsCutOff) {
    TestServer t({.stalled_timeout = 300ms});
    t.server.get("/huge",
                 [](const Request&, Response& r) { r.text(std::string(30'000'000, 'x')); });
    t.start();
    Client client(t.port(), 4096);
    client.send("GET /huge HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return t.stats().requests == 1; }));
    EXPECT_TRUE(t.all_gone());
}

TEST(HttpLimits, ConnectionsOverTheLimitAreToldSo) {
    TestServer t({.connections_max = 2});
    add_routes(t.server);
    t.start();
    Client a(t.port()), b(t.port());
    EXPECT_EQ(a.get("/hello").body, "hello");
    EXPECT_EQ(b.get("/hello").body, "hello");
    Client c(t.port());
    EXPECT_EQ(c.get("/hello").status, 503);
    EXPECT_EQ(t.stats().connections_refused, 1u);
    a.close();
    EXPECT_TRUE(eventually([&] { return Client(t.port()).get("/hello").status == 200; }));
    EXPECT_EQ(b.get("/hello").body, "hello");
}

}  // namespace
}  // namespace starling::server::test
