// The router: precedence, parameters, methods, and paths that must never reach a route.
#include "http/router.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace starling::http {
namespace {

Router make_router() {
    Router router;
    const char* const routes[][2] = {
        {"GET", "/"},                            // 0
        {"GET", "/rooms"},                       // 1
        {"POST", "/rooms"},                      // 2
        {"GET", "/rooms/:room"},                 // 3
        {"POST", "/rooms/new"},                  // 4
        {"GET", "/rooms/new/draft"},             // 5
        {"DELETE", "/rooms/{id}/people/{who}"},  // 6
        {"GET", "/files/*"},                     // 7
        {"GET", "/files/special"},               // 8
        {"*", "/any"},                           // 9
        {"GET", "/any"},                         // 10
        {"HEAD", "/head"},                       // 11
        {"GET", "/head"},                        // 12
        {"OPTIONS", "/own"},                     // 13
        {"GET", "/a/:x/c"},                      // 14
        {"GET", "/a/b/d"},                       // 15
        {"GET", "/u/:user/*"},                   // 16
        {"GET", "/dir/"},                        // 17
        {"GET", "/sp ace"},                      // 18
    };
    for (int i = 0; i < int(std::size(routes)); ++i) router.add(routes[i][0], routes[i][1], i);
    return router;
}

std::string describe(const Router& router, std::string_view method, std::string_view path) {
    Router::Match match;
    match.params.push_back({"stale", "stale"});
    match.allow = "stale";
    router.find(method, path, match);
    std::string out;
    switch (match.outcome) {
        case Router::Outcome::found: out = std::to_string(match.route); break;
        case Router::Outcome::not_found: out = "404"; break;
        case Router::Outcome::method_not_allowed: out = "405 " + match.allow; break;
        case Router::Outcome::options: out = "options " + match.allow; break;
    }
    for (const Param& param : match.params)
        out += " " + std::string(param.name) + "=" + param.value;
    return out;
}

TEST(HttpRouter, FindsTheRouteOfEachRequest) {
    struct Case {
        const char* method;
        std::string path;
        const char* want;
    };
    const Case cases[] = {
        {"GET", "/", "0"},
        {"GET", "/rooms", "1"},
        {"POST", "/rooms", "2"},
        {"HEAD", "/rooms", "1"},
        {"PUT", "/rooms", "405 GET, HEAD, OPTIONS, POST"},
        {"OPTIONS", "/rooms", "options GET, HEAD, OPTIONS, POST"},
        {"get", "/rooms", "405 GET, HEAD, OPTIONS, POST"},
        {"GET", "/rooms/", "404"},
        {"GET", "/room", "404"},
        {"GET", "/ROOMS", "404"},
        {"GET", "//rooms", "404"},
        {"GET", "/rooms/7", "3 room=7"},
        {"GET", "/rooms/a%20b%2Fc+d", "3 room=a b/c+d"},
        {"POST", "/rooms/new", "4"},
        {"GET", "/rooms/new", "3 room=new"},  // The literal has no GET.
        {"DELETE", "/rooms/new", "405 GET, HEAD, OPTIONS, POST"},
        {"GET", "/rooms/new/draft", "5"},
        {"DELETE", "/rooms/1/people/2", "6 id=1 who=2"},
        {"DELETE", "/rooms/1/people/", "404"},
        {"GET", "/rooms/1/people/2", "405 DELETE, OPTIONS"},
        {"GET", "/files", "404"},
        {"GET", "/files/", "7 *="},
        {"GET", "/files/a/b%20c", "7 *=a/b c"},
        {"GET", "/files/special", "8"},
        {"GET", "/files/special/x", "7 *=special/x"},
        {"GET", "/files//x", "7 *=/x"},
        {"GET", "/any", "10"},
        {"PURGE", "/any", "9"},
        {"OPTIONS", "/any", "9"},
        {"HEAD", "/head", "11"},
        {"GET", "/head", "12"},
        {"OPTIONS", "/own", "13"},
        {"GET", "/a/b/c", "14 x=b"},  // Backtracks from the literal to the parameter.
        {"GET", "/a/b/d", "15"},
        {"GET", "/u/me/x/y", "16 user=me *=x/y"},
        {"GET", "/dir/", "17"},
        {"GET", "/dir", "404"},
        {"GET", "/sp%20ace", "18"},
        {"GET", "/%72ooms", "1"},
        {"OPTIONS", "*", "options DELETE, GET, HEAD, OPTIONS, POST"},
        {"GET", "*", "404"},
        {"GET", "", "404"},
        {"GET", "rooms", "404"},
        {"GET", "/files/../x", "404"},
        {"GET", "/files/%2e%2E/x", "404"},
        {"GET", "/files/..%2fx", "404"},
        {"GET", "/files/..\\x", "404"},
        {"GET", "/files/.%5cx", "404"},
        {"GET", "/files/./x", "404"},
        {"GET", "/files/..", "404"},
        {"GET", "/files/...", "7 *=..."},
        {"GET", "/files/..x", "7 *=..x"},
        {"GET", "/files/%00", "404"},
        {"GET", "/files/%0", "404"},
        {"GET", "/files/%zz", "404"},
        {"GET", "/files/%", "404"},
    };
    const Router router = make_router();
    for (const Case& c : cases)
        EXPECT_EQ(describe(router, c.method, c.path), c.want) << c.method << " " << c.path;
}

TEST(HttpRouter, RefusesMalformedAndDoubleRoutes) {
    const char* const patterns[] = {"",     "rooms", "/a:b",  "/:",    "/{}",  "/{a",
                                    "/*/x", "/x*",   "/:a b", "/{a}b", "/:a{", "/rooms/{other}"};
    for (const char* pattern : patterns) {
        Router router;
        router.add("GET", "/rooms/:room", 0);
        EXPECT_THROW(router.add("GET", pattern, 1), std::invalid_argument) << pattern;
    }
    Router router;
    EXPECT_THROW(router.add("G T", "/", 0), std::invalid_argument);
    router.add("GET", "/*", 0);
    EXPECT_THROW(router.add("GET", "/*", 0), std::invalid_argument);
    EXPECT_NO_THROW(router.add("POST", "/*", 0));
}

TEST(HttpRouter, BoundsTheDepthOfAPath) {
    Router router;
    router.add("GET", "/*", 1);
    router.add("GET", "/:a/:b", 2);
    std::string deep;
    for (int i = 0; i < 10'000; ++i) deep += "/a";
    EXPECT_EQ(describe(router, "GET", deep), "1 *=" + deep.substr(1));
    std::string pattern;
    for (int i = 0; i < 65; ++i) pattern += "/:a";
    EXPECT_THROW(router.add("GET", pattern, 3), std::invalid_argument);
    pattern = pattern.substr(3);
    router.add("GET", pattern, 3);
    Router::Match match;
    router.find("GET", deep.substr(0, 128), match);
    EXPECT_EQ(match.route, 3);
    EXPECT_EQ(match.params.size(), 64u);
    router.find("GET", deep.substr(0, 130), match);
    EXPECT_EQ(match.route, 1);
}

}  // namespace
}  // namespace starling::http
