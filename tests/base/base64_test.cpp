#include "base/base64.h"

#include <gtest/gtest.h>

namespace starling::base::test {
namespace {

std::string encode(std::string_view bytes) {
    std::string out;
    base64_append(out, bytes);
    return out;
}

// RFC 4648 section 10, and the two characters in which the alphabets differ.
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

TEST(Base64, refuses) {
    for (const std::string_view text :
         {"A", "AAAAA", "Zg=", "Zm8==", "Zm9v=", "Zm9v====", "=",
          "==", "Zg==Zg==", "Z g=", "Zm9v\n", "-_8=", "Zh==", "Zm9="}) {
        std::string out;
        EXPECT_FALSE(base64_decode(text, out)) << text;
    }
    for (const std::string_view text : {"A", "Zg==", "+/8", "Zh", "Zm9v "}) {
        EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace starling::base::test
