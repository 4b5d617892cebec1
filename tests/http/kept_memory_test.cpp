// What parsers keep between two messages: little, even after a message with a large head.
#include "http/kept_memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "http/parser.h"
#include "http/response_reader.h"
#include "tests/fake/heap_bytes.h"
#include "tests/fake/text.h"

namespace starling::http {
namespace {

using fake::repeat;

const std::string long_field = "A: " + std::string(10'000, 'b') + "\r\n";
const std::string many_fields = repeat("A:\r\n", 90);
const std::string large_messages[] = {long_field + "Content-Length: 0\r\n\r\n",
                                      many_fields + "Content-Length: 0\r\n\r\n"};

// How much of the heap each parser holds more after `work`. The first one only fills the allocator's caches.
template <class Parser, class Limits>
size_t bytes_kept(const Limits& limits, void (*work)(Parser& parser, const std::string& message),
                  const std::string& message) {
    constexpr size_t count = 20;
    {
        Parser first(limits);
        work(first, message);
    }
    std::vector<std::unique_ptr<Parser>> parsers;
    for (size_t i = 0; i < count; ++i) parsers.push_back(std::make_unique<Parser>(limits));
    const size_t before = fake::heap_bytes();
    for (auto& parser : parsers) work(*parser, message);
    return (fake::heap_bytes() - before) / count;
}

void parse_request(RequestParser& parser, const std::string& message) {
    const std::string wire = "GET / HTTP/1.1\r\nHost: a\r\n" + message;
    auto input = base::bytes_of(wire);
    EXPECT_EQ(parser.next(input).kind, ParseEvent::Kind::head);
    EXPECT_EQ(parser.next(input).kind, ParseEvent::Kind::complete);
    parser.reset();
}

void parse_response(ResponseReader& reader, const std::string& message) {
    const std::string wire = "HTTP/1.1 200 OK\r\n" + message;
    auto input = base::bytes_of(wire);
    EXPECT_EQ(reader.next(input).kind, ResponseEvent::Kind::head);
    EXPECT_EQ(reader.next(input).kind, ResponseEvent::Kind::complete);
    reader.begin();
}

// A parser gets what an earlier one left, of another client: memory, and nothing else.
TEST(HttpKeptMemory, AParserSeesNothingOfTheLastOne) {
    const ParserLimits limits, few_fields{.fields_max = 2};
    const std::string wires[] = {
        "GET /secret HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nExpect: 100-continue\r\n\r\n",
        "POST /secret HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nse",
        "HEAD /secret HTTP/1.1\r\nHost: a\r\nOrigin: secret\r\nA b\r\n\r\n",  // Refused.
        "GET /secret",                                                        // Cut off.
    };
    for (const std::string& wire : wires) {
        {
            RequestParser last(few_fields);
            auto input = base::bytes_of(wire);
            for (int i = 0; i < 4; ++i) static_cast<void>(last.next(input));
        }
        RequestParser parser(limits);
        EXPECT_FALSE(parser.started());
        EXPECT_FALSE(parser.is_head_request());
        EXPECT_EQ(parser.field("cookie"), "");
        EXPECT_EQ(parser.raw_field("origin"), "");
        EXPECT_TRUE(parser.head().fields.empty());
        const std::string next = "GET /b HTTP/1.1\r\nHost: b\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n";
        auto input = base::bytes_of(next);
        ASSERT_EQ(parser.next(input).kind, ParseEvent::Kind::head) << wire;
        EXPECT_EQ(parser.head().target, "/b");
        EXPECT_EQ(parser.head().fields.size(), 4u);
        EXPECT_FALSE(parser.head().chunked);
        EXPECT_FALSE(parser.expects_continue());
        EXPECT_EQ(parser.next(input).kind, ParseEvent::Kind::complete);
    }
}

TEST(HttpKeptMemory, AnIdleParserHoldsLittle) {
    const ParserLimits limits;
    for (const std::string& message : large_messages)
        EXPECT_LT(bytes_kept<RequestParser>(limits, &parse_request, message), 1500u) << message;
}

TEST(HttpKeptMemory, AnIdleReaderOfResponsesHoldsLittle) {
    const ResponseLimits limits;
    for (const std::string& message : large_messages)
        EXPECT_LT(bytes_kept<ResponseReader>(limits, &parse_response, message), 1500u) << message;
}

TEST(HttpKeptMemory, SmallMemoryIsKept) {
    std::string bytes(kept_bytes_max, 'x');
    const size_t capacity = bytes.capacity();
    clear_for_reuse(bytes);
    EXPECT_EQ(bytes, "");
    EXPECT_EQ(bytes.capacity(), capacity);
    std::vector<int> fields(kept_fields_max);
    clear_for_reuse(fields);
    EXPECT_EQ(fields.size(), 0u);
    EXPECT_EQ(fields.capacity(), kept_fields_max);
}

}  // namespace
}  // namespace starling::http
