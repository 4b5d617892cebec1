#include "http/access_line.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::http {
namespace {

constexpr int64_t when_ms = 1'795'269'600'000;  // 2026-11-21T14:00:00Z
const std::string at = " - - [21/Nov/2026:14:00:00 +0000] ";

TEST(AccessLine, HasTheFormatsOfApache) {
    struct Case {
        AccessFacts facts;
        bool combined;
        std::string line;
    };
    const Case cases[] = {
        {{"192.0.2.7", "GET", "/a?b=1", 1, 200, 5},
         false,
         "192.0.2.7" + at + R"("GET /a?b=1 HTTP/1.1" 200 5)"},
        {{"2001:db8::1", "HEAD", "/", 0, 304, 0},
         false,
         "2001:db8::1" + at + R"("HEAD / HTTP/1.0" 304 -)"},
        {{"192.0.2.7", "-", "-", 1, 431, 0}, false, "192.0.2.7" + at + R"("-" 431 -)"},
        {{"", "GET", "/", 1, 200, 1}, false, "unix" + at + R"("GET / HTTP/1.1" 200 1)"},
        {{"192.0.2.7", "GET", "/", 1, 200, 1, "https://a.example/", "curl/8"},
         true,
         "192.0.2.7" + at + R"("GET / HTTP/1.1" 200 1 "https://a.example/" "curl/8")"},
        {{"192.0.2.7", "GET", "/", 1, 101, 0},
         true,
         "192.0.2.7" + at + R"("GET / HTTP/1.1" 101 - "-" "-")"},
        // What a client writes ends no field.
        {{"192.0.2.7", "GET", "/\"", 1, 200, 1, "a\" 500", "b\\\n\x1b\xff"},
         true,
         "192.0.2.7" + at + R"("GET /\" HTTP/1.1" 200 1 "a\" 500" "b\\\n\x1b\xff")"},
    };
    for (const Case& one : cases)
        EXPECT_EQ(access_line(one.facts, when_ms, one.combined), one.line);
}

}  // namespace
}  // namespace starling::http
