#include "base/base64.h"

#include <gtest/gtest.h>

namespace starling::base::test {
namespace {

std::string encode(std::string_view bytes) {
    std::string out;
    base64_append(out, bytes);
    return out;
}

// The examples of RFC 4648 section 10, and the two characters in which the alphabets differ.
TEST(Base64, encodes_and_decodes) {
    using namespace std::string_view_literals;
    struct Case {
        std::string_view bytes, text;
    };
    constexpr Case cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\x00\x01\x02\xff"sv, "AAEC/w=="},
        {"\xfb\xff"sv, "+/8="},
    };
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(encode(bytes), text);
        std::string out = "what was there before";
        EXPECT_TRUE(base64_decode(text, out)) << text;
        EXPECT_EQ(out, bytes);
        const std::string_view bare = text.substr(0, text.find('='));
        EXPECT_TRUE(base64_decode(bare, out)) << bare;
        EXPECT_EQ(out, bytes);
    }
    EXPECT_EQ(base64url_decode("-_8"), "\xfb\xff");
}

// Decodes base64 as Node's Buffer does.
TEST(Base64, ReadsWhatEncodersWrite) {
    struct Case {
        std::string_view text, bytes;
    };
    constexpr Case cases[] = {
        {"Zm9v\n", "foo"},
        {"Zm9v\r\nYmFy\r\n", "foobar"},
        {" Z m\t9v", "foo"},
        {"Zm9v\n\nYg\n=\n=\n", "foob"},
        {"-_8=", "\xfb\xff"},
        {"+_8", "\xfb\xff"},
        {"Zg=", "f"},
        {"Zm8==", "fo"},
        {"Zm9v====", "foo"},
        {"Zh==", "f"},
        {"Zm9=", "fo"},
        {"\n", ""},
        {"=", ""},
    };
    for (const auto& [text, bytes] : cases) {
        std::string out = "what was there before";
        EXPECT_TRUE(base64_decode(text, out)) << text;
        EXPECT_EQ(out, bytes) << text;
    }
}

TEST(Base64, WritesWhatItsUrlReaderReads) {
    std::string out = "=";
    base64url_append(out, "\xfb\xff\xfe");
    EXPECT_EQ(out, "=-__-");
    for (size_t size = 0; size < 8; ++size) {
        const std::string bytes = std::string("\0\xff?>\xfb\xef\x80z", 8).substr(0, size);
        out.clear();
        base64url_append(out, bytes);
        EXPECT_EQ(base64url_decode(out), bytes);
    }
}

TEST(Base64, refuses) {
    for (const std::string_view text :
         {"A", "AAAAA", "Zm9vY\n", "Zg==Zg==", "Zm9v=Y", "Zm9v!", "Zm.v", "\xc3\xa9"}) {
        std::string out = "what was there before";
        EXPECT_FALSE(base64_decode(text, out)) << text;
        EXPECT_EQ(out, "") << text;
    }
    for (const std::string_view text : {"A", "Zg==", "+/8", "Zh", "Zm9v ", "Zm9v\n"}) {
        EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace starling::base::test
