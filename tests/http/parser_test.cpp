// RFC 9112, receiving side: every case at every read size, with and without further bytes.
#include "http/parser.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/text.h"

namespace starling::http {
namespace {

using Kind = ParseEvent::Kind;

void write_head(std::string& log, const RequestParser& parser) {
    const RequestHead& head = parser.head();
    log += "head(" + std::string(head.method) + " " + std::string(head.path);
    if (!head.query.empty()) log += " ?" + std::string(head.query);
    log += " host=" + std::string(head.host) + " 1." + std::to_string(head.version_minor);
    if (!head.keep_alive) log += " close";
    if (head.chunked) log += " chunked";
    if (head.content_length) log += " length=" + std::to_string(*head.content_length);
    if (head.expects_continue) log += " continue";
    for (const Field& field : head.fields)
        if (field.name != "Host")
            log += " " + std::string(field.name) + "=" + std::string(field.value);
    log += ") ";
}

// Feeds `wire` in reads of `step` bytes and records every event; adjacent body chunks are joined.
// Parses one request after the other until the bytes end, or a fault occurs.
std::string transcript(std::string_view wire, size_t step, const ParserLimits& limits) {
    RequestParser parser(limits);
    std::string log, body;
    for (size_t at = 0; at < wire.size(); at += step) {
        auto input = base::bytes_of(wire.substr(at, step));
        for (bool more = true; more;) {
            const ParseEvent event = parser.next(input);
            switch (event.kind) {
                case Kind::need_more:
                    if (!input.empty()) log += "left-bytes ";
                    more = false;
                    break;
                case Kind::head: write_head(log, parser); break;
                case Kind::body_chunk:
                    if (event.body.empty()) log += "empty-chunk ";
                    body += base::text_of(event.body);
                    break;
                case Kind::complete:
                    log += "complete(" + body + ") ";
                    body.clear();
                    if (parser.next(input).kind != Kind::complete) log += "unstuck ";
                    if (!parser.started()) log += "not-started ";
                    parser.reset();
                    if (parser.started()) log += "started ";
                    break;
                case Kind::error: {
                    log += "error(" + std::to_string(event.status) + " " +
                           std::string(event.reason) + ")";
                    parser.reset();
                    auto valid = base::bytes_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                    if (parser.next(valid).kind != Kind::error) log += " unstuck";
                    return log;
                }
            }
        }
    }
    return log.empty() ? log : log.substr(0, log.size() - 1);
}

struct ParserCase {
    const char* name;
    std::string wire;
    std::string want;
};

constexpr ParserLimits small_limits{.head_bytes_max = 200,
                                    .fields_max = 5,
                                    .target_bytes_max = 40,
                                    .body_bytes_max = 20,
                                    .chunk_line_bytes_max = 16,
                                    .extension_bytes_max = 24,
                                    .trailer_bytes_max = 40};

void check(const ParserCase& c, const ParserLimits& limits) {
    const std::string trailing = "\x81\x80\xff";
    const bool refused = c.want.find("error(") != std::string::npos;
    for (size_t step = 1; step <= c.wire.size() + 4; ++step) {
        EXPECT_EQ(transcript(c.wire, step, limits), c.want) << c.name << ", reads of " << step;
        // Bytes after a complete request are parsed as the next request. Bytes after an error are
        // not parsed.
        const auto want = refused ? c.want : c.want + " error(400 invalid method)";
        EXPECT_EQ(transcript(c.wire + trailing, step, limits), want)
            << c.name << " with bytes behind it, reads of " << step;
    }
}

std::string get(std::string_view fields) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view fields, std::string_view body) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

const std::string chunked_head = "head(POST / host=a 1.1 chunked Transfer-Encoding=chunked) ";

TEST(HttpParser, AcceptsRequestsHoweverTcpCutsThem) {
    const ParserCase cases[] = {
        {"plain", get(""), "head(GET / host=a 1.1) complete()"},
        {"query", "GET /p/q?x=1&y=? HTTP/1.1\r\nHost: a:8080\r\n\r\n",
         "head(GET /p/q ?x=1&y=? host=a:8080 1.1) complete()"},
        {"two pipelined", get("") + "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n",
         "head(GET / host=a 1.1) complete() head(GET /2 host=b 1.1) complete()"},
        {"body, then another", post("Content-Length: 5\r\n", "hello") + get(""),
         "head(POST / host=a 1.1 length=5 Content-Length=5) complete(hello) "
         "head(GET / host=a 1.1) complete()"},
        {"empty body", post("Content-Length: 0\r\n", ""),
         "head(POST / host=a 1.1 length=0 Content-Length=0) complete()"},
        {"body of the limit", post("Content-Length: 20\r\n", "12345678901234567890"),
         "head(POST / host=a 1.1 length=20 Content-Length=20) complete(12345678901234567890)"},
        {"two blank lines first", "\r\n\r\n" + get(""), "head(GET / host=a 1.1) complete()"},
        {"blank line between", get("") + "\r\n" + get(""),
         "head(GET / host=a 1.1) complete() head(GET / host=a 1.1) complete()"},
        {"1.0 closes", "GET / HTTP/1.0\r\n\r\n", "head(GET / host= 1.0 close) complete()"},
        {"1.0 kept alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
         "head(GET / host= 1.0 Connection=Keep-Alive) complete()"},
        {"1.1 closes", get("Connection: x, close\r\n"),
         "head(GET / host=a 1.1 close Connection=x, close) complete()"},
        {"outer whitespace", get("A: \t b  c \t\r\nB:\r\n"),
         "head(GET / host=a 1.1 A=b  c B=) complete()"},
        {"obs-text", get("A: \xc3\xa4\r\n"), "head(GET / host=a 1.1 A=\xc3\xa4) complete()"},
        {"upgrade", get("Connection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n"),
         "head(GET / host=a 1.1 Connection=keep-alive, Upgrade Upgrade=h2c, WebSocket) "
         "complete()"},
        {"continue", post("Content-Length: 1\r\nExpect: 100-Continue\r\n", "x"),
         "head(POST / host=a 1.1 length=1 continue Content-Length=1 Expect=100-Continue) "
         "complete(x)"},
        {"continue without body", get("Expect: 100-continue\r\n"),
         "head(GET / host=a 1.1 Expect=100-continue) complete()"},
        {"absolute-form", "GET http://b:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n",
         "head(GET /p ?q host=b:81 1.1) complete()"},
        {"absolute-form, no path", "GET HTTP://b?q HTTP/1.1\r\nHost: a\r\n\r\n",
         "head(GET / ?q host=b 1.1) complete()"},
        {"absolute-form for OPTIONS", "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
         "head(OPTIONS * host=b 1.1) complete()"},
        {"asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
         "head(OPTIONS * host=a 1.1) complete()"},
        {"IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
         "head(GET / host=[::1]:80 1.1) complete()"},
        {"1.2 is read as 1.1", "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
         "head(GET / host=a 1.1) complete()"},
        {"1.9 is read as 1.1", "POST / HTTP/1.9\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
         "head(POST / host=a 1.1 length=1 Content-Length=1) complete(x)"},
        {"chunked", chunked("5\r\nhello\r\n3;a=b\r\n wo\r\n0\r\n\r\n"),
         chunked_head + "complete(hello wo)"},
        {"chunked, nothing in it", chunked("0\r\n\r\n"), chunked_head + "complete()"},
        {"chunked, hex and zeros", chunked("0000000000000A\r\n0123456789\r\n000\r\n\r\n"),
         chunked_head + "complete(0123456789)"},
        {"chunked to the limit", chunked("14\r\n12345678901234567890\r\n0\r\n\r\n"),
         chunked_head + "complete(12345678901234567890)"},
        {"chunked, CR and LF inside", chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"),
         chunked_head + "complete(\r\n\r\n)"},
        {"trailers are dropped", chunked("1\r\nx\r\n0;e\r\nA: b\r\nHost: c\r\n\r\n") + get(""),
         chunked_head + "complete(x) head(GET / host=a 1.1) complete()"},
        {"coding in other letters", post("transfer-encoding: CHUNKED\r\n", "1\r\nx\r\n0\r\n\r\n"),
         "head(POST / host=a 1.1 chunked transfer-encoding=CHUNKED) complete(x)"},
    };
    for (const ParserCase& c : cases) check(c, small_limits);
}

TEST(HttpParser, RefusesBadRequestLines) {
    const std::string end = " HTTP/1.1\r\nHost: a\r\n\r\n";
    const auto line = [](std::string_view text) {
        return std::string(text) + "\r\nHost: a\r\n\r\n";
    };
    const ParserCase cases[] = {
        {"TLS on the plain port", "\x16\x03\x01\x02", "error(400 invalid method)"},
        {"space first", " GET /" + end, "error(400 invalid method)"},
        {"method with (", "G(T /" + end, "error(400 invalid method)"},
        {"method with a tab", "GET\t/" + end, "error(400 invalid method)"},
        {"long method", std::string(33, 'A') + " /" + end, "error(501 method not implemented)"},
        {"three blank lines", "\r\n\r\n\r\n" + get(""),
         "error(400 blank lines before the request)"},
        {"LF before the request", "\n" + get(""), "error(400 invalid method)"},
        {"bare CR before the request", "\rGET", "error(400 CR without LF)"},
        {"two spaces", "GET  /" + end, "error(400 invalid request target)"},
        {"space in the target", "GET /a b" + end, "error(400 invalid HTTP version)"},
        {"NUL in the target", "GET /" + std::string(1, '\0') + end,
         "error(400 invalid request target)"},
        {"UTF-8 in the target", "GET /\xc3\xa4" + end, "error(400 invalid request target)"},
        {"fragment in the target", "GET /#a" + end, "error(400 invalid request target)"},
        {"backslash in the target", "GET /\\a" + end, "error(400 invalid request target)"},
        {"target of 41", "GET /" + std::string(40, 'a') + end,
         "error(414 request target too long)"},
        {"endless target", "GET /" + std::string(999, 'a'), "error(414 request target too long)"},
        {"HTTP/0.9", line("GET /"), "error(400 invalid request target)"},
        {"HTTP/2", line("GET / HTTP/2.0"), "error(505 HTTP version not supported)"},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         "error(505 HTTP version not supported)"},
        {"HTTP/1.10", line("GET / HTTP/1.10"), "error(400 invalid HTTP version)"},
        {"HTTP/1,1", line("GET / HTTP/1,1"), "error(400 invalid HTTP version)"},
        {"http/1.1", line("GET / http/1.1"), "error(400 invalid HTTP version)"},
        {"no minor", line("GET / HTTP/1"), "error(400 invalid HTTP version)"},
        {"space behind the version", line("GET / HTTP/1.1 "), "error(400 invalid HTTP version)"},
        {"LF behind the version", "GET / HTTP/1.1\nHost: a\n\n", "error(400 LF without CR)"},
        {"CR behind the version", "GET / HTTP/1.1\rHost", "error(400 CR without LF)"},
        {"CONNECT", "CONNECT a:80" + end, "error(501 CONNECT not implemented)"},
        {"relative target", "GET a/b" + end, "error(400 invalid request target)"},
        {"authority without CONNECT", "GET a:80" + end, "error(400 invalid request target)"},
        {"asterisk without OPTIONS", "GET *" + end, "error(400 invalid request target)"},
        {"another scheme", "GET ftp://a/" + end, "error(400 invalid request target)"},
        {"no authority", "GET http:///" + end, "error(400 invalid request target)"},
        {"user information", "GET http://u@a/" + end, "error(400 invalid request target)"},
        {"second request bad", get("") + "?" + get(""),
         "head(GET / host=a 1.1) complete() error(400 invalid method)"},
    };
    for (const ParserCase& c : cases) check(c, small_limits);
}

