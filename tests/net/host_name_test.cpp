#include "net/host_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::net {
namespace {

TEST(HostName, HasLabelsThatDnsCanHold) {
    const std::string label(63, 'a');
    const struct {
        bool valid;
        std::string host;
    } cases[] = {
        {true, "a"},
        {true, "example.com"},
        {true, "EXAMPLE.com."},
        {true, "_service._tcp.example-1.com"},
        {true, "xn--bcher-kva.example"},
        {true, label + ".x"},
        {true, label + "." + label + "." + label + "." + std::string(61, 'b')},
        {true, label + "." + label + "." + label + "." + std::string(61, 'b') + "."},
        {false, label + "." + label + "." + label + "." + std::string(62, 'b')},
        {false, label + "a.x"},
        {false, ""},
        {false, "."},
        {false, ".a"},
        {false, "a..b"},
        {false, "a.."},
        {false, "a b"},
        {false, "a\r\nb"},
        {false, std::string("a\0b", 3)},
        {false, "b\xc3\xbc"},
        {false, "a/b"},
        {false, "a:1"},
        {false, "[::1]"},
    };
    for (const auto& [valid, host] : cases) EXPECT_EQ(is_host_name(host), valid) << host;
}

TEST(HostName, OfThisMachineNeedsNoNameServer) {
    for (const std::string host : {"localhost", "LOCALHOST", "localhost.", "a.b.localhost"})
        EXPECT_TRUE(is_localhost(host)) << host;
    for (const std::string host : {"", "local", "mylocalhost", "localhost.example", "localhost.."})
        EXPECT_FALSE(is_localhost(host)) << host;
}

TEST(HostName, IsAskedForWithTheSearchDomainsAsResolvConfSays) {
    const struct {
        std::string host;
        size_t ndots;
        std::vector<std::string> domains;
        std::vector<std::string> want;
    } cases[] = {
        {"a", 1, {}, {"a"}},
        {"a", 1, {"x", "y.z"}, {"a.x", "a.y.z", "a"}},
        {"a.b", 1, {"x"}, {"a.b", "a.b.x"}},
        {"a.b", 2, {"x"}, {"a.b.x", "a.b"}},
        {"a", 0, {"x"}, {"a", "a.x"}},
        {"a.", 1, {"x"}, {"a"}},
        {"a.b.", 5, {"x"}, {"a.b"}},
        {"a", 1, {std::string(252, 'x'), "y"}, {"a.y", "a"}},
    };
    for (const auto& c : cases)
        EXPECT_EQ(names_to_ask(c.host, c.domains, c.ndots), c.want) << c.host;
}

}  // namespace
}  // namespace starling::net
