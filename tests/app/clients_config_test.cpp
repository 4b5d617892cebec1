// The keys about who the clients are, and their limits.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/config/config.h"

namespace starling::app {
namespace {

// "": the text is a valid configuration.
std::string fault_of(const std::string& text) {
    Config config;
    return config.read_text("s.yaml", text) && config.finish() ? "" : config.error();
}

std::vector<std::string> warnings_of(const std::string& text) {
    Config config;
    EXPECT_TRUE(config.read_text("s.yaml", text) && config.finish()) << config.error();
    return config.warnings();
}

TEST(ClientsConfig, SetsTheOptionsOfTheServer) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
listen:
  - ":8080"
  - address: "127.0.0.1:8081"
    proxy_protocol: {from: ["10.0.0.0/8", unix]}
trusted_proxies: ["10.0.0.1", "2001:db8::/32"]
client_address_header: Forwarded
limits:
  connections: {per_second: 7, burst: 70}
  connections_per_address_max: 5
  exempt: []
  messages: {per_second: 20}
  message_bytes: {per_second: 1000, burst: 5000}
  excess: drop
  joins: {per_second: 1}
  channel_publishes: {per_second: 2}
  key_publishes: {per_second: 3}
)") && config.finish())
        << config.error();
    const ServerOptions& server = config.settings().server;
    ASSERT_EQ(server.listen.size(), 2u);
    EXPECT_TRUE(server.listen[0].proxy_protocol_from.empty());
    EXPECT_EQ(server.listen[1].proxy_protocol_from,
              (std::vector<std::string>{"10.0.0.0/8", "unix"}));
    EXPECT_EQ(server.trusted_proxies, (std::vector<std::string>{"10.0.0.1", "2001:db8::/32"}));
    EXPECT_EQ(server.client_address_field, ClientAddressField::forwarded);
    const Limits& limits = server.limits;
    EXPECT_EQ(limits.connections.per_second, 7u);
    EXPECT_EQ(limits.connections.burst, 70u);
    EXPECT_EQ(limits.connections_per_address_max, 5u);
    EXPECT_TRUE(limits.exempt.empty());
    EXPECT_EQ(limits.messages.per_second, 20u);
    EXPECT_EQ(limits.message_bytes.burst, 5000u);
    EXPECT_EQ(limits.excess, Limits::Excess::drop);
    EXPECT_EQ(limits.joins.per_second, 1u);
    EXPECT_EQ(limits.channel_publishes.per_second, 2u);
    EXPECT_EQ(limits.key_publishes.per_second, 3u);
    EXPECT_TRUE(config.warnings().empty());
}

TEST(ClientsConfig, NamesEachFault) {
    const struct {
        std::string text, want;
    } cases[] = {
        {"trusted_proxies: [everybody]\n",
         "s.yaml:1: key 'trusted_proxies[0]': 'everybody' is no address, range (10.0.0.0/8) or "
         "'unix'"},
        {"trusted_proxies: [\"::1\", 10.0.0.1/8]\n",
         "s.yaml:1: key 'trusted_proxies[1]': '10.0.0.1/8' has bits set behind its prefix"},
        {"trusted_proxy: [\"::1\"]\n",
         "s.yaml:1: key 'trusted_proxy': is not known (did you mean 'trusted_proxies'?)"},
        {"client_address_header: X-Client\n",
         "s.yaml:1: key 'client_address_header': must be X-Forwarded-For, Forwarded, X-Real-IP or "
         "none"},
        {"listen:\n  - {address: \":1\", proxy_protocol: {from: [0.0.0.0/0]}}\n",
         "s.yaml:2: key 'listen[0].proxy_protocol.from[0]': '0.0.0.0/0' trusts every address there "
         "is"},
        {"listen:\n  - {address: \":1\", proxy_protocol: {form: []}}\n",
         "s.yaml:2: key 'listen[0].proxy_protocol.form': is not known (did you mean 'from'?)"},
        {"limits:\n  conections: {per_second: 1}\n",
         "s.yaml:2: key 'limits.conections': is not known (did you mean 'connections'?)"},
        {"limits:\n  messages: {per_minute: 1}\n",
         "s.yaml:2: key 'limits.messages.per_minute': is not known"},
        {"limits:\n  messages: 5\n",
         "s.yaml:2: key 'limits.messages': must be a mapping of keys and values"},
        {"limits:\n  messages: {burst: -1}\n",
         "s.yaml:2: key 'limits.messages.burst': must be an integer from 0 to 1073741824"},
        {"limits:\n  exempt: [localhost]\n",
         "s.yaml:2: key 'limits.exempt[0]': 'localhost' is no address, range (10.0.0.0/8) or "
         "'unix'"},
        {"limits: {excess: ignore}\n", "s.yaml:1: key 'limits.excess': must be close or drop"},
        {"auth: {user_header: X-User}\n",
         "s.yaml:1: key 'auth.user_header': needs trusted_proxies: no proxy is believed"},
        {"trusted_proxies: [unix]\nauth: {user_header: X-User}\n", ""},
        {"auth: {user_header: X-User, trusted_proxies: [unix]}\n", ""},
    };
    for (const auto& c : cases) EXPECT_EQ(fault_of(c.text), c.want) << c.text;
}

TEST(ClientsConfig, WarnsOfWhatHasNoEffect) {
    using Lines = std::vector<std::string>;
    EXPECT_EQ(warnings_of("limits:\n  messages: {burst: 5}\n  excess: drop\n"),
              (Lines{"s.yaml:2: key 'limits.messages.burst': has no effect without "
                     "limits.messages.per_second",
                     "s.yaml:3: key 'limits.excess': has no effect without limits.messages or "
                     "limits.message_bytes"}));
    EXPECT_EQ(warnings_of("client_address_header: Forwarded\n"),
              (Lines{"s.yaml:1: key 'client_address_header': has no effect without "
                     "trusted_proxies"}));
}

}  // namespace
}  // namespace starling::app
