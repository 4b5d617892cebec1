// RFC 7578 with the boundaries of RFC 2046 section 5.1.1: every case at every read size.
#include "http/multipart.h"

#include <gtest/gtest.h>
#include <starling/multipart.h>

#include <string>
#include <vector>

#include "http/media_type.h"

namespace starling::http {
namespace {

using Kind = MultipartParser::Kind;

// Feeds `wire` in reads of `step` bytes and records every event; adjacent bytes are joined.
std::string transcript(std::string_view wire, size_t step, const MultipartLimits& limits) {
    MultipartParser parser("xy", limits);
    std::string log, body;
    for (size_t at = 0; at < wire.size(); at += step) {
        auto input = wire.substr(at, step);
        for (bool more = true; more;) {
            const auto event = parser.next(input);
            switch (event.kind) {
                case Kind::need_more:
                    if (!input.empty()) log += "left-bytes ";
                    more = false;
                    break;
                case Kind::part_begin:
                    log += parser.head().name;
                    if (parser.head().filename) log += "|" + *parser.head().filename;
                    if (parser.head().content_type != "text/plain")
                        log += "|" + parser.head().content_type;
                    break;
                case Kind::part_bytes:
                    if (event.bytes.empty()) log += "empty ";
                    body += event.bytes;
                    break;
                case Kind::part_end:
                    log += "(" + body + ") ";
                    body.clear();
                    break;
                case Kind::end: log += "end"; break;
                case Kind::fault:
                    input = "\r\n--xy--";
                    if (parser.next(input).kind != Kind::fault) log += "unstuck ";
                    return log + std::to_string(parser.status()) + " " +
                           std::string(parser.reason());
            }
        }
    }
    if (parser.finish().kind == Kind::end) return log;
    return log + body + " " + std::to_string(parser.status()) + " " + std::string(parser.reason());
}

constexpr MultipartLimits small{.parts_max = 3, .part_head_bytes_max = 120, .part_bytes_max = 40};

std::string part(std::string_view fields, std::string_view body) {
    return "--xy\r\n" + std::string(fields) + "\r\n\r\n" + std::string(body) + "\r\n";
}
std::string named(std::string_view name, std::string_view body) {
    return part("Content-Disposition: form-data; name=" + std::string(name), body);
}

struct Case {
    std::string wire, want;
};

void check(const std::vector<Case>& cases) {
    for (const Case& c : cases)
        for (size_t step = 1; step <= c.wire.size() + 1; ++step)
            ASSERT_EQ(transcript(c.wire, step, small), c.want) << c.wire << "\nreads of " << step;
}

TEST(Multipart, GivesThePartsAtEveryReadSize) {
    check({
        {named("a", "1") + "--xy--\r\n", "a(1) end"},
        {named("a", "1") + "--xy--", "a(1) end"},
        {named("a", "1") + named("\"b c\"", "2\r\n3") + "--xy--", "a(1) b c(2\r\n3) end"},
        {named("a", "") + "--xy--", "a() end"},
        {"--xy--\r\n", "end"},  // A form without fields.
        {"--xy\r\nContent-Disposition: form-data; name=a\r\n\r\n--xy--", "a() end"},  // No body.
        {"preamble\r\n--x\r\n-xy\r\n" + named("a", "1") + "--xy--\r\nepilogue --xy", "a(1) end"},
        {"\r\n" + named("a", "1") + "--xy--", "a(1) end"},
        {"--xy \t\r\ncontent-disposition:form-data;name=\"a\"\r\n\r\n1\r\n--xy  \r\n"
         "Content-Disposition: FORM-DATA; NAME=b\r\n\r\n2\r\n--xy--  \r\n",
         "a(1) b(2) end"},
        // Bytes that begin like a boundary, but are not one, are content.
        {named("a", "\r\n--x\r\r\n\r\n--\r\n-xy\r") + "--xy--",
         "a(\r\n--x\r\r\n\r\n--\r\n-xy\r) end"},
        {named("a", "\n--xy--\r--xy--") + "--xy--", "a(\n--xy--\r--xy--) end"},
        {named("a", "--x") + "--xy--", "a(--x) end"},
        {named("a", "\r\n") + "--xy--", "a(\r\n) end"},
        {named("a", std::string("\0\xff\x80", 3)) + "--xy--", std::string("a(\0\xff\x80) end", 10)},
    });
}

TEST(Multipart, ReadsTheHeadsOfParts) {
    check({
        {part("Content-Disposition: form-data; name=\"f\"; filename=\"a b.png\"\r\n"
              "Content-Type: image/png",
              "x") +
             "--xy--",
         "f|a b.png|image/png(x) end"},
        {named("f; filename=\"\"", "x") + "--xy--", "f|(x) end"},
        {named("f; filename=\"C:\\a\\\\b\\\"c\"", "x") + "--xy--", "f|C:\\a\\b\"c(x) end"},
        {named("f; filename=\"\xe4\xbd\xa0;=\"", "x") + "--xy--", "f|\xe4\xbd\xa0;=(x) end"},
        // RFC 7578 section 4.2 forbids filename*, so the parser ignores it.
        {named("f; filename*=UTF-8''b", "x") + "--xy--", "f(x) end"},
        {part("X: y\r\nContent-Disposition: form-data; name=f\r\nContent-Transfer-Encoding: 8BIT",
              "x") +
             "--xy--",
         "f(x) end"},
    });
}

TEST(Multipart, RefusesWhatBreaksTheGrammar) {
    const std::string disposition = "400 the Content-Disposition of a part is malformed";
    const std::string field = "400 a field of a part's head is malformed";
    const std::string behind = "400 a boundary is followed by other bytes";
    const std::string open = "400 the closing boundary is missing";
    check({
        {"--x", " " + open},
        {named("a", "1"), "a1 " + open},
        {named("a", "1") + "--xy", "a(1)  " + open},
        {named("a", "1") + "--xy-", "a(1)  " + open},
        {"--xy\r\nContent-Disposition: form-data; name=a\r\n", " " + open},
        {named("a", "1") + "--xyz", "a(1) " + behind},
        {named("a", "1") + "--xy-z", "a(1) " + behind},
        {named("a", "1") + "--xy\n", "a(1) " + behind},
        {named("a", "1") + "--xy\rz", "a(1) " + behind},
        {part("", "1"), "400 a part has no Content-Disposition"},
        {part("X: y", "1"), "400 a part has no Content-Disposition"},
        {named("", "1"), disposition},
        {named("a; name=b", "1"), disposition},
        {named("\"a", "1"), disposition},
        {named("a b", "1"), disposition},
        {part("Content-Disposition: form-data", "1"), disposition},
        {part("Content-Disposition: attachment; name=a", "1"), disposition},
        {part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
              "1"),
         disposition},
        {part(" X: y", "1"), field},
        {part("X : y", "1"), field},
        {part("X", "1"), field},
        {part("X: a\rb", "1"), field},
        {part(std::string("X: a\0b", 6), "1"), field},
        {"--xy\r\nX: y\n", "400 a line of a part's head does not end with CRLF"},
        {part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "1"),
         "400 the Content-Transfer-Encoding of a part is not supported"},
    });
}

