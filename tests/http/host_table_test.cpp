// Host names: their form for comparisons, what the configuration may name, and which site is found.
#include "http/host_table.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace starling::http {
namespace {

TEST(HostName, HasOneForm) {
    const struct {
        std::string host, want;
    } cases[] = {
        {"example.com", "example.com"},
        {"EXAMPLE.com", "example.com"},
        {"example.com:8080", "example.com"},
        {"example.com:", "example.com"},
        {"example.com.", "example.com"},
        {"Example.Com.:443", "example.com"},
        {"127.0.0.1:80", "127.0.0.1"},
        {"[2001:DB8::1]", "[2001:db8::1]"},
        {"[2001:db8::1]:8443", "[2001:db8::1]"},
        {"", "-"},
        {".", "-"},
        {":80", "-"},
        {"[2001:db8::1", "-"},
        {std::string(253, 'a'), std::string(253, 'a')},
        {std::string(254, 'a'), "-"},
        {std::string(10'000, 'a'), "-"},
    };
    for (const auto& [host, want] : cases) {
        const auto name = HostName::of(host);
        EXPECT_EQ(name ? name->text() : "-", want) << host;
    }
}

TEST(FaultOfHost, AcceptsNamesWildcardsAndAddresses) {
    for (const char* good : {"example.com", "localhost", "*.example.com", "192.0.2.1",
                             "[2001:db8::1]", "EXAMPLE.com", "example.com."})
        EXPECT_FALSE(fault_of_host(good)) << good;
    for (const char* bad : {"", "*", "*.", "a*.example.com", "*.*.com", "www.*", "example.com:80",
                            "http://example.com", "example.com/x", "exa mple.com", ".example.com",
                            "a..b", "user@example.com", "[2001:db8::1]:80", "2001:db8::1", "a%20b"})
        EXPECT_TRUE(fault_of_host(bad)) << bad;
    EXPECT_TRUE(fault_of_host(std::string(254, 'a')));
}

TEST(HostTable, FindsTheExactNameThenTheLongestWildcard) {
    HostTable table;
    table.add("example.com", 0);
    table.add("*.example.com", 1);
    table.add("*.eu.example.com", 2);
    table.add("www.eu.example.com", 3);
    table.add("[2001:db8::1]", 4);
    table.add("*.COM", 5);
    const struct {
        const char* host;
        int want;  // -1: none.
    } cases[] = {
        {"example.com", 0},
        {"EXAMPLE.COM.:8443", 0},
        {"www.example.com", 1},
        {"a.b.example.com", 1},
        {"eu.example.com", 1},
        {"shop.eu.example.com", 2},
        {"www.eu.example.com", 3},
        {"x.www.eu.example.com", 2},
        {"[2001:DB8::1]:443", 4},
        {"notexample.com", 5},
        {"com", -1},
        {"example.org", -1},
        {"[2001:db8::2]", -1},
        {"", -1},
    };
    for (const auto& [host, want] : cases) EXPECT_EQ(table.find(host).value_or(-1), want) << host;
    std::string long_name(10'000, 'a');
    long_name += ".example.com";
    EXPECT_EQ(table.find(long_name), std::nullopt);
}

TEST(HostTable, RefusesANameTwiceAndAMalformedOne) {
    HostTable table;
    table.add("example.com", 0);
    table.add("*.example.com", 0);
    for (const char* bad : {"example.com", "EXAMPLE.com", "example.com.", "*.Example.com", "a b"})
        EXPECT_THROW(table.add(bad, 1), std::invalid_argument) << bad;
}

TEST(HostTable, AddsAllNamesOrNone) {
    HostTable table;
    table.add("one.example", 0);
    table.add("*.wild.example", 0);
    for (const std::vector<std::string>& hosts :
         {std::vector<std::string>{"new.example", "*.new.example", "ONE.example"},
          {"new.example", "*.new.example", "*.wild.example"},
          {"new.example", "*.new.example", "NEW.example."},
          {"new.example", "*.new.example", "a b"}}) {
        EXPECT_THROW(table.add_all(hosts, 1), std::invalid_argument) << hosts.back();
        EXPECT_EQ(table.find("new.example"), std::nullopt);
        EXPECT_EQ(table.find("a.new.example"), std::nullopt);
        EXPECT_EQ(table.find("one.example"), 0);
        EXPECT_EQ(table.find("a.wild.example"), 0);
    }
    table.add_all(std::vector<std::string>{"new.example", "*.new.example"}, 1);
    EXPECT_EQ(table.find("new.example"), 1);
    EXPECT_EQ(table.find("a.new.example"), 1);
}

}  // namespace
}  // namespace starling::http
