// The access log's line for each request: what it contains, and what it must not contain.
#include <gtest/gtest.h>
#include <starling/socketio.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

void hello(Server& server) {
    server.get("/hello", [](const http::Request&, http::Response& r) { r.text("hello"); });
}

TEST(HttpLog, HasALinePerRequest) {
    TestServer t({.access_log = true});
    hello(t.server);
    t.start();
    Client client(t.port());
    client.get("/hello?a=1");
    EXPECT_TRUE(t.log->lines.wait_for("request 127.0.0.1 GET /hello?a=1 200 5"));
    client.get("/hello");
    EXPECT_TRUE(t.log->lines.wait_for("request 127.0.0.1 GET /hello 200 5"));
    client.request("GET /bad HTTP/1.1\r\nHost: here\r\nContent-Length: 9999999\r\n\r\n");
    EXPECT_TRUE(t.log->lines.wait_for("request 127.0.0.1 - - 413 0"));
    EXPECT_EQ(client.read_to_end(), "<end>");
}

// Tokens and session ids must not appear in the log.
TEST(HttpLog, MasksWhatLogsIn) {
    ServerOptions options{.access_log = true};
    options.access_log_masked.push_back("invitation");
    TestServer t(std::move(options));
    hello(t.server);
    const std::string secret(32, 'k');
    t.server.events({.auth = {.keys = {{.material = secret}}, .query_parameter = "ticket"}});
    sio::Options socketio;
    socketio.auth = auth::Options{.keys = {{.material = secret}}, .query_parameter = "pass"};
    t.server.socketio(std::move(socketio));
    t.start();
    Client client(t.port());
    client.get("/hello?token=secret1&a=1");
    EXPECT_TRUE(t.log->lines.wait_for("request 127.0.0.1 GET /hello?token=***&a=1 200 5"));
    client.get("/hello?Invitation=secret2&ticket=secret3&pass=secret4");
    EXPECT_TRUE(t.log->lines.wait_for(
        "request 127.0.0.1 GET /hello?Invitation=***&ticket=***&pass=*** 200 5"));
    const Answer answer = client.get("/socket.io/?EIO=4&transport=polling");
    ASSERT_EQ(answer.status, 200) << answer.head << answer.body << answer.end;
    const std::string& opened = answer.body;
    const size_t at = opened.find("\"sid\":\"") + 7;
    const std::string sid = opened.substr(at, opened.find('"', at) - at);
    ASSERT_GT(sid.size(), 10u) << opened;
    client.request("POST /socket.io/?EIO=4&transport=polling&sid=" + sid +
                   " HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n40");
    EXPECT_TRUE(t.log->lines.wait_for(
        "request 127.0.0.1 POST /socket.io/?EIO=4&transport=polling&sid=*** 200 2"))
        << t.log->lines.text();
    EXPECT_EQ(t.log->lines.text().find("secret"), std::string::npos) << t.log->lines.text();
    EXPECT_EQ(t.log->lines.text().find(sid), std::string::npos) << t.log->lines.text();
}

// Returns what a server started by `run` writes to standard error.
template <class Run>
std::string standard_error_of(Run&& run) {
    std::fflush(stderr);
    const int before = ::dup(STDERR_FILENO);
    const std::string path = "/tmp/starling-" + std::to_string(::getpid()) + "-stderr";
    std::FILE* const file = std::fopen(path.c_str(), "w");
    ::dup2(::fileno(file), STDERR_FILENO);
    std::fclose(file);
    run();
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    std::ifstream written(path);
    std::stringstream text;
    text << written.rdbuf();
    ::unlink(path.c_str());
    return text.str();
}

TEST(HttpLog, IsWrittenWithoutASinkToo) {
    for (const bool asked : {true, false}) {
        const auto text = standard_error_of([&] {
            Server server({.listen = "127.0.0.1:0", .workers = 1, .access_log = asked});
            hello(server);
            server.start();
            EXPECT_EQ(Client(server.port()).get("/hello").body, "hello");
        });
        EXPECT_EQ(text.find("target=/hello") != std::string::npos, asked) << text;
    }
}

// A typical first program, run in a folder that lacks the static files it serves.
TEST(ServerStart, AFolderThatIsMissingIsOneLineAndTwo) {
    const auto text = standard_error_of([] {
        Server server({.listen = "127.0.0.1:0", .workers = 1});
        EXPECT_NO_THROW(server.files("/", "no/such/www"));
        EXPECT_THROW(server.start(), std::runtime_error);
        EXPECT_EQ(server.run(), 2);
    });
    const std::string line = "cannot open the folder 'no/such/www' of static files\n";
    EXPECT_TRUE(text.ends_with(line)) << text;
    EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
}

}  // namespace
}  // namespace starling::server::test
