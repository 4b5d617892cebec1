#include "fetch/header_lines.h"

#include <gtest/gtest.h>
#include <starling/server.h>

#include <algorithm>
#include <string>

namespace starling::fetch {
namespace {

// With '|' in place of each NUL, behind the line for the type of the body.
std::string lines(std::string_view headers, size_t body_bytes = 0) {
    std::string out = "left from before";
    write_header_lines(headers, body_bytes, out);
    std::ranges::replace(out, '\0', '|');
    const std::string type = "Content-Type: application/json|";
    EXPECT_TRUE(out.starts_with(type)) << out;
    return out.substr(std::min(type.size(), out.size()));
}

TEST(HeaderLines, AreTakenInTheirOrder) {
    const struct {
        std::string_view headers, lines;
    } cases[] = {
        {"", ""},
        {"A: 1\n", "A: 1|"},
        {"A: 1\nB: 2\n", "A: 1|B: 2|"},
        {"A: 1", "A: 1|"},
        {"A:1\n", "A: 1|"},
        {"A: \t 1 2 \t \n", "A: 1 2|"},
        {"A:\n", "A;|"},
        {"A: \t\nB: 2\n", "A;|B: 2|"},
        {"A: ;\n", "A: ;|"},
        {"A: \xc3\xa9\n", "A: \xc3\xa9|"},
        {"!#$%&'*+-.^_`|~09azAZ: x\n", "!#$%&'*+-.^_`|~09azAZ: x|"},
        {"Host: x\nTE: x\nexpect: x\nTrailer: x\nUPGRADE: x\nConnection: x\nA: 1\n", "A: 1|"},
        {"Keep-Alive: x\nContent-Type: x\nContent-Length: x\nTransfer-Encoding: x\n", ""},
        {"Proxy-Connection: x\nproxy-authorization: x\nProxy: x\nTee: x\n", "Proxy: x|Tee: x|"},
    };
    for (const auto& c : cases) EXPECT_EQ(lines(c.headers), c.lines) << c.headers;
}

TEST(HeaderLines, ALongBodyIsSentUnasked) {
    EXPECT_EQ(lines("A: 1\n", 100), "A: 1|");
    EXPECT_EQ(lines("A: 1\n", 2'000'000), "Expect:|A: 1|");
}

#if defined(STARLING_ASSERTIONS)
TEST(HeaderLinesDeathTest, WhatIsNoLineIsAFaultOfTheCaller) {
    using namespace std::string_view_literals;
    for (const std::string_view line : {"no colon"sv, ": 1"sv, "A : 1"sv, "A B: 1"sv, "A: 1\r"sv,
                                        "A: 1\rB: 2"sv, "A: \0"sv, "A;: 1"sv, "\xc3\xa9: 1"sv})
        EXPECT_DEATH((void)lines(line), "assertion failed: sound") << line;
}
#else
TEST(HeaderLines, WhatIsNoLineIsLeftOut) {
    using namespace std::string_view_literals;
    for (const std::string_view line : {"no colon"sv, ": 1"sv, "A : 1"sv, "A B: 1"sv, "A: 1\r"sv,
                                        "A: 1\rB: 2"sv, "A: \0"sv, "A;: 1"sv, "\xc3\xa9: 1"sv})
        EXPECT_EQ(lines(line), "") << line;
}
#endif

std::string head_of(std::string_view headers, size_t body_bytes) {
    std::string head = "first\r\n";
    const CallersLines lines = append_head(headers, body_bytes, head);
    // What is taken from the head makes the same head.
    std::string again = "first\r\n";
    (void)append_head(callers_headers(head, lines), body_bytes, again);
    EXPECT_EQ(again, head);
    return head;
}

TEST(WireHead, LinesInTheirOrder) {
    const std::string agent = "User-Agent: starling/" + std::string(version()) + "\r\n";
    const std::string accept = "Accept: */*\r\n", type = "Content-Type: application/json\r\n";
    const struct {
        std::string_view headers;
        size_t body_bytes;
        std::string want;
    } cases[] = {
        {"", 0, agent + accept + type + "Content-Length: 0\r\n"},
        {"A: 1\nB:\nC:  2 \t\n", 5'000'000'000,
         agent + accept + type + "A: 1\r\nB:\r\nC: 2\r\nContent-Length: 5000000000\r\n"},
        {"A: 1", 1, agent + accept + type + "A: 1\r\nContent-Length: 1\r\n"},
        {"Host: x\nContent-Length: 9\nExpect: 100-continue\nA: 1\n", 2'000,
         agent + accept + type + "A: 1\r\nContent-Length: 2000\r\n"},
        {"ACCEPT: x\n", 1, agent + type + "ACCEPT: x\r\nContent-Length: 1\r\n"},
        {"user-agent: x\nB: 1\n", 1,
         accept + type + "user-agent: x\r\nB: 1\r\nContent-Length: 1\r\n"},
        {"User-Agent:\nAccept:\n", 1, type + "User-Agent:\r\nAccept:\r\nContent-Length: 1\r\n"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(head_of(c.headers, c.body_bytes), "first\r\n" + c.want + "\r\n") << c.headers;
}

}  // namespace
}  // namespace starling::fetch
