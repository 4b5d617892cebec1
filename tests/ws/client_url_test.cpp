// RFC 6455 section 3 and the URL parser of browsers: what each URL means, and why it is refused.
#include "ws/client_url.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::ws::test {
namespace {

std::string shown(const base::Result<ClientUrl>& url) {
    if (!url) return "error: " + url.error();
    std::string out = url->href + " -> ";
    if (!url->unix_path.empty()) out += "unix " + url->unix_path + " ";
    out += url->host + " " + std::to_string(url->port) + (url->secure ? " tls " : " ");
    out += url->target + " host=" + url->host_field();
    if (!url->authorization.empty()) out += " " + url->authorization;
    return out;
}

TEST(WsClientUrl, urls) {
    struct Case {
        std::string_view text, expected;
    };
    constexpr Case cases[] = {
        {"ws://127.0.0.1:9001/echo",
         "ws://127.0.0.1:9001/echo -> 127.0.0.1 9001 /echo host=127.0.0.1:9001"},
        {"WS://Example.COM", "ws://example.com/ -> example.com 80 / host=example.com"},
        {"wss://example.com:443/a?b=c",
         "wss://example.com/a?b=c -> example.com 443 tls /a?b=c host=example.com"},
        {"wss://example.com:80/",
         "wss://example.com:80/ -> example.com 80 tls / host=example.com:80"},
        {"http://example.com/x", "ws://example.com/x -> example.com 80 /x host=example.com"},
        {"https://example.com", "wss://example.com/ -> example.com 443 tls / host=example.com"},
        {"ws://example.com?q=1", "ws://example.com/?q=1 -> example.com 80 /?q=1 host=example.com"},
        {"  ws://example.com/a\tb\n ",
         "ws://example.com/ab -> example.com 80 /ab host=example.com"},
        {"ws:example.com/a", "ws://example.com/a -> example.com 80 /a host=example.com"},
        {"ws:\\\\example.com\\a\\b",
         "ws://example.com/a/b -> example.com 80 /a/b host=example.com"},
        {"ws://h/a/./b/../c", "ws://h/a/c -> h 80 /a/c host=h"},
        {"ws://h/../../a/%2e%2E/b/.", "ws://h/b/ -> h 80 /b/ host=h"},
        {"ws://h/a/..", "ws://h/ -> h 80 / host=h"},
        {"ws://h//a", "ws://h//a -> h 80 //a host=h"},
        {"ws://h/a b<\xc3\xa9>?q='x y'",
         "ws://h/a%20b%3C%C3%A9%3E?q=%27x%20y%27 -> h 80 /a%20b%3C%C3%A9%3E?q=%27x%20y%27 host=h"},
        {"ws://h/%zz%41", "ws://h/%zz%41 -> h 80 /%zz%41 host=h"},
        {"ws://h:/", "ws://h/ -> h 80 / host=h"},
        {"ws://h:00080/", "ws://h/ -> h 80 / host=h"},
        {"ws://[::1]:8080/", "ws://[::1]:8080/ -> ::1 8080 / host=[::1]:8080"},
        {"ws://[2001:DB8:0:0::1]/", "ws://[2001:db8::1]/ -> 2001:db8::1 80 / host=[2001:db8::1]"},
        {"ws://127.1/", "ws://127.0.0.1/ -> 127.0.0.1 80 / host=127.0.0.1"},
        {"ws://0x7f.0.0.017/", "ws://127.0.0.15/ -> 127.0.0.15 80 / host=127.0.0.15"},
        {"ws://2130706433/", "ws://127.0.0.1/ -> 127.0.0.1 80 / host=127.0.0.1"},
        {"ws://1.2.3.4./", "ws://1.2.3.4/ -> 1.2.3.4 80 / host=1.2.3.4"},
        {"ws://%65xample.com/", "ws://example.com/ -> example.com 80 / host=example.com"},
        {"ws://xn--bcher-kva.example/",
         "ws://xn--bcher-kva.example/ -> xn--bcher-kva.example 80 / host=xn--bcher-kva.example"},
        {"ws://user:pass@h/", "ws://user:pass@h/ -> h 80 / host=h Basic dXNlcjpwYXNz"},
        {"ws://user@h/", "ws://user@h/ -> h 80 / host=h Basic dXNlcjo="},
        {"ws://a%40b:p%3Aq@h/", "ws://a%40b:p%3Aq@h/ -> h 80 / host=h Basic YUBiOnA6cQ=="},
        {"ws://a@b:c@h/", "ws://a%40b:c@h/ -> h 80 / host=h Basic YUBiOmM="},
        {"ws://@h/", "ws://h/ -> h 80 / host=h"},
        {"ws+unix:/run/s.sock:/chat?x=1",
         "ws+unix:/run/s.sock:/chat?x=1 -> unix /run/s.sock localhost 80 /chat?x=1 host=localhost"},
        {"ws+unix:/run/s.sock",
         "ws+unix:/run/s.sock:/ -> unix /run/s.sock localhost 80 / host=localhost"},
    };
    for (const Case& c : cases) EXPECT_EQ(shown(parse_client_url(c.text)), c.expected) << c.text;
}

TEST(WsClientUrl, refused) {
    struct Case {
        std::string_view text, expected;
    };
    constexpr Case cases[] = {
        {"", "error: the URL has no scheme: write ws://host/path"},
        {"/chat", "error: the URL has no scheme: write ws://host/path"},
        {"example.com:80", "error: the scheme is not ws, wss, http, https or ws+unix: example.com"},
        {"ftp://h/", "error: the scheme is not ws, wss, http, https or ws+unix: ftp"},
        {"ws://h/#", "error: the URL of a WebSocket has no fragment (#)"},
        {"ws://h/a#b", "error: the URL of a WebSocket has no fragment (#)"},
        {"ws+unix:/s:/a#b", "error: the URL of a WebSocket has no fragment (#)"},
        {"ws+unix:s.sock",
         "error: a ws+unix URL has the absolute path of a socket: ws+unix:/path:/target"},
        {"ws://", "error: the URL has no host"},
        {"ws:///", "error: the URL has no host"},
        {"ws://:80/", "error: the URL has no host"},
        {"ws://user@/", "error: the URL has no host"},
        {"ws://h:65536/", "error: the port is no number up to 65535: 65536"},
        {"ws://h:8o/", "error: the port is no number up to 65535: 8o"},
        {"ws://a b/", "error: a character in the host that no host has: a b"},
        {"ws://a%00b/", "error: a character in the host that no host has: a%00b"},
        {"ws://a<b/", "error: a character in the host that no host has: a<b"},
        {"ws://b\xc3\xbc"
         "cher.example/",
         "error: a host name outside ASCII is not supported; write its ASCII form (xn--...)"},
        {"ws://1.2.3.256/", "error: no IPv4 address: 1.2.3.256"},
        {"ws://1.2.3.4.5/", "error: no IPv4 address: 1.2.3.4.5"},
        {"ws://a.08/", "error: no IPv4 address: a.08"},
        {"ws://[::1/", "error: the IPv6 address has no ]"},
        {"ws://[::g]/", "error: no IPv6 address: [::g]"},
        {"ws://[]/", "error: no IPv6 address: []"},
    };
    for (const Case& c : cases) EXPECT_EQ(shown(parse_client_url(c.text)), c.expected) << c.text;
}

TEST(WsClientUrl, redirects) {
    struct Case {
        std::string_view from, location, expected;
    };
    constexpr Case cases[] = {
        {"ws://h/a/b?q", "/c", "ws://h/c"},
        {"ws://h/a/b?q", "c?x", "ws://h/a/c?x"},
        {"ws://h/a/b?q", "../c", "ws://h/c"},
        {"ws://h/a/b?q", "?x", "ws://h/a/b?x"},
        {"ws://h/a/b?q", "#f", "ws://h/a/b?q"},
        {"ws://h/a", "//other:81/c#f", "ws://other:81/c"},
        {"ws://h/a", "http://other/c", "ws://other/c"},
        {"ws://h/a", "https://other/c", "wss://other/c"},
        {"ws://h:81/a", "/c", "ws://h:81/c"},
        {"ws://[::1]:81/a", "/c", "ws://[::1]:81/c"},
        {"ws://user:pass@h/a", "/c", "ws://h/c"},
        {"wss://h/a", "/c", "wss://h/c"},
        {"wss://h/a", "wss://other/c", "wss://other/c"},
        {"wss://h/a", "ws://h/c", "error: a redirect from wss to ws"},
        {"wss://h/a", "http://h/c", "error: a redirect from wss to ws"},
        {"ws+unix:/s:/a", "/c", "ws+unix:/s:/c"},
        {"ws+unix:/s:/a/b", "c", "ws+unix:/s:/a/c"},
        {"ws+unix:/s:/a", "//h/c", "error: a redirect from a Unix-domain socket to a host"},
        {"ws://h/a", "ws+unix:/s:/c", "error: a redirect to a Unix-domain socket"},
        {"ws://h/a", "ftp://h/", "error: the scheme is not ws, wss, http, https or ws+unix: ftp"},
    };
    for (const Case& c : cases) {
        const auto from = parse_client_url(c.from);
        ASSERT_TRUE(from) << c.from;
        const auto to = resolve_redirect(*from, c.location);
        EXPECT_EQ(to ? to->href : "error: " + to.error(), c.expected)
            << c.from << " " << c.location;
    }
}

TEST(WsClientUrl, credentials_go_to_the_same_origin) {
    struct Case {
        std::string_view a, b;
        bool same;
    };
    constexpr Case cases[] = {
        {"ws://h/a", "http://H:80/b", true},        {"ws://h/", "ws://h:81/", false},
        {"ws://h/", "wss://h:80/", false},          {"ws://h/", "ws://g/", false},
        {"ws+unix:/s:/", "ws+unix:/s:/b", true},    {"ws+unix:/s:/", "ws+unix:/t:/", false},
        {"ws+unix:/s:/", "ws://localhost/", false},
    };
    for (const Case& c : cases)
        EXPECT_EQ(parse_client_url(c.a)->same_origin(*parse_client_url(c.b)), c.same)
            << c.a << " " << c.b;
}

}  // namespace
}  // namespace starling::ws::test
