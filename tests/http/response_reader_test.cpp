// RFC 9112, receiving side of a client: every case at every read size, with and without further
// bytes.
#include "http/response_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/text.h"
#include "tests/fake/text.h"

namespace starling::http {
namespace {

using fake::repeat;
using Kind = ResponseEvent::Kind;
using Method = ResponseReader::Method;

void write_head(std::string& log, const ResponseHead& head) {
    log += "head(" + std::to_string(head.status);
    if (!head.reason.empty()) log += " " + std::string(head.reason);
    log += " 1." + std::to_string(head.version_minor);
    if (!head.keep_alive) log += " close";
    if (head.chunked) log += " chunked";
    if (head.content_length) log += " length=" + std::to_string(*head.content_length);
    if (head.until_close) log += " until-close";
    if (head.switched) log += " switched";
    for (const Field& field : head.fields)
        log += " " + std::string(field.name) + "=" + std::string(field.value);
    log += ") ";
}

const char* name_of(ResponseFault fault) {
    switch (fault) {
        case ResponseFault::none: return "none";
        case ResponseFault::malformed: return "malformed";
        case ResponseFault::head_too_large: return "head";
        case ResponseFault::body_too_large: return "body";
        default: return "ended";
    }
}

// Feeds `wire` in reads of `step` bytes, then the end of the connection, and records every event;
// adjacent body chunks are joined. Stops after the first response, and records the bytes behind it.
std::string transcript(ResponseReader& reader, std::string_view wire, size_t step, Method method) {
    reader.begin(method);
    std::string log, body;
    if (reader.started()) log += "started ";
    const auto failed = [&] {
        std::span<const std::byte> none;
        if (reader.next(none).kind != Kind::error) log += "unstuck ";
        if (reader.head().keep_alive) log += "kept ";
        return log + "body(" + body + ") error(" + name_of(reader.fault()) + " " +
               std::to_string(reader.status()) + " " + std::string(reader.reason()) + ")";
    };
    const auto completed = [&](std::string_view behind) {
        return log + "complete(" + body + ")" + std::string(behind.empty() ? "" : " behind ") +
               std::string(behind);
    };
    for (size_t at = 0; at < wire.size(); at += step) {
        auto input = base::bytes_of(wire.substr(at, step));
        for (bool more = true; more;) {
            const ResponseEvent event = reader.next(input);
            switch (event.kind) {
                case Kind::need_more:
                    if (!input.empty()) log += "left-bytes ";
                    more = false;
                    break;
                case Kind::head: write_head(log, reader.head()); break;
                case Kind::body_chunk:
                    if (event.body.empty()) log += "empty-chunk ";
                    body += base::text_of(event.body);
                    break;
                case Kind::complete:
                    if (reader.next(input).kind != Kind::complete) log += "unstuck ";
                    return completed(wire.substr(std::min(at + step, wire.size()) - input.size()));
                case Kind::error: return failed();
            }
        }
    }
    return reader.finish().kind == Kind::complete ? completed("") : failed();
}

struct ReaderCase {
    const char* name;
    std::string wire;
    std::string want;
    Method method = Method::other;
};

constexpr ResponseLimits small_limits{.head_bytes_max = 200,
                                      .fields_max = 5,
                                      .body_bytes_max = 20,
                                      .chunk_line_bytes_max = 16,
                                      .extension_bytes_max = 24};

// One reader reads everything: nothing of a response may remain in the next one.
void check(const ReaderCase& c, const ResponseLimits& limits) {
    static ResponseReader small_reader(small_limits);
    static ResponseReader ordinary_reader({});
    ResponseReader& reader = &limits == &small_limits ? small_reader : ordinary_reader;
    const bool takes_more = c.want.find("until-close") != std::string::npos ||
                            c.want.find("error(ended") != std::string::npos;
    for (size_t step = 1; step <= c.wire.size() + 4; ++step) {
        EXPECT_EQ(transcript(reader, c.wire, step, c.method), c.want)
            << c.name << ", reads of " << step;
        if (takes_more) continue;
        const bool refused = c.want.find("error(") != std::string::npos;
        EXPECT_EQ(transcript(reader, c.wire + "HTTP\x81", step, c.method),
                  refused ? c.want : c.want + " behind HTTP\x81")
            << c.name << " with bytes behind it, reads of " << step;
    }
}

template <size_t N>
void check_all(const ReaderCase (&cases)[N], const ResponseLimits& limits) {
    for (const ReaderCase& c : cases) check(c, limits);
}

std::string ok(std::string_view fields, std::string_view body = {}) {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string chunked(std::string_view body) { return ok("Transfer-Encoding: chunked\r\n", body); }
const std::string chunked_head = "head(200 OK 1.1 chunked Transfer-Encoding=chunked) ";
const std::string length_0 = "Content-Length: 0\r\n";
const std::string ok_0 = "head(200 OK 1.1 length=0 Content-Length=0) complete()";

TEST(HttpResponseReader, BodiesOfEveryKind) {
    check_all(
        {
            {"no body", ok(length_0), ok_0},
            {"a length", ok("Content-Length: 5\r\n", "hello"),
             "head(200 OK 1.1 length=5 Content-Length=5) complete(hello)"},
            {"a length with leading zeros", ok("content-length:  0005 \t\r\n", "hello"),
             "head(200 OK 1.1 length=5 content-length=0005) complete(hello)"},
            {"the limit", ok("Content-Length: 20\r\n", "12345678901234567890"),
             "head(200 OK 1.1 length=20 Content-Length=20) complete(12345678901234567890)"},
            {"until the end", ok("A: 1\r\n", "abc"),
             "head(200 OK 1.1 close until-close A=1) complete(abc)"},
            {"until the end, empty", ok(""), "head(200 OK 1.1 close until-close) complete()"},
            {"until the end, the limit", ok("", "12345678901234567890"),
             "head(200 OK 1.1 close until-close) complete(12345678901234567890)"},
            {"chunks", chunked("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), chunked_head + "complete(abc)"},
            {"chunks, the limit", chunked("a\r\n1234567890\r\nA\r\n1234567890\r\n0\r\n\r\n"),
             chunked_head + "complete(12345678901234567890)"},
            {"no chunk", chunked("0\r\n\r\n"), chunked_head + "complete()"},
            {"chunk extensions", chunked("003;a=\"b\"\r\nabc\r\n00 ;c\r\n\r\n"),
             chunked_head + "complete(abc)"},
            {"a padded size", chunked("1  \r\na\r\n0\r\n\r\n"), chunked_head + "complete(a)"},
            {"trailers", chunked("1\r\na\r\n0\r\nContent-Length: 9\r\nB: 2\r\n\r\n"),
             chunked_head + "complete(a)"},
            {"chunked in capitals", ok("TRANSFER-ENCODING: Chunked\r\n", "0\r\n\r\n"),
             "head(200 OK 1.1 chunked TRANSFER-ENCODING=Chunked) complete()"},
        },
        small_limits);
}

TEST(HttpResponseReader, ResponsesWithoutABody) {
    check_all(
        {
            {"204", "HTTP/1.1 204 No Content\r\n\r\n", "head(204 No Content 1.1) complete()"},
            {"204 with a length of 0", "HTTP/1.1 204 No Content\r\n" + length_0 + "\r\n",
             "head(204 No Content 1.1 length=0 Content-Length=0) complete()"},
            {"204 that announces a body", "HTTP/1.1 204 X\r\nContent-Length: 3\r\n\r\n",
             "head(204 X 1.1 close length=3 Content-Length=3) complete()"},
            {"204 that announces chunks", "HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n",
             "head(204 X 1.1 close chunked Transfer-Encoding=chunked) complete()"},
            {"304 with the length of what is not sent",
             "HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n",
             "head(304 Not Modified 1.1 length=999 Content-Length=999) complete()"},
            {"HEAD", ok("Content-Length: 999\r\n"),
             "head(200 OK 1.1 length=999 Content-Length=999) complete()", Method::head},
            {"HEAD without a length", ok(""), "head(200 OK 1.1) complete()", Method::head},
            {"HEAD of chunks", chunked(""), chunked_head + "complete()", Method::head},
            {"CONNECT", "HTTP/1.1 200 Go\r\nTransfer-Encoding: chunked\r\n\r\n",
             "head(200 Go 1.1 close chunked switched Transfer-Encoding=chunked) complete()",
             Method::connect},
            {"CONNECT refused", "HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno",
             "head(407 Who 1.1 length=2 Content-Length=2) complete(no)", Method::connect},
            {"101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
             "head(101 Switching Protocols 1.1 close switched Upgrade=websocket) complete()"},
        },
        small_limits);
}

TEST(HttpResponseReader, InterimResponsesAreSkipped) {
    check_all(
        {
            {"100", "HTTP/1.1 100 Continue\r\n\r\n" + ok(length_0), ok_0},
            {"several",
             "HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 7\r\n"
             "\r\nHTTP/1.1 199\r\n\r\n" +
                 ok(length_0),
             ok_0},
            {"100, then 101", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n",
             "head(101 Go 1.1 close switched Upgrade=x) complete()"},
            {"an interim response alone", "HTTP/1.1 102 Processing\r\n\r\n",
             "body() error(ended 102 the connection ended within the head)"},
            {"faulty ones are refused", "HTTP/1.1 100 Continue\r\nA : b\r\n\r\n" + ok(length_0),
             "body() error(malformed 100 space before the colon)"},
            {"heads count together", repeat("HTTP/1.1 102 Processing\r\n\r\n", 7) + ok(length_0),
             "body() error(head 102 response head too large)"},
        },
        small_limits);
    check({"a hundred", repeat("HTTP/1.1 102 Processing\r\n\r\n", 100) + ok(length_0), ok_0}, {});
}

TEST(HttpResponseReader, StatusLines) {
    const std::string rest = "\r\n" + length_0 + "\r\n";
    const std::string length = " length=0 Content-Length=0) complete()";
    const std::string version = "body() error(malformed 0 invalid HTTP version)";
    const std::string code = "body() error(malformed 0 invalid status code)";
    check_all(
        {
            {"no reason", "HTTP/1.1 200 " + rest, "head(200 1.1" + length},
            {"no second space", "HTTP/1.1 200" + rest, "head(200 1.1" + length},
            {"a reason of other bytes", "HTTP/1.1 299 \xc3\xa4 \t b" + rest,
             "head(299 \xc3\xa4 \t b 1.1" + length},
            {"999", "HTTP/1.1 999 x" + rest, "head(999 x 1.1" + length},
            {"a higher minor version", "HTTP/1.7 200 OK" + rest, "head(200 OK 1.1" + length},
            {"1.0", "HTTP/1.0 200 OK" + rest, "head(200 OK 1.0 close" + length},
            {"HTTP/2", "HTTP/2.0 200 OK" + rest,
             "body() error(malformed 0 HTTP version not supported)"},
            {"HTTP/2 without a minor version", "HTTP/2 200 OK" + rest, version},
            {"small letters", "http/1.1 200 OK" + rest, version},
            {"no version", "200 OK" + rest, version},
            {"another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", version},
            {"a blank line before", "\r\nHTTP/1.1 200 OK" + rest, version},
            {"a space before", " HTTP/1.1 200 OK" + rest, version},
            {"two spaces", "HTTP/1.1  200 OK" + rest, code},
            {"a tab", "HTTP/1.1\t200 OK" + rest, version},
            {"two digits", "HTTP/1.1 20 OK" + rest, code},
            {"four digits", "HTTP/1.1 2000 OK" + rest, code},
            {"a sign", "HTTP/1.1 +20 OK" + rest, code},
            {"0xx", "HTTP/1.1 020 OK" + rest, code},
            {"no status", "HTTP/1.1\r\n", version},
            {"LF alone", "HTTP/1.1 200 OK\nA: 1\n\n", "body() error(malformed 0 LF without CR)"},
            {"LF alone after the status", "HTTP/1.1 200\n",
             "body() error(malformed 0 LF without CR)"},
            {"CR alone", "HTTP/1.1 200 OK\rA: 1\r\n", "body() error(malformed 0 CR without LF)"},
            {"NUL", std::string("HTTP/1.1 200 O\0K\r\n", 18),
             "body() error(malformed 0 control character in the status line)"},
        },
        small_limits);
}

TEST(HttpResponseReader, HeadsThatCouldBeReadInTwoWaysAreRefused) {
    const auto refused = [](std::string_view why) {
        return "body() error(malformed 200 " + std::string(why) + ")";
    };
    const std::string coding = refused("transfer coding not implemented");
    const std::string invalid = refused("invalid Content-Length");
    check_all(
        {
            {"CR alone in a field", ok("A: 1\rB: 2\r\n"), refused("CR without LF")},
            {"LF alone behind a field", ok("A: 1\nB: 2\r\n"), refused("LF without CR")},
            {"NUL in a value", ok(std::string("A: 1\0\r\n", 7)),
             refused("control character in a header")},
            {"NUL in a name", ok(std::string("A\0: 1\r\n", 7)), refused("invalid header name")},
            {"a folded field", ok("A: 1\r\n 2\r\n"), refused("folded header field")},
            {"a folded first field", ok(" A: 1\r\n"), refused("folded header field")},
            {"a space before the colon", ok("Content-Length : 3\r\n"),
             refused("space before the colon")},
            {"no colon", ok("Content-Length\r\n"), refused("invalid header name")},
            {"no name", ok(": 3\r\n"), refused("invalid header name")},
            {"two lengths", ok("Content-Length: 3\r\nContent-Length: 4\r\n"),
             refused("several lengths")},
            {"the same length twice", ok("Content-Length: 3\r\nContent-Length: 3\r\n"),
             refused("several lengths")},
            {"a list of lengths", ok("Content-Length: 3, 3\r\n"), invalid},
            {"a signed length", ok("Content-Length: +3\r\n"), invalid},
            {"a negative length", ok("Content-Length: -3\r\n"), invalid},
            {"an empty length", ok("Content-Length:\r\n"), invalid},
            {"a hexadecimal length", ok("Content-Length: 0x3\r\n"), invalid},
            {"a length of 2^64", ok("Content-Length: 18446744073709551616\r\n"), invalid},
            {"a length and chunks", ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
             refused("Content-Length with Transfer-Encoding")},
            {"chunks and a length", ok("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
             refused("Content-Length with Transfer-Encoding")},
            {"gzip", ok("Transfer-Encoding: gzip\r\n"), coding},
            {"gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n"), coding},
            {"chunked twice", ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
             coding},
            {"identity", ok("Transfer-Encoding: identity\r\n"), coding},
            {"an empty coding", ok("Transfer-Encoding:\r\n"), coding},
            {"a coding that hides", ok("Transfer-Encoding: xchunked\r\n"), coding},
            {"chunks in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
             refused("Transfer-Encoding in HTTP/1.0")},
        },
        small_limits);
}

TEST(HttpResponseReader, BodiesThatAreRefused) {
    const auto refused = [](std::string_view body, std::string_view why) {
        return chunked_head + "body(" + std::string(body) + ") error(malformed 200 " +
               std::string(why) + ")";
    };
    const auto too_large = [](std::string_view head, std::string_view body) {
        return std::string(head) + "body(" + std::string(body) +
               ") error(body 200 response body too large)";
    };
    check_all(
        {
            {"a chunk that is too long", chunked("1\r\nab\r\n"),
             refused("a", "chunk longer than its size")},
            {"no size", chunked("\r\nab\r\n"), refused("", "invalid chunk size")},
            {"no hexadecimal size", chunked("zz\r\n"), refused("", "invalid chunk size")},
            {"a negative size", chunked("-1\r\n"), refused("", "invalid chunk size")},
            {"0x", chunked("0x1\r\n"), refused("", "invalid chunk size")},
            {"a size of 17 digits", chunked("00000000000000001\r\n"),
             refused("", "chunk size over 64 bits")},
            {"LF alone", chunked("1\na\r\n"), refused("", "invalid chunk size")},
            {"CR alone", chunked("1\rX"), refused("", "CR without LF")},
            {"a long extension", chunked("1;" + std::string(20, 'x') + "\r\n"),
             refused("", "chunk extensions too large")},
            {"many extensions", chunked("1;xxxxxxxxxxx\r\na\r\n1;xxxxxxxxxxxx\r\n"),
             refused("a", "chunk extensions too large")},
            {"a folded trailer", chunked("0\r\nA: 1\r\n b\r\n"),
             refused("", "folded header field")},
            {"a long length", ok("Content-Length: 21\r\n"),
             too_large("head(200 OK 1.1 length=21 Content-Length=21) ", "")},
            {"a length of 2^64 - 1", ok("Content-Length: 18446744073709551615\r\n"),
             too_large("head(200 OK 1.1 length=18446744073709551615 "
                       "Content-Length=18446744073709551615) ",
                       "")},
            {"a long chunk", chunked("15\r\n"), too_large(chunked_head, "")},
            {"a chunk of 2^64 - 1", chunked("1\r\na\r\nffffffffffffffff\r\n"),
             too_large(chunked_head, "a")},
            {"long chunks", chunked("14\r\n12345678901234567890\r\n1\r\n"),
             too_large(chunked_head, "12345678901234567890")},
        },
        small_limits);
    // One byte more than the limit, and then without an end.
    ResponseReader reader(small_limits);
    for (const size_t more : {1u, 100u})
        EXPECT_EQ(transcript(reader, ok("", std::string(20 + more, 'x')), 1, Method::other),
                  too_large("head(200 OK 1.1 close until-close) ", std::string(20, 'x')));
}

TEST(HttpResponseReader, TheConnectionEndsEarly) {
    check_all(
        {
            {"nothing", "", "body() error(ended 0 the connection ended before a response)"},
            {"half a status line", "HTTP/1.1 20",
             "body() error(ended 0 the connection ended within the head)"},
            {"half a head", "HTTP/1.1 500 No\r\nA: 1\r\n",
             "body() error(ended 500 the connection ended within the head)"},
            {"half a body", ok("Content-Length: 5\r\n", "ab"),
             "head(200 OK 1.1 length=5 Content-Length=5) body(ab) "
             "error(ended 200 the connection ended within the body)"},
            {"half a chunk", chunked("5\r\nab"),
             chunked_head + "body(ab) error(ended 200 the connection ended within the body)"},
            {"no last chunk", chunked("2\r\nab\r\n"),
             chunked_head + "body(ab) error(ended 200 the connection ended within the body)"},
            {"half the trailers", chunked("0\r\nA: 1\r\n"),
             chunked_head + "body() error(ended 200 the connection ended within the body)"},
        },
        small_limits);
}

TEST(HttpResponseReader, TheLimitsOfTheHead) {
    const std::string five = repeat("A: 1\r\n", 5);
    const std::string as = " A=1 A=1 A=1 A=1 A=1";
    // 17 bytes of the status line, 4 and 2 of the field, 2 of the end, and 175 of its value.
    const std::string name = "AB: ";
    const auto wide = [&](size_t bytes) { return ok(name + std::string(bytes, 'x') + "\r\n"); };
    check_all(
        {
            {"as many fields as allowed", ok(five, "b"),
             "head(200 OK 1.1 close until-close" + as + ") complete(b)"},
            {"one more", ok(five + "A: 1\r\n"), "body() error(head 200 too many header fields)"},
            {"as many trailers as allowed", chunked("0\r\n" + five + "\r\n"),
             chunked_head + "complete()"},
            {"one more trailer", chunked("0\r\n" + five + "A: 1\r\n"),
             chunked_head + "body() error(head 200 too many header fields)"},
            {"as many bytes as allowed", wide(175),
             "head(200 OK 1.1 close until-close AB=" + std::string(175, 'x') + ") complete()"},
            {"one more byte", wide(176), "body() error(head 200 response head too large)"},
            {"a status line without an end", "HTTP/1.1 200 " + std::string(200, 'x'),
             "body() error(head 0 response head too large)"},
            {"trailers count with the head", chunked("0\r\nA: " + std::string(160, 'x') + "\r\n"),
             chunked_head + "body() error(head 200 trailers too large)"},
        },
        small_limits);
}

TEST(HttpResponseReader, WhatFollowsOnTheConnection) {
    const auto with = [](std::string_view version, std::string_view connection) {
        return "HTTP/" + std::string(version) + " 200\r\nConnection: " + std::string(connection) +
               "\r\n" + length_0 + "\r\n";
    };
    const auto want = [](std::string_view version, std::string_view connection) {
        return "head(200 " + std::string(version) +
               " length=0 Connection=" + std::string(connection) + " Content-Length=0) complete()";
    };
    check_all(
        {
            {"close", with("1.1", "close"), want("1.1 close", "close")},
            {"close in a list", with("1.1", "x, Close ,y"), want("1.1 close", "x, Close ,y")},
            {"closer", with("1.1", "closer"), want("1.1", "closer")},
            {"close wins", with("1.1", "keep-alive, close"),
             want("1.1 close", "keep-alive, close")},
            {"1.0", with("1.0", "x"), want("1.0 close", "x")},
            {"1.0 keep-alive", with("1.0", "Keep-Alive"), want("1.0", "Keep-Alive")},
            {"1.0 close", with("1.0", "close"), want("1.0 close", "close")},
            {"1.0 until the end", "HTTP/1.0 200\r\nConnection: keep-alive\r\n\r\na",
             "head(200 1.0 close until-close Connection=keep-alive) complete(a)"},
        },
        small_limits);
}

TEST(HttpResponseReader, FieldsAreFoundByName) {
    ResponseReader reader({});
    const std::string wire = ok("Content-Type: a\r\ncontent-TYPE: b\r\nX:\r\n" + length_0);
    auto input = base::bytes_of(wire);
    ASSERT_EQ(reader.next(input).kind, Kind::head);
    EXPECT_EQ(reader.field("content-type"), "a");
    EXPECT_EQ(reader.field("X"), "");
    EXPECT_EQ(reader.field("y"), "");
}

}  // namespace
}  // namespace starling::http