TEST(HttpParser, RefusesBadFields) {
    const std::string nul(1, '\0');
    const ParserCase cases[] = {
        {"no Host", "GET / HTTP/1.1\r\n\r\n", "error(400 no Host)"},
        {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "error(400 invalid Host)"},
        {"empty Host in 1.0", "GET / HTTP/1.0\r\nHost: \r\n\r\n", "error(400 invalid Host)"},
        {"Host of a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "error(400 invalid Host)"},
        {"no Host, absolute-form", "GET http://a/ HTTP/1.1\r\n\r\n", "error(400 no Host)"},
        {"two Hosts", get("host: a\r\n"), "error(400 several Host fields)"},
        {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
         "error(400 several Host fields)"},
        {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "error(400 invalid Host)"},
        {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "error(400 invalid Host)"},
        {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "error(400 invalid Host)"},
        {"Hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "error(400 invalid Host)"},
        {"space before the colon", get("A : b\r\n"), "error(400 space before the colon)"},
        {"tab before the colon", get("A\t: b\r\n"), "error(400 space before the colon)"},
        {"folded", get("A: b\r\n c\r\n"), "error(400 folded header field)"},
        {"folded by a tab", get("A: b\r\n\tc\r\n"), "error(400 folded header field)"},
        {"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
         "error(400 folded header field)"},
        {"no colon", get("Abc\r\n"), "error(400 invalid header name)"},
        {"no name", get(": b\r\n"), "error(400 invalid header name)"},
        {"name with a bracket", get("A[]: b\r\n"), "error(400 invalid header name)"},
        {"name of UTF-8", get("\xc3\xa4: b\r\n"), "error(400 invalid header name)"},
        {"NUL in a value", get("A: b" + nul + "c\r\n"), "error(400 control character in a header)"},
        {"NUL in a name", get("A" + nul + ": b\r\n"), "error(400 invalid header name)"},
        {"escape in a value", get("A: \x1b[0m\r\n"), "error(400 control character in a header)"},
        {"DEL in a value", get("A: \x7f\r\n"), "error(400 control character in a header)"},
        {"bare LF in a value", get("A: b\nC: d\r\n"), "error(400 LF without CR)"},
        {"bare CR in a value", get("A: b\rC: d\r\n"), "error(400 CR without LF)"},
        {"two CRs", get("A: b\r\r\n"), "error(400 CR without LF)"},
        {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", "error(400 LF without CR)"},
        {"bare CR ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\rx", "error(400 CR without LF)"},
        {"six fields", get("A: b\r\nC: d\r\nE: f\r\nG: h\r\nI: j\r\n"),
         "error(431 too many header fields)"},
        {"head of 201", get("A: " + std::string(170, 'b') + "\r\n"),
         "error(431 request head too large)"},
        {"endless value", "GET / HTTP/1.1\r\nA: " + std::string(999, 'b'),
         "error(431 request head too large)"},
        {"unknown expectation", get("Expect: 200-ok\r\n"), "error(417 unknown expectation)"},
    };
    for (const ParserCase& c : cases) check(c, small_limits);
}

TEST(HttpParser, FindsControlCharactersWhereverTheyHide) {
    // The scanner looks at 16 bytes at a time, then at 8, then at single ones.
    std::vector<size_t> lengths(18);
    std::iota(lengths.begin(), lengths.end(), 1);
    lengths.insert(lengths.end(), {24, 31, 41});
    for (const size_t length : lengths)
        for (size_t at = 0; at < length; ++at)
            for (int c = 0; c < 256; ++c) {
                std::string value(length, 'v');
                value[at] = char(c);
                const bool bad = (c < 0x20 && c != '\t') || c == 0x7f;
                const auto wire = get("A: " + value + "\r\n");
                const auto log = transcript(wire, wire.size(), small_limits);
                EXPECT_EQ(log.find("error(400") != std::string::npos, bad)
                    << int(c) << " at " << at;
            }
}

TEST(HttpParser, RefusesAmbiguousFraming) {
    const std::string te = "Transfer-Encoding: chunked\r\n", length = "Content-Length: 1\r\n";
    const auto lengths = [](std::string_view value) {
        return post("Content-Length: " + std::string(value) + "\r\n", "x");
    };
    const ParserCase cases[] = {
        {"length, then coding", post(length + te, "x"),
         "error(400 Content-Length with Transfer-Encoding)"},
        {"coding, then length", post(te + length, "x"),
         "error(400 Content-Length with Transfer-Encoding)"},
        {"unknown coding and length", post("Transfer-Encoding: gzip\r\n" + length, "x"),
         "error(400 Content-Length with Transfer-Encoding)"},
        {"two lengths", post(length + "Content-Length: 2\r\n", "xy"), "error(400 several lengths)"},
        {"two equal lengths", post(length + length, "x"), "error(400 several lengths)"},
        {"equal lengths in one", lengths("1, 1"), "error(400 invalid Content-Length)"},
        {"+5", lengths("+5"), "error(400 invalid Content-Length)"},
        {"-1", lengths("-1"), "error(400 invalid Content-Length)"},
        {"0x1", lengths("0x1"), "error(400 invalid Content-Length)"},
        {"1 1", lengths("1 1"), "error(400 invalid Content-Length)"},
        {"1;", lengths("1;a"), "error(400 invalid Content-Length)"},
        {"1,", lengths("1,"), "error(400 invalid Content-Length)"},
        {"no length", lengths(""), "error(400 invalid Content-Length)"},
        {"2^64", lengths("18446744073709551616"), "error(400 invalid Content-Length)"},
        {"2^64 - 1", lengths("18446744073709551615"), "error(413 body too large)"},
        {"over the limit", lengths("21"), "error(413 body too large)"},
        {"unknown coding", post("Transfer-Encoding: gzip\r\n", ""),
         "error(400 unknown transfer coding)"},
        {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", ""),
         "error(501 transfer coding not implemented)"},
        {"x;a=\"b, c\", chunked", post("Transfer-Encoding: x;a=\"b, c\", chunked\r\n", ""),
         "error(501 transfer coding not implemented)"},
        {"gzip, chunked, gzip", post("Transfer-Encoding: gzip, chunked, gzip\r\n", ""),
         "error(400 unknown transfer coding)"},
        {"no coding, chunked", post("Transfer-Encoding: (, chunked\r\n", ""),
         "error(400 invalid Transfer-Encoding)"},
        {"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", ""),
         "error(400 unknown transfer coding)"},
        {"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", ""),
         "error(400 unknown transfer coding)"},
        {"xchunked", post("Transfer-Encoding: xchunked\r\n", ""),
         "error(400 unknown transfer coding)"},
        {"chunked with a parameter", post("Transfer-Encoding: chunked;a=b\r\n", ""),
         "error(400 unknown transfer coding)"},
        {"empty coding", post("Transfer-Encoding:\r\n", ""), "error(400 unknown transfer coding)"},
        {"coding twice", post(te + te, ""), "error(400 unknown transfer coding)"},
        {"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "error(400 Transfer-Encoding in HTTP/1.0)"},
    };
    for (const ParserCase& c : cases) check(c, small_limits);
}

TEST(HttpParser, RefusesBadChunks) {
    const auto bad = [](const char* name, std::string_view body, std::string_view want) {
        return ParserCase{name, chunked(body), chunked_head + std::string(want)};
    };
    const ParserCase cases[] = {
        bad("no size", "\r\nx", "error(400 invalid chunk size)"),
        bad("size of letters", "xyz\r\n", "error(400 invalid chunk size)"),
        bad("+1", "+1\r\nx\r\n", "error(400 invalid chunk size)"),
        bad("-1", "-1\r\nx\r\n", "error(400 invalid chunk size)"),
        bad("0x1", "0x1\r\nx\r\n", "error(400 invalid chunk size)"),
        bad("space first", " 1\r\nx\r\n", "error(400 invalid chunk size)"),
        bad("over 64 bits", "10000000000000000\r\n", "error(400 chunk size over 64 bits)"),
        bad("64 bits", "ffffffffffffffff\r\n", "error(413 body too large)"),
        bad("over the limit", "15\r\n", "error(413 body too large)"),
        bad("over the limit together", "14\r\n12345678901234567890\r\n1\r\n",
            "error(413 body too large)"),
        bad("LF behind the size", "1\nx\r\n", "error(400 invalid chunk size)"),
        bad("CR behind the size", "1\rx\r\n", "error(400 CR without LF)"),
        bad("longer than its size", "1\r\nxy\r\n", "error(400 chunk longer than its size)"),
        bad("LF behind the data", "1\r\nx\n0\r\n\r\n", "error(400 chunk longer than its size)"),
        bad("CR behind the data", "1\r\nx\r0\r\n\r\n", "error(400 CR without LF)"),
        bad("space behind the size", "1 \r\nx", "error(400 invalid chunk extension)"),
        bad("extension without name", "1;\r\nx", "error(400 invalid chunk extension)"),
        bad("NUL in an extension", {"1;\0\r\nx", 6}, "error(400 invalid chunk extension)"),
        bad("LF in an extension", "1;a\nb\r\nx", "error(400 invalid chunk extension)"),
        bad("long extension", "1;abcdefghijklmnop", "error(400 chunk extensions too large)"),
        bad("many extensions", "1;aaaaaaaaaaaa\r\nx\r\n1;aaaaaaaaaaaa\r\nx\r\n",
            "error(400 chunk extensions too large)"),
        bad("folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "error(400 folded header field)"),
        bad("bad trailer", "0\r\nA b\r\n\r\n", "error(400 space before the colon)"),
        bad("bare LF for trailers", "0\r\n\n", "error(400 LF without CR)"),
        bad("six trailers", "0\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\n\r\n",
            "error(431 too many header fields)"),
        bad("long trailer", "0\r\nA: " + std::string(40, 'b'), "error(431 trailers too large)"),
        bad("length in the trailers", "0\r\nContent-Length: 5\r\n\r\n",
            "error(400 framing in the trailers)"),
        bad("coding in the trailers", "0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "error(400 framing in the trailers)"),
        bad("padding before an extension of spaces", "1 ; \r\nx",
            "error(400 invalid chunk extension)"),
        bad("an extension that begins with =", "1;=a\r\nx", "error(400 invalid chunk extension)"),
        bad("a word behind the size", "1 a\r\nx", "error(400 invalid chunk extension)"),
    };
    // The transcript leaves out the pieces of an incomplete body: complete() writes them.
    for (const ParserCase& c : cases) check(c, small_limits);
}

TEST(HttpParser, DefaultLimitsAreThoseOfTheManual) {
    const ParserLimits limits;
    const auto fields = [](int count) {
        std::string out;
        for (int i = 0; i < count; ++i) out += "A: b\r\n";
        return out;
    };
    const auto outcome = [&](const std::string& wire) {
        std::string last = transcript(wire, wire.size(), limits);
        return last.substr(last.rfind(' ', last.rfind('(')) + 1);
    };
    EXPECT_EQ(outcome(get(fields(99))), "complete()");
    EXPECT_EQ(outcome(get(fields(100))), "error(431 too many header fields)");
    EXPECT_EQ(outcome(get("A: " + std::string(16384 - 32, 'b') + "\r\n")), "complete()");
    EXPECT_EQ(outcome(get("A: " + std::string(16384 - 31, 'b') + "\r\n")),
              "error(431 request head too large)");
    const std::string end = " HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(outcome("GET /" + std::string(8191, 'a') + end), "complete()");
    EXPECT_EQ(outcome("GET /" + std::string(8192, 'a') + end),
              "error(414 request target too long)");
    EXPECT_EQ(outcome(post("Content-Length: 1000001\r\n", "")), "error(413 body too large)");
    EXPECT_EQ(transcript(post("Content-Length: 1000000\r\n", ""), 99, limits),
              "head(POST / host=a 1.1 length=1000000 Content-Length=1000000)");
}

TEST(HttpParser, LeavesWhatFollowsAnUpgradeInTheInput) {
    const ParserLimits limits;
    const std::string head = get("Connection: Upgrade\r\nUpgrade: websocket\r\n");
    const std::string wire = head + "\x81\x01";
    for (size_t cut = 1; cut < head.size(); ++cut) {
        RequestParser parser(limits);
        auto input = base::bytes_of(std::string_view(wire).substr(0, cut));
        ASSERT_EQ(parser.next(input).kind, Kind::need_more);
        ASSERT_TRUE(input.empty());
        input = base::bytes_of(std::string_view(wire).substr(cut));
        ASSERT_EQ(parser.next(input).kind, Kind::head);
        EXPECT_EQ(input.size(), 2u);
        EXPECT_EQ(parser.field("UPGRADE"), "websocket");
        EXPECT_EQ(parser.field("none"), "");
    }
}

TEST(HttpParser, HeadOutlivesTheInputAndTheBody) {
    const ParserLimits limits;
    RequestParser parser(limits);
    std::string wire = chunked("1\r\nx\r\n0\r\nA: b\r\n\r\n");
    auto input = base::bytes_of(wire);
    ASSERT_EQ(parser.next(input).kind, Kind::head);
    const size_t rest = input.size();
    std::string body = wire.substr(wire.size() - rest);
    wire.assign(wire.size(), '#');
    input = base::bytes_of(body);
    ASSERT_EQ(parser.next(input).kind, Kind::body_chunk);
    ASSERT_EQ(parser.next(input).kind, Kind::complete);
    body.assign(body.size(), '#');
    EXPECT_EQ(parser.head().path, "/");
    EXPECT_EQ(parser.head().host, "a");
    EXPECT_EQ(parser.head().fields.size(), 2u);
}

}  // namespace
}  // namespace starling::http
