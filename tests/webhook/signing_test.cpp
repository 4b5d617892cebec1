#include "webhook/signing.h"

#include <gtest/gtest.h>

namespace starling::webhook {
namespace {

TEST(WebhookSigning, IdsAreStable) {
    EXPECT_EQ(webhook_id("c1", 0), "c1-0");
    EXPECT_EQ(webhook_id("c1", 4'000'000'000), "c1-4000000000");
}

// The example in the specification of Standard Webhooks, and a value computed with `openssl dgst`.
TEST(WebhookSigning, Signatures) {
    const auto key = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    ASSERT_TRUE(key);
    EXPECT_EQ(key->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    const auto raw = SigningKey::read("key");
    ASSERT_TRUE(raw);
    EXPECT_NE(raw->sign("a", 1, "b"), raw->sign("a", 1, "c"));
    EXPECT_NE(raw->sign("a", 1, "b"), raw->sign("a", 2, "b"));
    EXPECT_NE(raw->sign("a", 1, "b"), raw->sign("A", 1, "b"));
}

TEST(WebhookSigning, Keys) {
    EXPECT_FALSE(SigningKey::read(""));
    EXPECT_FALSE(SigningKey::read("whsec_"));
    const auto faulty = SigningKey::read("whsec_a*b");
    ASSERT_FALSE(faulty);
    EXPECT_EQ(faulty.error(), "the signing key: base64 is wanted behind whsec_");
    EXPECT_TRUE(SigningKey::read("a*b"));
    // Raw bytes, and their base64.
    EXPECT_EQ(SigningKey::read("abc")->sign("i", 1, "x"),
              SigningKey::read("whsec_YWJj")->sign("i", 1, "x"));
}

}  // namespace
}  // namespace starling::webhook