TEST(Multipart, StopsAtTheFirstByteBeyondALimit) {
    const std::string four = named("a", "") + named("a", "") + named("a", "");
    check({
        {four + "--xy--", "a() a() a() end"},
        {four + "--xy\r\n", "a() a() a() 413 too many parts"},
        {"--xy\r\nX: " + std::string(115, 'y'), " 400 the closing boundary is missing"},
        {"--xy\r\nX: " + std::string(116, 'y'), "413 the head of a part is too large"},
        {"--xy" + std::string(121, ' '), "413 the line of a boundary is too long"},
        {named("a", std::string(40, 'z')) + "--xy--", "a(" + std::string(40, 'z') + ") end"},
    });
    // How many bytes are delivered before the limit depends on the reads.
    for (size_t step = 1; step < 100; ++step)
        EXPECT_TRUE(transcript(named("a", std::string(41, 'z')), step, small)
                        .ends_with("413 a part is too large"));
}

TEST(Multipart, FindsTheBoundary) {
    const struct {
        std::string type, want;
    } cases[] = {
        {"multipart/form-data; boundary=xy", "xy"},
        {"Multipart/Form-Data ; Boundary=\"x y\"; charset=utf-8", "x y"},
        {"multipart/form-data; boundary=" + std::string(70, 'x'), std::string(70, 'x')},
        {"multipart/form-data; boundary=" + std::string(71, 'x'), "none"},
        {"multipart/form-data; boundary=\"x \"", "none"},
        {"multipart/form-data; boundary=\"\"", "none"},
        {"multipart/form-data; boundary=x;boundary=y", "none"},
        {"multipart/form-data; boundary=\"x", "none"},
        {"multipart/form-data; boundary=x y", "none"},
        {"multipart/form-data; boundary=\"x\\\"\"", "none"},
        {"multipart/form-data; boundary", "none"},
        {"multipart/form-data", "none"},
        {"multipart/mixed; boundary=xy", "none"},
        {"", "none"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(multipart_boundary(c.type).value_or("none"), c.want) << c.type;
}

TEST(MediaType, KnowsJson) {
    for (const auto* type : {"application/json", "Application/JSON ; charset=utf-8",
                             "application/problem+json", "x/y+JSON;a=b"})
        EXPECT_TRUE(is_json_type(type)) << type;
    for (const auto* type :
         {"", "text/json", "application/jsonp", "text/plain", "+json", "application/json+x"})
        EXPECT_FALSE(is_json_type(type)) << type;
}

}  // namespace
}  // namespace starling::http
