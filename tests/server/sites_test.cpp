// Sites by host name: which routes, files and header fields a host gets, and which hosts are refused.
#include <gtest/gtest.h>
#include <starling/sites.h>
#include <starling/socketio.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

using http::Request;
using http::Response;

http::Handler says(std::string text) {
    return [text](const Request&, Response& response) { response.text(text); };
}

std::string request_for(std::string_view host, std::string_view target = "/") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

// "200 body" of a request on a connection of its own.
std::string answer_to(uint16_t port, const std::string& request) {
    Client client(port);
    EXPECT_TRUE(client.send(request));
    const Answer answer = client.answer();
    return std::to_string(answer.status) + " " + answer.body;
}

std::string folder_with(const std::string& name, const std::string& content) {
    const auto folder = std::filesystem::path(testing::TempDir()) / ("sites_" + name);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "index.html") << content;
    return folder;
}

class Sites : public testing::Test {
protected:
    void serve(UnknownHost unknown) {
        t_.server.get("/shared", says("shared"));
        t_.server.get("/own", says("default"));
        t_.server.files("/", folder_with("default", "default page"));
        HostSite& one = serve_host(t_.server, {.hosts = {"one.example", "*.one.example"}});
        one.get("/own", says("one"));
        serve_files(t_.server, one, "/", folder_with("one", "page one"));
        HostSite& two = serve_host(t_.server, {.hosts = {"two.example", "[2001:db8::1]"}});
        two.get("/", says("two"));
        set_unknown_hosts(t_.server, unknown, {"localhost"});
        t_.start();
    }
    std::string get(std::string_view host, std::string_view target = "/") {
        return answer_to(t_.port(), request_for(host, target));
    }
    TestServer t_;
};

