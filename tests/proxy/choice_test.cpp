#include "proxy/choice.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

namespace starling::proxy {
namespace {

std::string shown(const Server& server) {
    std::string text = server.host + " " + std::to_string(server.port);
    if (server.credentials)
        text += " " + server.credentials->user + "/" + server.credentials->password;
    return text;
}

TEST(ProxyUrl, IsReadAsCurlReadsIt) {
    const struct {
        std::string url, want;
    } cases[] = {
        {"http://proxy.example:3128", "proxy.example 3128"},
        {"proxy.example:3128", "proxy.example 3128"},
        {"proxy.example", "proxy.example 1080"},
        {"HTTP://proxy.example:80/", "proxy.example 80"},
        {"http://proxy.example:80/path?query#fragment", "proxy.example 80"},
        {"127.0.0.1:1", "127.0.0.1 1"},
        {"[::1]:3128", "::1 3128"},
        {"http://[2001:db8::1]", "2001:db8::1 1080"},
        {"http://user:pass@proxy:1", "proxy 1 user/pass"},
        {"http://user@proxy:1", "proxy 1 user/"},
        {"http://u%40x:p%3Aq:r@proxy:1", "proxy 1 u@x/p:q:r"},
        {"http://a+b:c@d@proxy:1", "proxy 1 a+b/c@d"},
        {"socks5://proxy:1", "error: only proxies with http:// are supported"},
        {"https://proxy:1", "error: only proxies with http:// are supported"},
        {"http://proxy:0", "error: its port is not a number from 1 to 65535"},
        {"http://proxy:65536", "error: its port is not a number from 1 to 65535"},
        {"http://proxy:", "error: its port is not a number from 1 to 65535"},
        {"http://proxy:1x", "error: its port is not a number from 1 to 65535"},
        {"http://u%4:p@proxy:1", "error: its user or password is not percent-encoded"},
        {"http://:3128", "error: it names no host"},
        {"http://a b:3128", "error: it names no host"},
        {"http://a\r\nX: y:3128", "error: its port is not a number from 1 to 65535"},
        {"http://a\r\nX", "error: it names no host"},
        {"http://[::1:3128", "error: its port is not a number from 1 to 65535"},
        {"http://[proxy]:3128", "error: it names no host"},
        {"", "error: it names no host"},
    };
    for (const auto& [url, want] : cases) {
        const auto server = parse(url);
        EXPECT_EQ(server ? shown(*server) : "error: " + server.error(), want) << url;
    }
}

TEST(NoProxy, NamesHostsAsWithCurl) {
    const struct {
        bool exempt;
        std::string host, no_proxy;
    } cases[] = {
        {false, "example.com", ""},
        {true, "example.com", "*"},
        {true, "10.0.0.1", "*"},
        {false, "10.0.0.1", " * "},
        {false, "example.com", "*.com"},
        {true, "example.com", "example.com"},
        {true, "EXAMPLE.com", "example.COM"},
        {true, "www.example.com", "example.com"},
        {true, "www.example.com", ".example.com"},
        {true, "example.com", ".example.com"},
        {true, "example.com.", "example.com"},
        {true, "example.com", "example.com."},
        {false, "myexample.com", "example.com"},
        {false, "example.com", "www.example.com"},
        {false, "example.com", "."},
        {true, "b.example", "a.example,b.example"},
        {true, "b.example", "a.example ,\tb.example , c.example"},
        {true, "b.example", "a.example b.example"},
        {false, "example.com", ",, ,"},
        {true, "10.1.2.3", "10.1.2.3"},
        {false, "10.1.2.30", "10.1.2.3"},
        {false, "110.1.2.3", "10.1.2.3"},
        {false, "1.10.1.2.3", "10.1.2.3/8"},
        {true, "10.1.2.3", "10.0.0.0/8"},
        {false, "11.1.2.3", "10.0.0.0/8"},
        {true, "192.168.2.9", "192.168.2.0/29,192.168.2.8/29"},
        {false, "192.168.2.16", "192.168.2.8/29"},
        {true, "10.1.2.3", "10.1.2.3/32"},
        {true, "1.2.3.4", "0.0.0.0/0"},
        {false, "10.1.2.3", "10.0.0.0/33"},
        {false, "10.1.2.3", "10.0.0.0/x"},
        {false, "10.1.2.3", "10.0.0.0/"},
        {true, "::1", "::1"},
        {true, "[::1]", "[::1]"},
        {true, "::1", "0:0:0:0:0:0:0:1"},
        {true, "fd12::1", "fd00::/8"},
        {false, "fe80::1", "fd00::/8"},
        {false, "::1", "127.0.0.1"},
    };
    for (const auto& [exempt, host, no_proxy] : cases)
        EXPECT_EQ(is_exempt(host, no_proxy), exempt) << host << " in '" << no_proxy << "'";
}

TEST(ProxyChoice, TheOptionWinsThenTheVariables) {
    using Variables = std::map<std::string, std::string>;
    constexpr const char* none = "none";
    const struct {
        const char* what;
        bool secure;
        std::optional<std::string> option;
        Variables variables;
        std::string want;
    } cases[] = {
        {"nothing is set", false, {}, {}, none},
        {"http", false, {}, {{"http_proxy", "a:1"}, {"https_proxy", "b:1"}}, "a 1"},
        {"https", true, {}, {{"http_proxy", "a:1"}, {"https_proxy", "b:1"}}, "b 1"},
        {"a client could set it", false, {}, {{"HTTP_PROXY", "a:1"}}, none},
        {"capital letters", true, {}, {{"HTTPS_PROXY", "a:1"}}, "a 1"},
        {"small letters win", true, {}, {{"HTTPS_PROXY", "a:1"}, {"https_proxy", "b:1"}}, "b 1"},
        {"for all", true, {}, {{"all_proxy", "a:1"}}, "a 1"},
        {"for all, capital letters", false, {}, {{"ALL_PROXY", "a:1"}}, "a 1"},
        {"the scheme's own wins", false, {}, {{"all_proxy", "a:1"}, {"http_proxy", "b:1"}}, "b 1"},
        {"empty is not set", false, {}, {{"http_proxy", ""}, {"all_proxy", "a:1"}}, "a 1"},
        {"exempt", false, {}, {{"http_proxy", "a:1"}, {"no_proxy", "example.com"}}, none},
        {"exempt, capital letters", false, {}, {{"http_proxy", "a:1"}, {"NO_PROXY", "*"}}, none},
        {"the option", false, "o:1", {{"http_proxy", "a:1"}}, "o 1"},
        {"the option against no_proxy", false, "o:1", {{"no_proxy", "*"}}, "o 1"},
        {"no proxy by option", false, "", {{"http_proxy", "a:1"}}, none},
        {"a wrong option",
         false,
         "socks5://u:secret@h",
         {},
         "error: proxy: only proxies with http:// are supported"},
        {"a wrong variable",
         true,
         {},
         {{"https_proxy", "http://u:secret@"}},
         "error: https_proxy: it names no host"},
    };
    for (const auto& c : cases) {
        const auto server = choose(c.secure, "www.example.com", c.option, [&](const char* name) {
            const auto found = c.variables.find(name);
            return found == c.variables.end() ? nullptr : found->second.c_str();
        });
        const std::string got = !server   ? "error: " + server.error()
                                : *server ? shown(**server)
                                          : none;
        EXPECT_EQ(got, c.want) << c.what;
    }
}

TEST(ProxyChoice, VariablesDoNotCountForThisMachine) {
    const auto everywhere = [](const char* name) {
        return std::string_view(name) == "http_proxy" ? "a:1" : nullptr;
    };
    for (const char* const host : {"localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"}) {
        const auto server = choose_for(false, host, {}, everywhere);
        EXPECT_TRUE(server && !*server) << host;
        const auto wanted = choose_for(false, host, "o:1", everywhere);
        EXPECT_TRUE(wanted && *wanted) << host;
    }
    for (const char* const host : {"localhost.example", "10.0.0.1", "::2"}) {
        const auto server = choose_for(false, host, {}, everywhere);
        EXPECT_TRUE(server && *server) << host;
    }
}

}  // namespace
}  // namespace starling::proxy
