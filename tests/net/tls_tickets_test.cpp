#include "net/tls_tickets.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace starling::net {
namespace {

using Keys = TlsTicketKeys;

TEST(TlsTicketKeys, AKeyMakesTicketsForAnHourAndReadsThemForTwoMore) {
    Keys keys;
    const uint64_t start = 1'000'000;
    const auto first = keys.for_new_ticket(start);
    ASSERT_TRUE(first);
    const struct {
        uint64_t after_s;
        bool makes, reads;
        size_t kept;
    } cases[] = {
        {0, true, true, 1},        {3'599, true, true, 1},       {3'600, false, true, 2},
        {7'300, false, true, 3},   {10'799, false, true, 3},     {10'800, false, false, 2},
        {10'900, false, false, 3}, {1'000'000, false, false, 1},
    };
    for (const auto& one : cases) {
        const uint64_t now = start + one.after_s;
        if (one.after_s != 10'800) {
            const auto used = keys.for_new_ticket(now);
            ASSERT_TRUE(used);
            EXPECT_EQ(used->name == first->name, one.makes) << one.after_s;
            EXPECT_EQ(used->cipher == first->cipher, one.makes) << one.after_s;
            EXPECT_EQ(used->mac == first->mac, one.makes) << one.after_s;
        }
        const auto read = keys.named(first->name, now);
        EXPECT_EQ(read.has_value(), one.reads) << one.after_s;
        EXPECT_TRUE(!read || read->mac == first->mac);
        EXPECT_EQ(keys.kept(now), one.kept) << one.after_s;
    }
}

TEST(TlsTicketKeys, AThreadThatIsLateForgetsNoKey) {
    Keys keys;
    const auto key = keys.for_new_ticket(100);
    ASSERT_TRUE(key);
    EXPECT_TRUE(keys.named(key->name, 99));
    const auto again = keys.for_new_ticket(99);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->name, key->name);
}

TEST(TlsTicketKeys, TwoServersHaveDifferentKeys) {
    Keys one, other;
    const auto key = one.for_new_ticket(0);
    ASSERT_TRUE(key && other.for_new_ticket(0));
    EXPECT_FALSE(other.named(key->name, 0));
}

TEST(TlsTicketKeys, ATicketOfAnOldKeyIsToBeRenewed) {
    Keys keys;
    std::array<unsigned char, 16> name{}, iv{};
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher(
        EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> mac(EVP_MAC_CTX_new(hmac),
                                                                        &EVP_MAC_CTX_free);
    EVP_MAC_free(hmac);
    const auto prepare = [&](bool encrypts, uint64_t now_s) {
        return keys.prepare(encrypts, name.data(), iv.data(), cipher.get(), mac.get(), now_s);
    };
    EXPECT_EQ(prepare(true, 100), 1);
    EXPECT_EQ(prepare(false, 100), 1);
    EXPECT_EQ(prepare(false, 3'699), 1);
    EXPECT_EQ(prepare(false, 3'700), 2);
    EXPECT_EQ(prepare(false, 10'899), 2);
    EXPECT_EQ(prepare(false, 10'900), 0);
}

}  // namespace
}  // namespace starling::net
