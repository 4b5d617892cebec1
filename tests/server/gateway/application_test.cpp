// Addresses of applications.
#include "server/gateway/application.h"

#include <gtest/gtest.h>
#include <starling/gateway.h>

namespace starling::server::test {
namespace {

struct Good {
    const char *text, *url, *unix_socket;
};

TEST(GatewayApplication, Addresses) {
    const Good rows[] = {
        {"http://127.0.0.1:3010/websocket/message", "http://127.0.0.1:3010/websocket/message", ""},
        {"http://localhost", "http://localhost/", ""},
        {"http://localhost?a=b", "http://localhost/?a=b", ""},
        {"https://app.example.com/hook", "https://app.example.com/hook", ""},
        {"http://[::1]:80/", "http://[::1]:80/", ""},
        {"unix:/run/app.sock:/hook", "http://localhost/hook", "/run/app.sock"},
    };
    for (const Good& row : rows) {
        const auto application = read_application(row.text);
        ASSERT_TRUE(application) << row.text;
        EXPECT_EQ(application->url, row.url);
        EXPECT_EQ(application->unix_socket, row.unix_socket);
    }
}

TEST(GatewayApplication, OtherTexts) {
    for (const char* text :
         {"", "http://", "http:///path", "ftp://host/", "localhost:3010/x", "http://host:0/",
          "http://host:65536/", "http://host:x/", "http://user:pass@host/", "http://ho st/",
          "http://host/a#b", "http://host/\n", "http://[::1/", "http://[]/", "unix:/run/app.sock",
          "unix:relative:/x", "unix:/:/x", "http://:80/", "http://host:/"})
        EXPECT_FALSE(read_application(text)) << text;
    EXPECT_FALSE(read_application("unix:/" + std::string(107, 'a') + ":/x"));
    EXPECT_TRUE(read_application("unix:/" + std::string(106, 'a') + ":/x"));
}

TEST(GatewayApplication, FaultsNameTheMember) {
    using gateway::Route;
    const auto fault = [](const Route& route) {
        const auto found = gateway::fault_of(route);
        return found ? found->member : "";
    };
    EXPECT_EQ(fault({}), "");
    EXPECT_EQ(fault({.path = "ws"}), "path");
    EXPECT_EQ(fault({.application = "host"}), "application");
    EXPECT_EQ(fault({.user_header = "a b"}), "user_header");
    EXPECT_EQ(fault({.trusted_proxies = {"10.0.0.1/8"}}), "trusted_proxies");
    EXPECT_EQ(fault({.token_cookie = ""}), "token_cookie");
    EXPECT_EQ(fault({.forward_headers = {"a:"}}), "forward_headers");
    EXPECT_EQ(fault({.origins = {"example.com"}}), "origins");
    EXPECT_EQ(fault({.queue_messages_max = 0}), "queue_messages_max");
    EXPECT_EQ(fault({.webhooks_in_flight_max = 0}), "webhooks_in_flight_max");
    EXPECT_EQ(fault({.signing_key = "whsec_%"}), "signing_key");
    EXPECT_EQ(fault({.ca_path = "/nowhere/ca.pem"}), "ca_path");
}

}  // namespace
}  // namespace starling::server::test
