// RFC 9110 sections 8.8, 12.5.3, 13 and 14 as tables.
#include "http/conditional.h"
#include "http/request_parts.h"

#include <gtest/gtest.h>

#include <vector>

namespace starling::http {
namespace {

constexpr int64_t modified_s = 784111777;
constexpr int64_t now_s = 1'700'000'000;
constexpr auto same = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr auto earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr auto later = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr Validators validators{"\"a\"", modified_s};

struct Fields : std::vector<Field> {
    using std::vector<Field>::vector;
};

template <class Use>
auto with(std::string_view method, const Fields& fields, Use use) {
    RequestParts parts;
    parts.method = method;
    parts.fields = fields;
    const Request request(parts);
    return use(request);
}

TEST(HttpConditional, ComparesEntityTags) {
    const struct {
        const char *a, *b;
        bool weakly, strongly;
    } cases[] = {
        {"\"1\"", "\"1\"", true, true},
        {"W/\"1\"", "W/\"1\"", true, false},
        {"W/\"1\"", "\"1\"", true, false},
        {"\"1\"", "\"2\"", false, false},
        {"W/\"1\"", "W/\"2\"", false, false},
        {"1", "1", false, false},
        {"", "", false, false},
        {"w/\"1\"", "\"1\"", false, false},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(etag_equals_weakly(c.a, c.b), c.weakly) << c.a << " " << c.b;
        EXPECT_EQ(etag_equals_strongly(c.a, c.b), c.strongly) << c.a << " " << c.b;
    }
}

TEST(HttpConditional, EvaluatesInOrder) {
    constexpr auto proceed = Condition::proceed, unchanged = Condition::not_modified,
                   failed = Condition::precondition_failed;
    const struct {
        Fields fields;
        Condition want;
    } cases[] = {
        {{}, proceed},
        {{{"If-None-Match", "\"a\""}}, unchanged},
        {{{"If-None-Match", "W/\"a\""}}, unchanged},
        {{{"If-None-Match", "\"b\", \"a\""}}, unchanged},
        {{{"If-None-Match", "\"b\""}, {"If-None-Match", "\"a\""}}, unchanged},
        {{{"If-None-Match", "*"}}, unchanged},
        {{{"If-None-Match", "\"b\""}}, proceed},
        {{{"If-None-Match", "a"}}, proceed},
        {{{"If-None-Match", "\"b\""}, {"If-Modified-Since", same}}, proceed},
        {{{"If-Modified-Since", same}}, unchanged},
        {{{"If-Modified-Since", later}}, unchanged},
        {{{"If-Modified-Since", earlier}}, proceed},
        {{{"If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"}}, unchanged},
        {{{"If-Modified-Since", "yesterday"}}, proceed},
        {{{"If-Match", "\"a\""}}, proceed},
        {{{"If-Match", "*"}}, proceed},
        {{{"If-Match", "W/\"a\""}}, failed},
        {{{"If-Match", "\"b\""}}, failed},
        {{{"If-Match", "\"a\""}, {"If-Unmodified-Since", earlier}}, proceed},
        {{{"If-Match", "\"a\""}, {"If-None-Match", "\"a\""}}, unchanged},
        {{{"If-Unmodified-Since", same}}, proceed},
        {{{"If-Unmodified-Since", earlier}}, failed},
        {{{"If-Unmodified-Since", "yesterday"}}, proceed},
    };
    for (size_t i = 0; i < std::size(cases); ++i)
        EXPECT_EQ(with("GET", cases[i].fields,
                       [](const Request& request) {
                           return evaluate_conditions(request, validators, now_s);
                       }),
                  cases[i].want)
            << "row " << i;
}

std::string range_of(std::string_view method, const Fields& fields, uint64_t size) {
    return with(method, fields, [&](const Request& request) {
        const auto verdict = evaluate_range(request, validators, size, now_s);
        return verdict.kind == RangeVerdict::Kind::whole ? "whole" : content_range(verdict, size);
    });
}

TEST(HttpConditional, EvaluatesRanges) {
    const struct {
        const char* value;
        const char* want;  // For a file of 100 bytes.
    } cases[] = {
        {"bytes=0-9", "bytes 0-9/100"},
        {"bytes=0-0", "bytes 0-0/100"},
        {"bytes=90-", "bytes 90-99/100"},
        {"bytes=90-1000", "bytes 90-99/100"},
        {"bytes=99-99", "bytes 99-99/100"},
        {"bytes=-10", "bytes 90-99/100"},
        {"bytes=-1000", "bytes 0-99/100"},
        {"BYTES = 0-9", "bytes 0-9/100"},
        {"bytes=0-99999999999999999999999", "bytes 0-99/100"},
        {"bytes=18446744073709551615-", "bytes */100"},
        {"bytes=99999999999999999999999-", "bytes */100"},
        {"bytes=100-", "bytes */100"},
        {"bytes=-0", "bytes */100"},
        {"bytes=9-0", "whole"},
        {"bytes=-", "whole"},
        {"bytes=", "whole"},
        {"bytes=a-b", "whole"},
        {"bytes=+1-2", "whole"},
        {"bytes=1", "whole"},
        {"bytes=0-1,5-6", "whole"},  // Several ranges: the whole.
        {"items=0-9", "whole"},
        {"0-9", "whole"},
        {"", "whole"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(range_of("GET", {{"Range", c.value}}, 100), c.want) << c.value;
    EXPECT_EQ(range_of("HEAD", {{"Range", "bytes=0-9"}}, 100), "whole");
    EXPECT_EQ(range_of("GET", {{"Range", "bytes=0-9"}}, 0), "bytes */0");
    EXPECT_EQ(range_of("GET", {{"Range", "bytes=-9"}}, 0), "bytes */0");
}

TEST(HttpConditional, IfRangeNeedsTheVerySameBytes) {
    const struct {
        const char* value;
        const char* want;
    } cases[] = {
        {"\"a\"", "bytes 0-9/100"}, {"W/\"a\"", "whole"}, {"\"b\"", "whole"},
        {same, "bytes 0-9/100"},    {earlier, "whole"},   {later, "whole"},
        {"yesterday", "whole"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(range_of("GET", {{"Range", "bytes=0-9"}, {"If-Range", c.value}}, 100), c.want)
            << c.value;
}

TEST(HttpConditional, WeighsCodings) {
    const struct {
        const char *field, *coding;
        int want;
    } cases[] = {
        {"gzip, deflate, br", "gzip", 1000},
        {"GZIP", "gzip", 1000},
        {"gzip;q=0.5", "gzip", 500},
        {"gzip ; q=0.25", "gzip", 250},
        {"gzip;q=0", "gzip", 0},
        {"gzip;q=0.000", "gzip", 0},
        {"gzip;q=1.000", "gzip", 1000},
        {"gzip;q=1.001", "gzip", 0},
        {"gzip;q=2", "gzip", 0},
        {"gzip;q=", "gzip", 0},
        {"gzip;q=0.1234", "gzip", 0},
        {"gzip;x=1", "gzip", 0},
        {"*", "gzip", 1000},
        {"*;q=0", "gzip", 0},
        {"*;q=0, gzip", "gzip", 1000},
        {"br", "gzip", 0},
        {"", "gzip", 0},
        {"", "identity", 1000},
        {"gzip", "identity", 1000},
        {"identity;q=0", "identity", 0},
        {"*;q=0", "identity", 0},
        {"x-gzip", "gzip", 0},
    };
    for (const auto& c : cases)
        EXPECT_EQ(coding_weight(c.field, c.coding), c.want) << c.field << " " << c.coding;
}

}  // namespace
}  // namespace starling::http
