#include "peer/ip_address.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace starling::peer {
namespace {

TEST(PeerIpAddress, ParsesWhatIsAnAddressAlone) {
    const struct {
        std::string_view text;
        std::optional<std::string> want;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"::1", "::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"", std::nullopt},
        {"192.0.2", std::nullopt},
        {"192.0.2.1.", std::nullopt},
        {"192.0.2.256", std::nullopt},
        {"192.0.2.01", std::nullopt},
        {"0x7f.0.0.1", std::nullopt},
        {" 192.0.2.1", std::nullopt},
        {"192.0.2.1 ", std::nullopt},
        {"255.255.255.2555", std::nullopt},
        {std::string_view("192.0.2.1\0", 10), std::nullopt},
        {std::string_view("192.0.2.1\0x", 11), std::nullopt},
        {"fe80::1%eth0", std::nullopt},
    };
    for (const auto& c : cases) {
        const auto parsed = IpAddress::parse(c.text);
        EXPECT_EQ(parsed ? std::optional(parsed->to_string()) : std::nullopt, c.want) << c.text;
    }
}

}  // namespace
}  // namespace starling::peer
