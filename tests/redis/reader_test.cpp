#include "redis/reader.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "redis/command.h"
#include "tests/redis/show.h"

namespace starling::redis {
namespace {

struct Case {
    std::string wire, shown;
};

// At every split into two reads, byte by byte, and with a reply behind it.
void check(const Case& c, ReaderLimits limits = {}) {
    SCOPED_TRACE(c.wire.substr(0, 100));
    for (size_t first = 1; first <= c.wire.size(); ++first)
        ASSERT_EQ(read_all(c.wire, first, c.wire.size(), limits), c.shown) << "first " << first;
    EXPECT_EQ(read_all(c.wire, 1, 1, limits), c.shown);
    if (c.shown.find('!') == std::string::npos && !c.shown.ends_with("...")) {
        EXPECT_EQ(read_all(c.wire + "+PONG\r\n", 1, 3, limits), c.shown + "+PONG\n");
    }
}

TEST(RedisReader, ReadsResp2) {
    const Case cases[] = {
        {"+OK\r\n", "+OK\n"},
        {"+\r\n", "+\n"},
        {"-ERR unknown command\r\n", "-ERR unknown command\n"},
        {":0\r\n", "0\n"},
        {":-9223372036854775808\r\n", "-9223372036854775808\n"},
        {":+7\r\n", "7\n"},
        {"$0\r\n\r\n", "''\n"},
        {"$5\r\na\r\nbc\r\n", "'a\r\nbc'\n"},
        {"$-1\r\n", "null\n"},
        {"*-1\r\n", "null\n"},
        {"*0\r\n", "[]\n"},
        {"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", "['subscribe' 'a' 1]\n"},
        {"*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n$-1\r\n", "[[1 []] [null]]\n"},
        {"*1\r\n-EXECABORT x\r\n", "[-EXECABORT x]\n"},
        {"+A\r\n:1\r\n*1\r\n+B\r\n$1\r\nC\r\n", "+A\n1\n[+B]\n'C'\n"},
        {"$3\r\nab", "..."},
        {"*2\r\n:1\r\n", "..."},
    };
    for (const Case& c : cases) check(c);
}

TEST(RedisReader, ReadsResp3) {
    const Case cases[] = {
        {"_\r\n", "null\n"},
        {"#t\r\n#f\r\n", "true\nfalse\n"},
        {",1.5\r\n,-0.25\r\n,10\r\n,1e3\r\n", "1.500000\n-0.250000\n10.000000\n1000.000000\n"},
        {",inf\r\n,-inf\r\n,nan\r\n", "inf\n-inf\nnan\n"},
        {"(3492890328409238509324850943850943825024385\r\n",
         "big 3492890328409238509324850943850943825024385\n"},
        {"(-1\r\n", "big -1\n"},
        {"!10\r\nERR a\r\nb c\r\n", "-ERR a\r\nb c\n"},
        {"=7\r\ntxt:abc\r\n=4\r\nmkd:\r\n", "v'abc'\nv''\n"},
        {"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", "{+a 1 +b [null]}\n"},
        {"%0\r\n~0\r\n", "{}\n<>\n"},
        {"~2\r\n#t\r\n$1\r\nx\r\n", "<true 'x'>\n"},
        {">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n", "('message' 'a' 'hi')\n"},
        {">1\r\n+x\r\n+OK\r\n", "(+x)\n+OK\n"},
    };
    for (const Case& c : cases) check(c);
}

TEST(RedisReader, DropsAttributes) {
    const Case cases[] = {
        {"|1\r\n+ttl\r\n:3600\r\n$1\r\na\r\n", "'a'\n"},
        {"*2\r\n|1\r\n+k\r\n*2\r\n:1\r\n:2\r\n:5\r\n:6\r\n", "[5 6]\n"},
        {"*1\r\n|0\r\n:5\r\n", "[5]\n"},
        {"|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n+d\r\n:1\r\n", "1\n"},
        {"%1\r\n+k\r\n|1\r\n+a\r\n+b\r\n*?\r\n:1\r\n.\r\n", "{+k [1]}\n"},
    };
    for (const Case& c : cases) check(c);
}

TEST(RedisReader, JoinsWhatIsStreamed) {
    const Case cases[] = {
        {"$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n", "'Hello word'\n"},
        {"$?\r\n;0\r\n", "''\n"},
        {"*2\r\n$?\r\n;2\r\nab\r\n;0\r\n$?\r\n;2\r\ncd\r\n;0\r\n", "['ab' 'cd']\n"},
        {"*?\r\n:1\r\n*?\r\n:2\r\n.\r\n.\r\n", "[1 [2]]\n"},
        {"*?\r\n.\r\n~?\r\n.\r\n%?\r\n.\r\n", "[]\n<>\n{}\n"},
        {"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n", "{+a 1 +b 2}\n"},
        {"*1\r\n*?\r\n*2\r\n:1\r\n:2\r\n.\r\n", "[[[1 2]]]\n"},
    };
    for (const Case& c : cases) check(c);
}

TEST(RedisReader, RefusesAtTheByteThatProvesTheFault) {
    const Case cases[] = {
        {"HTTP/1.1 200 OK\r\n", "! unknown type"},
        {std::string(1, '\0'), "! unknown type"},
        {"\r\n", "! unknown type"},
        {"+O\nK", "! line feed without carriage return"},
        {"+O\rK", "! carriage return without line feed"},
        {":\r\n", "! not an integer"},
        {":1 \r\n", "! not an integer"},
        {":+-1\r\n", "! not an integer"},
        {":9223372036854775808\r\n", "! not an integer"},
        {"$-2\r\n", "! not a length"},
        {"$+1\r\n", "! not a length"},
        {"$\r\n", "! not a length"},
        {"!-1\r\n", "! not a length"},
        {"%-1\r\n", "! not a length"},
        {"~-1\r\n", "! not a length"},
        {"$3\r\nabcd", "! no line end after a string"},
        {"$3\r\nabc\rx", "! no line end after a string"},
        {"_1\r\n", "! a null with a value"},
        {"#T\r\n", "! not a boolean"},
        {",\r\n", "! not a double"},
        {",1.5x\r\n", "! not a double"},
        {",0x1p3\r\n", "! not a double"},
        {",infinity\r\n", "! not a double"},
        {"(\r\n", "! not a big number"},
        {"(1a\r\n", "! not a big number"},
        {"=3\r\n", "! a verbatim string without a format"},
        {"=5\r\ntxt;a\r\n", "! a verbatim string without a format"},
        {"*1\r\n>1\r\n", "! a push inside a reply"},
        {">0\r\n", "! an empty push"},
        {">?\r\n", "! a streamed push or attribute"},
        {".\r\n", "! an end without a stream"},
        {"*1\r\n.\r\n", "! an end without a stream"},
        {"%?\r\n+a\r\n.\r\n", "! a key without a value"},
        {"$?\r\n+", "! no chunk in a streamed string"},
        {"$?\r\n;2\r\nabc", "! no line end after a chunk"},
        {"$?\r\n;-1\r\n", "! not a length"},
        {"$1111111111111111111111111", "! line too long"},
        {"$9999999999\r\n", "! string too long"},
        {"*4294967296\r\n", "! too many elements"},
        {"%9223372036854775807\r\n", "! too many elements"},
    };
    for (const Case& c : cases) check(c);
}

TEST(RedisReader, KeepsToItsLimits) {
    const ReaderLimits limits{.bulk_bytes_max = 8,
                              .reply_bytes_max = 60,
                              .elements_max = 6,
                              .line_bytes_max = 10,
                              .depth_max = 3};
    const Case cases[] = {
        {"+123456789\r\n", "+123456789\n"},
        {"+1234567890ab", "! line too long"},
        {"$8\r\n12345678\r\n", "'12345678'\n"},
        {"$9\r\n", "! string too long"},
        {">3\r\n+m\r\n+c\r\n$9\r\n123456789\r\n:5\r\n", "(+m +c null)\n5\n"},
        {">3\r\n+m\r\n$9\r\n", "! string too long"},
        {">3\r\n+m\r\n+c\r\n*1\r\n$9\r\n", "! string too long"},
        {"$?\r\n;5\r\n12345\r\n;4\r\n", "! string too long"},
        {"*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "[1 1 1 1 1]\n"},
        {"*6\r\n", "! too many elements"},
        {"%3\r\n", "! too many elements"},
        {"*5\r\n*5\r\n", "! too many elements"},
        {"*?\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "! too many elements"},
        {"*1\r\n*1\r\n*1\r\n:1\r\n", "[[[1]]]\n"},
        {"*1\r\n*1\r\n*1\r\n*1\r\n", "! too deep"},
        {"*1\r\n*1\r\n*1\r\n|1\r\n", "! too deep"},
        {"|1\r\n:1\r\n:2\r\n|1\r\n:1\r\n:2\r\n:3\r\n", "! too many elements"},
    };
    for (const Case& c : cases) check(c, limits);
    EXPECT_EQ(read_all("*5\r\n$8\r\n12345678\r\n$8\r\n12345678\r\n$8\r\n12345678\r\n$8\r\n12345678"
                       "\r\n$8\r\n12345678\r\n",
                       1, 1, limits),
              "! reply too long");
}

TEST(RedisReader, ManyAttributesAreNotKept) {
    std::string wire;
    for (int i = 0; i < 100; ++i) wire += "|1\r\n+a\r\n+b\r\n";
    EXPECT_EQ(read_all(wire, 1, 7, {.elements_max = 200}), "! too many elements");
}

TEST(RedisReader, AViolationStays) {
    Reader reader;
    std::span<const std::byte> input = base::bytes_of("?");
    EXPECT_EQ(reader.next(input), Reader::Step::violation);
    input = base::bytes_of("+OK\r\n");
    EXPECT_EQ(reader.next(input), Reader::Step::violation);
    EXPECT_EQ(reader.fault(), "unknown type");
}

TEST(RedisReader, ADeepReplyIsWalkedByItsChildren) {
    const std::string wire = "*3\r\n*2\r\n:1\r\n:2\r\n$1\r\nx\r\n%1\r\n+k\r\n*1\r\n:3\r\n";
    Reader reader;
    std::span<const std::byte> input = base::bytes_of(wire);
    ASSERT_EQ(reader.next(input), Reader::Step::reply);
    const Value reply = reader.reply();
    EXPECT_EQ(reply.size(), 3u);
    EXPECT_EQ(reply[1].text(), "x");
    EXPECT_EQ(reply[2][1][0].integer(), 3);
    EXPECT_EQ(reply[0][1].integer(), 2);
}

TEST(RedisCommand, IsAnArrayOfBulkStrings) {
    EXPECT_EQ(command({"PING"}), "*1\r\n$4\r\nPING\r\n");
    EXPECT_EQ(command({"PUBLISH", "a b", ""}), "*3\r\n$7\r\nPUBLISH\r\n$3\r\na b\r\n$0\r\n\r\n");
    EXPECT_EQ(read_all(command({"SET", "k", std::string_view("\0\r\n", 3)}), 3, 2),
              std::string("['SET' 'k' '\0\r\n']\n", 18));
}

}  // namespace
}  // namespace starling::redis
