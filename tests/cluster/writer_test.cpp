// The JSON of cluster/writer.h: each text at each length, and what is written after it.
#include "cluster/writer.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace starling::cluster {
namespace {

std::string as_json(std::string_view text) {
    std::string out;
    base::append_json_string(out, text);
    return out;
}

// [text, {text: text}, text, 7]
std::string written_around(std::string_view text, std::string out = {}) {
    Writer writer(out, Format::json);
    writer.array(4);
    writer.text(text);
    writer.map(1);
    writer.key(text);
    writer.text(text);
    writer.end_map();
    writer.text(text);
    writer.number(7);
    writer.end_array();
    EXPECT_TRUE(writer.finish());
    return out;
}

std::string expected_around(std::string_view text) {
    const std::string one = as_json(text);
    return "[" + one + ",{" + one + ":" + one + "}," + one + ",7]";
}

TEST(ClusterWriter, ATextOfEachLengthIsWhole) {
    for (size_t bytes = 0; bytes < 40; ++bytes) {
        const std::string text(bytes, 'a');
        EXPECT_EQ(written_around(text), expected_around(text));
    }
}

TEST(ClusterWriter, ASpecialCharacterIsEscapedAtEachPlace) {
    constexpr std::string_view specials("\"\\\n\0\x1f", 5);
    for (size_t bytes = 1; bytes < 20; ++bytes) {
        for (size_t at = 0; at < bytes; ++at) {
            for (const char special : specials) {
                std::string text(bytes, 'a');
                text[at] = special;
                EXPECT_EQ(written_around(text), expected_around(text));
            }
        }
    }
}

TEST(ClusterWriter, OtherTextIsUtf8AndElseRepaired) {
    for (const std::string_view text :
         {"\xc3\xa4", "1234567\xc3\xa4", "\xe6\x96\x87\xe5\xad\x97", "\xf0\x9f\x90\xa6 starling",
          "\xff", "12345678\xff", "1234567\x80", "\x7f"})
        EXPECT_EQ(written_around(text), expected_around(text)) << text;
}

TEST(ClusterWriter, WhatStoodThereStays) {
    EXPECT_EQ(written_around("room", "before "), "before " + expected_around("room"));
}

// More than the string grows by at once.
TEST(ClusterWriter, LargeTextsAndManyOfThem) {
    const std::string large(10'000, 'b');
    EXPECT_EQ(written_around(large), expected_around(large));
    EXPECT_EQ(written_around(large + '"'), expected_around(large + '"'));

    std::string out;
    Writer writer(out, Format::json);
    std::string expected = "[";
    writer.array(3000);
    for (size_t i = 0; i < 3000; ++i) {
        const std::string text(i % 23, 'c');
        writer.text(text);
        expected += (i == 0 ? "" : ",") + as_json(text);
    }
    writer.end_array();
    EXPECT_EQ(writer.size(), expected.size() + 1);
    EXPECT_TRUE(writer.finish());
    EXPECT_EQ(out, expected + "]");
}

TEST(ClusterWriter, Values) {
    for (const std::string_view json :
         {"null", "{}", "[]", "true", "0", "-1.5", R"("text")", R"({"a":{},"b":[null,{}]})"}) {
        std::string out;
        Writer writer(out, Format::json);
        writer.map(3);
        writer.key("first");
        writer.value(boost::json::parse({json.data(), json.size()}));
        writer.key("second");
        writer.value(boost::json::parse({json.data(), json.size()}));
        writer.key("third");
        writer.flag(false);
        writer.end_map();
        EXPECT_TRUE(writer.finish());
        const std::string value(json);
        EXPECT_EQ(out, R"({"first":)" + value + R"(,"second":)" + value + R"(,"third":false})");
    }
}

TEST(ClusterWriter, NumbersOf64Bits) {
    std::string out;
    Writer writer(out, Format::json);
    writer.array(3);
    writer.number(0);
    writer.number(UINT64_MAX);
    writer.flag(true);
    writer.end_array();
    EXPECT_TRUE(writer.finish());
    EXPECT_EQ(out, "[0,18446744073709551615,true]");
}

TEST(ClusterWriter, AValueThatIsTooDeepIsAFault) {
    sio::Json deep;
    for (int i = 0; i < 1000; ++i) deep = boost::json::array{deep};
    std::string out;
    Writer writer(out, Format::json);
    writer.value(deep);
    EXPECT_FALSE(writer.finish());
}

}  // namespace
}  // namespace starling::cluster
