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

TEST(GatewayApplication, HttpsNeedsTheCertificatesOfAuthorities) {
    using gateway::Route;
    const std::vector<std::string> none = {"/nowhere/ca-certificates.crt", "/nowhere/cert.pem"};
    const std::vector<std::string> some = {"/nowhere/ca-certificates.crt", "/dev/null"};
    const Route https = {.application = "https://app.example.com/hook"};
    const auto fault = fault_of_authorities(https, none);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->member, "application");
    EXPECT_NE(fault->what.find("install ca-certificates, or set ca_path"), std::string::npos);
    EXPECT_FALSE(fault_of_authorities(https, some));
    EXPECT_FALSE(fault_of_authorities({.application = "http://app.example.com/hook"}, none));
    Route own = https;
    own.ca_path = "/etc/own.pem";
    EXPECT_FALSE(fault_of_authorities(own, none));
}

// A client's value would break the webhook, or pass for the gateway's.
TEST(GatewayApplication, FieldsThatNoClientSets) {
    using gateway::Route;
    for (const char* name : {"Content-Length", "content-type", "Transfer-Encoding", "Host",
                             "Connection", "Cookie", "Webhook-Id", "webhook-signature",
                             "Proxy-Authorization", "Accept-Encoding", "X-Forwarded-For"}) {
        const auto fault = gateway::fault_of(Route{.forward_headers = {"X-Trace", name}});
        ASSERT_TRUE(fault) << name;
        EXPECT_EQ(fault->member, "forward_headers");
        EXPECT_NE(fault->what.find(name), std::string::npos) << fault->what;
    }
    EXPECT_FALSE(gateway::fault_of(Route{.forward_headers = {"Authorization", "X-Bfl-User"}}));
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
