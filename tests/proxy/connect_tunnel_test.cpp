#include "proxy/connect_tunnel.h"

#include <gtest/gtest.h>

#include <string>

#include "base/text.h"

namespace starling::proxy {
namespace {

TEST(ConnectRequest, NamesTheHostAndTheUser) {
    const struct {
        std::string host;
        uint16_t port;
        std::optional<Credentials> credentials;
        std::string want;
    } cases[] = {
        {"example.com",
         443,
         {},
         "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"},
        {"127.0.0.1", 80, {}, "CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"},
        {"::1", 80, {}, "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
        {"a", 1, Credentials{"Aladdin", "open sesame"},
         "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"
         "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"},
        {"a", 1, Credentials{"u", ""},
         "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nProxy-Authorization: Basic dTo=\r\n\r\n"},
        {"a", 1, Credentials{"u:v", "p"}, "error: proxy: its user holds a colon"},
        {"a\r\nX: y", 1, {}, "error: proxy: it is asked for what is no host name"},
        {"", 1, {}, "error: proxy: it is asked for what is no host name"},
    };
    for (const auto& c : cases) {
        const auto request = connect_request(c.host, c.port, c.credentials);
        EXPECT_EQ(request ? *request : "error: " + request.error(), c.want) << c.host;
    }
}

// Gives the answer in pieces of `size` bytes. "open, rest: X" or "407 text".
std::string outcome(const std::string& answer, size_t size) {
    auto proxy = dial_through({.host = "proxy", .port = 1}, "example.com", 443);
    net::Tunnel& tunnel = *(*proxy)->tunnel;
    for (size_t at = 0; at < answer.size(); at += size) {
        auto input = base::bytes_of(std::string_view(answer).substr(at, size));
        const auto step = tunnel.on_bytes(input);
        if (step == net::Tunnel::Step::more) {
            EXPECT_TRUE(input.empty());
            continue;
        }
        if (step == net::Tunnel::Step::open)
            return "open, rest: " + std::string(base::text_of(input)) +
                   answer.substr(std::min(at + size, answer.size()));
        const auto failure = tunnel.failure();
        return std::to_string(failure.status) + " " + failure.text;
    }
    return "more";
}

TEST(ConnectTunnel, OpensByAnyStatusOf2xx) {
    const struct {
        std::string answer, want;
    } cases[] = {
        {"HTTP/1.1 200 Connection established\r\n\r\n", "open, rest: "},
        {"HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n", "open, rest: "},
        {"HTTP/1.1 204 No Content\r\n\r\n", "open, rest: "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "open, rest: hello"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", "open, rest: x"},
        {"HTTP/1.1 200 OK\r\n", "more"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
         "101 the proxy answered 101: Switching Protocols"},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n",
         "403 the proxy answered 403: Forbidden"},
        {"HTTP/1.1 502 \r\n\r\n", "502 the proxy answered 502"},
        {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
         "407 the proxy answered 407 (it wants a user and a password): Proxy Authentication "
         "Required"},
        {"HTTP/1.1 500 a\x80z\r\n\r\n", "500 the proxy answered 500: a?z"},
    };
    for (const auto& [answer, want] : cases)
        for (size_t size = 1; size <= answer.size(); ++size)
            EXPECT_EQ(outcome(answer, size), want) << answer << " in pieces of " << size;
}

TEST(ConnectTunnel, WhatIsNotHttpFails) {
    for (const std::string answer : {"SSH-2.0-OpenSSH_9.2\r\n", "\x15\x03\x03\0\2",
                                     "HTTP/2 200\r\n\r\n", "HTTP/1.1 200 OK\nX: y\n\n"})
        EXPECT_TRUE(outcome(answer, 1).find("the proxy's answer is not HTTP: ") !=
                    std::string::npos)
            << answer << ": " << outcome(answer, 1);
    const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x');
    EXPECT_TRUE(outcome(endless, 1000).find("the proxy's answer is not HTTP: ") !=
                std::string::npos);
}

}  // namespace
}  // namespace starling::proxy
