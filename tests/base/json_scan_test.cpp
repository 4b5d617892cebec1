#include "base/json_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json_text.h"

namespace starling::base {
namespace {

std::string nested(size_t depth, std::string_view open, std::string_view close) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += open;
    text += "1";
    for (size_t i = 0; i < depth; ++i) text += close;
    return text;
}

TEST(JsonScan, Accepts) {
    const std::string good[] = {
        "{}",
        "[]",
        " [ ] ",
        "\t{\r\n} ",
        "0",
        "-0",
        "10",
        "-1.5e+10",
        "1E5",
        "0.0",
        "1e400",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "\"\"",
        R"("\"\\\/\b\f\n\r\t")",
        R"("\u00e9\uD83D")",
        "\"\x7f\"",
        "\"你好\"",
        "[1,2,[3]]",
        R"({"a":1,"a":{"b":[{}]}})",
        R"({"":null} )",
        R"(["a long string of more than eight bytes","\u0041"])",
        nested(128, "[", "]"),
        nested(128, "{\"a\":", "}"),
    };
    for (const auto& text : good) EXPECT_TRUE(scan_json(text)) << text;
}

TEST(JsonScan, Refuses) {
    const std::string bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[}",
        "{]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1]]",
        "{}{}",
        "1 2",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{1:1}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "01",
        "-",
        "-a",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "1a",
        "--1",
        "tru",
        "truex",
        "True",
        "nul",
        "NaN",
        "Infinity",
        "'a'",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\\u",
        "\"a\nb\"",
        "\"a long string with\ta tab\"",
        std::string("\"\0\"", 3),
        std::string("1\0", 2),
        "\xef\xbb\xbf{}",
        "/**/1",
        "[1]//",
        "\v1",
        nested(129, "[", "]"),
        nested(129, "{\"a\":", "}"),
        std::string(100'000, '['),
    };
    for (const auto& text : bad) EXPECT_FALSE(scan_json(text)) << text.substr(0, 100);
}

// No proper prefix of the text is valid, nor is the text followed by anything.
TEST(JsonScan, Prefixes) {
    const std::string text = R"({"a":[1.5e3,{"b":"x\u0041\\\"y"},[],{}],"c":true,"d":[null]})";
    ASSERT_TRUE(scan_json(text));
    for (size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(scan_json(text.substr(0, size))) << size;
    for (const char c : {'{', '}', '[', ']', ',', ':', '"', '1'}) EXPECT_FALSE(scan_json(text + c));
}

TEST(JsonScan, Kinds) {
    EXPECT_EQ(scan_json(" {} ")->kind, JsonKind::object);
    EXPECT_EQ(scan_json(" {} ")->text, "{}");
    EXPECT_EQ(scan_json("[]")->kind, JsonKind::array);
    EXPECT_EQ(scan_json("\"a\\n\"")->raw(), "a\\n");
    EXPECT_EQ(scan_json("-1")->kind, JsonKind::number);
    EXPECT_EQ(scan_json("false")->kind, JsonKind::boolean);
    EXPECT_EQ(scan_json("null")->kind, JsonKind::null);
}

std::string walked(std::string_view text) {
    std::string out;
    for (JsonWalk walk(*scan_json(text)); walk.next();)
        out.append(walk.key()).append("=").append(walk.value().text).append(";");
    return out;
}

TEST(JsonScan, Walks) {
    EXPECT_EQ(walked("{}"), "");
    EXPECT_EQ(walked("[ ]"), "");
    EXPECT_EQ(walked(R"( { "a" : 1 , "b\"":"x]\\", "c":[1,{"d":"}"}] } )"),
              R"(a=1;b\"="x]\\";c=[1,{"d":"}"}];)");
    EXPECT_EQ(walked("[1,-2.5e3 ,true,null,\"\",[],{}]"), "=1;=-2.5e3;=true;=null;=\"\";=[];={};");
}

TEST(JsonText, Decodes) {
    const struct {
        std::string_view raw, text;
        bool whole;
    } cases[] = {
        {"", "", true},
        {"abc", "abc", true},
        {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t", true},
        {R"(a\u0041\u00e9\u4f60)", "aAé你", true},
        {R"(\ud83d\ude00!)", "😀!", true},
        {R"(\ud83d!)", "\xef\xbf\xbd!", false},
        {R"(\ude00\ud83d)", "\xef\xbf\xbd\xef\xbf\xbd", false},
        {R"(\ud83d\ud83d\ude00)", "\xef\xbf\xbd😀", false},
        {R"(\ud83d\\ude00)", "\xef\xbf\xbd\\ude00", false},
        {R"(\u0000)", std::string_view("\0", 1), true},
        {R"(\\u0041)", "\\u0041", true},
    };
    for (const auto& c : cases) {
        std::string out;
        EXPECT_EQ(append_json_decoded(out, c.raw), c.whole) << c.raw;
        EXPECT_EQ(out, c.text) << c.raw;
        EXPECT_EQ(json_has_lone_surrogate("\"" + std::string(c.raw) + "\""), !c.whole) << c.raw;
        EXPECT_EQ(json_string_is(c.raw, c.text), c.whole) << c.raw;
    }
    EXPECT_FALSE(json_string_is("pin", "ping"));
    EXPECT_FALSE(json_string_is(R"(\u0070\u0069\u006e\u0067\u0067)", "ping"));
}

TEST(JsonText, WithoutBlanks) {
    const struct {
        std::string_view json, expected;
    } cases[] = {
        {"1", "1"},
        {" \t\r\n[ ]\n", "[]"},
        {"{\r\n  \"a b\" : [ 1,\n2 ],\t\"c\": \" \" }", R"({"a b":[1,2],"c":" "})"},
        {R"([ "\" \\" , "\\\" [ ] \n" ])", R"(["\" \\","\\\" [ ] \n"])"},
    };
    for (const auto& c : cases) {
        ASSERT_TRUE(scan_json(c.json)) << c.json;
        EXPECT_EQ(json_without_blanks(c.json), c.expected) << c.json;
    }
}

TEST(JsonText, WritesWhatItReads) {
    std::string text;
    for (int c = 0; c < 0x80; ++c) text += static_cast<char>(c);
    text += "é你😀";
    std::string out;
    append_json_string(out, text);
    ASSERT_TRUE(scan_json(out));
    EXPECT_TRUE(json_string_is(scan_json(out)->raw(), text));
    out.clear();
    append_json_string(out, "a\xff");
    EXPECT_EQ(out, "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace starling::base