TEST_F(Sites, AHostHasItsRoutesAndFilesAndThoseRoutesThatAllHave) {
    serve(UnknownHost::serve);
    const std::string long_host(10'000, 'a');
    const struct {
        std::string host, target, want;
    } cases[] = {
        {"one.example", "/own", "200 one"},
        {"ONE.Example", "/own", "200 one"},
        {"one.example:8080", "/own", "200 one"},
        {"one.example.", "/own", "200 one"},
        {"a.b.one.example", "/own", "200 one"},
        {"one.example", "/", "200 page one"},
        {"one.example", "/shared", "200 shared"},
        {"two.example", "/", "200 two"},
        {"[2001:DB8::1]:443", "/", "200 two"},
        {"two.example", "/own", "200 default"},
        {"two.example", "/index.html", "404 Not Found\n"},  // Another host's files are not served.
        {"localhost", "/", "200 default page"},
        {"localhost", "/own", "200 default"},
        {"other.example", "/own", "200 default"},
        {"notone.example", "/own", "200 default"},
        {long_host, "/own", "200 default"},
        {long_host + ".one.example", "/own", "200 default"},
    };
    for (const auto& [host, target, want] : cases)
        EXPECT_EQ(get(host, target), want) << host.substr(0, 40) << target;
}

TEST_F(Sites, UnknownHostsAreMisdirected) {
    serve(UnknownHost::misdirected);
    EXPECT_EQ(get("other.example").substr(0, 3), "421");
    EXPECT_EQ(get(std::string(10'000, 'a')).substr(0, 3), "421");
    EXPECT_EQ(get("127.0.0.1:80").substr(0, 3), "421");
    EXPECT_EQ(get("localhost:80"), "200 default page");
    EXPECT_EQ(get("two.example"), "200 two");
}

TEST_F(Sites, UnknownHostsAreNotFound) {
    serve(UnknownHost::not_found);
    EXPECT_EQ(get("other.example", "/shared").substr(0, 3), "404");
    EXPECT_EQ(get("two.example", "/shared"), "200 shared");
}

TEST_F(Sites, TheTargetGoesBeforeTheHostField) {
    serve(UnknownHost::misdirected);
    const auto ask = [&](std::string_view target, std::string_view host) {
        return answer_to(t_.port(), request_for(host, target));
    };
    // RFC 9112 section 3.2.2.
    EXPECT_EQ(ask("http://one.example/own", "two.example"), "200 one");
    EXPECT_EQ(ask("http://ONE.example:80/own", "other.example"), "200 one");
    EXPECT_EQ(ask("http://other.example/own", "one.example").substr(0, 3), "421");
    EXPECT_EQ(ask("http://one.example@two.example/", "two.example").substr(0, 3), "400");
    for (const char* bad : {"a b", "one.example/x", "[::1", "one.example:99999999", "[]", "@"})
        EXPECT_EQ(ask("/own", bad).substr(0, 3), "400") << bad;
    EXPECT_EQ(answer_to(t_.port(), "GET /own HTTP/1.1\r\n\r\n").substr(0, 3), "400");
    EXPECT_EQ(
        answer_to(t_.port(), "GET /own HTTP/1.1\r\nHost: one.example\r\nHost: two.example\r\n\r\n")
            .substr(0, 3),
        "400");
    EXPECT_EQ(answer_to(t_.port(), "GET /own HTTP/1.0\r\n\r\n").substr(0, 3), "421");
}

TEST_F(Sites, OneConnectionMayAskForSeveralHosts) {
    serve(UnknownHost::serve);
    Client client(t_.port());
    ASSERT_TRUE(client.send(request_for("one.example", "/own") + request_for("two.example", "/") +
                            request_for("localhost", "/own")));
    EXPECT_EQ(client.answer().body, "one");
    EXPECT_EQ(client.answer().body, "two");
    EXPECT_EQ(client.answer().body, "default");
}

TEST_F(Sites, MethodsAreThoseOfTheHost) {
    t_.server.get("/path", says("default"));
    HostSite& one = serve_host(t_.server, {.hosts = {"one.example"}});
    one.post("/path", says("posted"));
    one.websocket("/ws", {});
    t_.start();
    const auto send = [&](std::string_view method, std::string_view path, std::string_view host) {
        Client client(t_.port());
        EXPECT_TRUE(client.send(std::string(method) + " " + std::string(path) +
                                " HTTP/1.1\r\nHost: " + std::string(host) +
                                "\r\nContent-Length: 0\r\n\r\n"));
        return client.answer().status;
    };
    EXPECT_EQ(send("POST", "/path", "one.example"), 200);
    EXPECT_EQ(send("GET", "/path", "one.example"), 200);
    EXPECT_EQ(send("POST", "/path", "localhost"), 405);
    EXPECT_EQ(send("GET", "/ws", "one.example"), 426);
    EXPECT_EQ(send("GET", "/ws", "localhost"), 404);
}

TEST_F(Sites, HeaderFieldsAreAddedAndRemoved) {
    t_.server.default_header("X-All", "server");
    t_.server.default_header("X-Both", "server");
    remove_header(t_.server, "X-Never");
    const auto handler = [](const Request&, Response& response) {
        response.header("X-Never", "1").header("X-Secret", "2").text("ok");
    };
    t_.server.get("/", handler);
    HostSite& one = serve_host(t_.server, {.hosts = {"one.example"}});
    one.default_header("X-Both", "one");
    one.remove_header("x-secret");
    one.remove_header("X-All");
    t_.start();
    const auto head = [&](std::string_view host, std::string_view target) {
        Client client(t_.port());
        EXPECT_TRUE(client.send(request_for(host, target)));
        return client.answer();
    };
    for (const char* target : {"/", "/none"}) {
        const Answer own = head("one.example", target), other = head("localhost", target);
        EXPECT_TRUE(own.has("X-Both: one")) << own.head;
        EXPECT_FALSE(own.has("X-All") || own.has("X-Secret") || own.has("X-Never")) << own.head;
        EXPECT_TRUE(other.has("X-Both: server") && other.has("X-All: server")) << other.head;
        EXPECT_FALSE(other.has("X-Never")) << other.head;
        EXPECT_EQ(other.has("X-Secret"), std::string_view(target) == "/");
    }
    // Errors of the protocol have the host's fields too.
    Client client(t_.port());
    ASSERT_TRUE(
        client.send("POST /none HTTP/1.1\r\nHost: one.example\r\nExpect: 100-continue\r\n"
                    "Content-Length: 5\r\n\r\n"));
    const Answer refused = client.answer();
    EXPECT_EQ(refused.status, 404);
    EXPECT_TRUE(refused.has("X-Both: one") && !refused.has("X-All")) << refused.head;
}

TEST_F(Sites, AHiddenPathIsNotServedThere) {
    t_.server.get("/shared", says("shared"));
    t_.server.get("/shared/:name", says("beneath"));
    t_.server.get("/shared-too", says("too"));
    t_.server.get("/kept", says("kept"));
    HostSite& one = serve_host(t_.server, {.hosts = {"one.example"}});
    one.hide("/shared/");
    one.hide("/kept");
    one.get("/kept", says("its own"));
    HostSite& bare = serve_host(t_.server, {.hosts = {"bare.example"}});
    bare.hide("/");
    bare.get("/own", says("own"));
    EXPECT_THROW(one.hide("shared"), std::invalid_argument);
    t_.start();
    const struct {
        std::string host, target, want;
    } cases[] = {
        {"one.example", "/shared", "404 Not Found\n"},
        {"one.example", "/shared/a", "404 Not Found\n"},
        {"one.example", "/shared-too", "200 too"},
        {"one.example", "/kept", "200 its own"},
        {"bare.example", "/kept", "404 Not Found\n"},
        {"bare.example", "/own", "200 own"},
        {"localhost", "/shared", "200 shared"},
        {"localhost", "/shared/a", "200 beneath"},
        {"localhost", "/kept", "200 kept"},
    };
    for (const auto& c : cases) EXPECT_EQ(get(c.host, c.target), c.want) << c.host << c.target;
}

// A pattern of the server does not bring a hidden path back.
TEST_F(Sites, AHiddenPathIsNotServedByAPattern) {
    t_.server.get("/room/:id", says("room"));
    t_.server.get("/room/:id/log", says("log"));
    t_.server.get("/all/*", says("all"));
    HostSite& one = serve_host(t_.server, {.hosts = {"one.example"}});
    one.hide("/room/secret");
    one.hide("/all/a b/");
    t_.start();
    const struct {
        std::string target, want;
    } cases[] = {
        {"/room/open", "200 room"},
        {"/room/open/log", "200 log"},
        {"/room/secret", "404 Not Found\n"},
        {"/room/secret?x=1", "404 Not Found\n"},
        {"/room/secret/log", "404 Not Found\n"},
        {"/room/s%65cret", "404 Not Found\n"},
        {"/room/secrets", "200 room"},
        {"/room/Secret", "200 room"},
        {"/room/secret%2Flog", "200 room"},  // One segment.
        {"/all/a", "200 all"},
        {"/all/a%20b/c", "404 Not Found\n"},
        {"/all/a%20b", "404 Not Found\n"},
        {"/room/%zz", "404 Not Found\n"},
    };
    for (const auto& [target, want] : cases) {
        EXPECT_EQ(get("one.example", target), want) << target;
        EXPECT_EQ(get("localhost", target).substr(0, 3), target == "/room/%zz" ? "404" : "200")
            << target;
    }
    const std::string post = "POST /room/secret HTTP/1.1\r\nHost: one.example\r\nContent-Length: 0";
    EXPECT_EQ(answer_to(t_.port(), post + "\r\n\r\n"), "404 Not Found\n");  // Not 405.
}

TEST_F(Sites, ASiteIsOfOneServer) {
    TestServer other;
    HostSite& site = serve_host(other.server, {.hosts = {"one.example"}});
    EXPECT_THROW(on_site(t_.server, site, [] {}), std::invalid_argument);
    EXPECT_THROW(serve_files(t_.server, site, "/", "/"), std::invalid_argument);
}

TEST_F(Sites, WhatIsAddedOnASiteIsOfThatSite) {
    HostSite& one = serve_host(t_.server, {.hosts = {"one.example"}});
    HostSite& two = serve_host(t_.server, {.hosts = {"two.example"}});
    for (HostSite* site : {&one, &two})
        on_site(t_.server, *site, [&] {
            sio::Server& io = t_.server.socketio({.serve_client = false});
            (void)io.of(site == &one ? "/first" : "/second");
            t_.server.get("/which", says(site == &one ? "one" : "two"));
        });
    EXPECT_THROW(on_site(t_.server, one, [&] { t_.server.get("/which", says("again")); }),
                 std::invalid_argument);
    t_.server.get("/which", says("default"));  // After the exception: on all hosts again.
    t_.start();
    EXPECT_EQ(get("one.example", "/which"), "200 one");
    EXPECT_EQ(get("two.example", "/which"), "200 two");
    EXPECT_EQ(get("localhost", "/which"), "200 default");
    const std::string handshake = "/socket.io/?EIO=4&transport=polling";
    EXPECT_EQ(get("localhost", handshake), "404 Not Found\n");
    for (const char* host : {"one.example", "two.example"})
        EXPECT_TRUE(get(host, handshake).starts_with("200 0{")) << host;
}

TEST_F(Sites, ASiteHasItsOwnCrossOriginRules) {
    t_.server.cors({.origins = {"https://page.example"}});
    t_.server.get("/", says("ok"));
    t_.server.websocket("/ws", {});
    HostSite& one = serve_host(t_.server, {.hosts = {"one.example"}});
    one.cors({.origins = {"https://one.page"}, .credentials = true});
    one.allow_origins({"https://*.one.page"});
    EXPECT_THROW(one.allow_origins({"one.page"}), std::invalid_argument);
    t_.start();
    const auto allowed = [&](const std::string& host, const std::string& origin) {
        Client client(t_.port());
        const Answer answer = client.request("GET / HTTP/1.1\r\nHost: " + host +
                                             "\r\nOrigin: " + origin + "\r\n\r\n");
        return answer.has("Access-Control-Allow-Origin: " + origin);
    };
    EXPECT_TRUE(allowed("localhost", "https://page.example"));
    EXPECT_FALSE(allowed("localhost", "https://one.page"));
    EXPECT_TRUE(allowed("one.example", "https://one.page"));
    EXPECT_FALSE(allowed("one.example", "https://page.example"));
    const auto opened = [&](const std::string& host, const std::string& origin) {
        Client client(t_.port());
        return client
            .request("GET /ws HTTP/1.1\r\nHost: " + host +
                     "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                     "Origin: " +
                     origin + "\r\n\r\n")
            .status;
    };
    EXPECT_EQ(opened("one.example", "https://a.one.page"), 101);
    EXPECT_EQ(opened("one.example", "https://one.page.evil"), 403);
    EXPECT_EQ(opened("localhost", "https://a.one.page"), 403);
}

TEST_F(Sites, WrongNamesAreRefused) {
    HostSite& one = serve_host(t_.server, {.hosts = {"one.example"}});
    EXPECT_THROW(serve_host(t_.server, {.hosts = {}}), std::invalid_argument);
    EXPECT_THROW(serve_host(t_.server, {.hosts = {"ONE.example"}}), std::invalid_argument);
    EXPECT_THROW(serve_host(t_.server, {.hosts = {"two.example", "a b"}}), std::invalid_argument);
    EXPECT_NO_THROW(serve_host(t_.server, {.hosts = {"two.example"}}));  // Nothing was kept of it.
    for (const char* name : {"Content-Length", "transfer-encoding", "Date", "a b", ""})
        EXPECT_THROW(one.remove_header(name), std::invalid_argument) << name;
    EXPECT_THROW(one.default_header("X", "a\r\nb"), std::invalid_argument);
    t_.start();
    EXPECT_THROW(serve_host(t_.server, {.hosts = {"late.example"}}), std::logic_error);
}

}  // namespace
}  // namespace starling::server::test
