#include "base/digest.h"

#include <gtest/gtest.h>

#include <new>
#include <string>

#include "base/openssl.h"

namespace starling::base {
namespace {

std::string hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

std::string hmac(std::string_view key, std::initializer_list<std::string_view> parts) {
    const auto mac = hmac_sha256(key, parts);
    return hex({mac.data(), mac.size()});
}

// RFC 4231 section 4; the last value was computed with Python's hmac.
TEST(Digest, HmacSha256) {
    EXPECT_EQ(hmac(std::string(20, '\x0b'), {"Hi There"}),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hmac("Jefe", {"what do ya ", "", "want for nothing?"}),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(
        hmac(std::string(131, '\xaa'), {"Test Using Larger Than Block-Size Key - Hash Key First"}),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    EXPECT_EQ(hmac("", {}), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// RFC 1321 section A.5; FIPS 180-4.
TEST(Digest, NamesOfTexts) {
    EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(md5_hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(Digest, AnAlgorithmThatCouldNotBeFetchedIsFetchedAgain) {
    const auto use = [](const int* found) {
        static const int* const kept = openssl::fetched(found);
        return kept;
    };
    const int one = 1, other = 2;
    EXPECT_THROW(use(nullptr), std::bad_alloc);
    EXPECT_EQ(use(&one), &one);
    EXPECT_EQ(use(&other), &one);
    EXPECT_EQ(use(nullptr), &one);
}

}  // namespace
}  // namespace starling::base
