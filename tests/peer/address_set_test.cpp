#include "peer/address_set.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "peer/client_network.h"

namespace starling::peer {
namespace {

TEST(PeerAddressSet, MatchesRanges) {
    const struct {
        std::string_view range, address;
        bool want;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"192.168.128.0/17", "192.168.255.255", true},
        {"192.168.128.0/17", "192.168.127.255", false},
        {"128.0.0.0/1", "255.0.0.0", true},
        {"128.0.0.0/1", "127.255.255.255", false},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true},
        {"::ffff:10.0.0.0/104", "11.0.0.0", false},
        {"::ffff:10.0.0.1", "10.0.0.1", true},
        {"10.0.0.0/8", "::ffff:a01:203", true},
        {"::/64", "10.0.0.1", false},
        {"::/64", "::1", true},
        {"fe80::/10", "febf::1", true},
        {"fe80::/10", "fec0::1", false},
        {"2001:db8::/127", "2001:DB8:0:0::1", true},
        {"2001:db8::/127", "2001:db8::2", false},
        {"::1/128", "::1", true},
        {"unix", "", true},
        {"unix", "unix", true},
        {"unix", "127.0.0.1", false},
        {"127.0.0.1", "", false},
        {"127.0.0.1", "unix", false},
        {"127.0.0.1", "localhost", false},
        {"127.0.0.1", "127.0.0.1%lo", false},
        {"127.0.0.1", "127.1", false},
        {"127.0.0.1", "0177.0.0.1", false},
    };
    for (const auto& c : cases) {
        AddressSet set;
        set.add(c.range);
        EXPECT_EQ(set.contains(c.address), c.want) << c.range << " " << c.address;
    }
    EXPECT_FALSE(AddressSet().contains(""));
    EXPECT_FALSE(AddressSet().contains("127.0.0.1"));
}

TEST(PeerAddressSet, RefusesWhatIsNoRange) {
    for (const std::string_view text : {"",
                                        "/",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/+8",
                                        "10.0.0.0/8 ",
                                        " ::1",
                                        "10.0.0.0/8/8",
                                        "10.0.0/8",
                                        "10.0.0.1/8",
                                        "10.0.0.0/0",
                                        "0.0.0.0/0",
                                        "::/0",
                                        "::/129",
                                        "::ffff:0.0.0.0/96",
                                        "::ffff:0.0.0.0/95",
                                        "2001:db8::1/64",
                                        "fe80::1%eth0",
                                        "[::1]",
                                        "localhost",
                                        "*",
                                        "Unix",
                                        "256.0.0.1",
                                        "10.0.0.0/255.0.0.0",
                                        "10.0.0.0/0008",
                                        "1:2"}) {
        AddressSet set;
        EXPECT_THROW(set.add(text), std::invalid_argument) << text;
    }
}

// AddressSet reads every address that inet_ntop() writes as inet_pton() does.
TEST(PeerAddressSet, AgreesWithInetNtop) {
    uint64_t state = 1;
    for (int i = 0; i < 2000; ++i) {
        in6_addr address{};
        for (uint8_t& byte : address.s6_addr) {
            state = state * 6364136223846793005 + 1442695040888963407;
            byte = (state >> 62) == 0 ? static_cast<uint8_t>(state >> 40) : 0;
        }
        const int family = i % 2 == 0 ? AF_INET : AF_INET6;
        char text[INET6_ADDRSTRLEN];
        ASSERT_NE(inet_ntop(family, &address, text, sizeof text), nullptr);
        AddressSet set;
        set.add(text);
        EXPECT_TRUE(set.contains(text)) << text;
    }
}

TEST(PeerAddressSet, NamesTheTextThatItRefuses) {
    try {
        (void)AddressSet::read("trusted_proxies", {"::1", "everybody"});
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_TRUE(std::string_view(error.what()).starts_with("trusted_proxies[1]: 'everybody'"));
    }
}

// Each address is written as inet_ntop() writes it, so that equal addresses are equal texts.
TEST(PeerIpAddress, IsWrittenInOneWay) {
    const struct {
        std::string_view text, want;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:201", "192.0.2.1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"::", "::"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
    };
    for (const auto& c : cases) {
        const auto address = IpAddress::parse(c.text);
        ASSERT_TRUE(address) << c.text;
        EXPECT_EQ(address->to_string(), c.want);
    }
}

}  // namespace
}  // namespace starling::peer
