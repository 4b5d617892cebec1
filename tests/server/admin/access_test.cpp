#include "server/admin/access.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "http/request_parts.h"

namespace starling::server {
namespace {

struct Asked {
    std::string_view host = "127.0.0.1:8081";
    std::vector<http::Field> fields = {};
    std::string_view method = "GET";
    std::string_view address = "127.0.0.1";
    std::string_view path = "/admin/api/stats";
};

std::optional<AdminAccess::Refusal> refusal_of(AdminAccess& access, const Asked& asked,
                                               uint64_t now_ms = 0) {
    http::RequestParts parts;
    parts.host = asked.host;
    parts.fields = asked.fields;
    parts.method = asked.method;
    parts.path = asked.path;
    parts.remote_address = asked.address;
    return access.check(http::Request(parts), now_ms);
}

int status_of(AdminAccess& access, const Asked& asked, uint64_t now_ms = 0) {
    const auto refused = refusal_of(access, asked, now_ms);
    return refused ? refused->status : 200;
}

TEST(AdminAccess, OtherHostsAndOriginsAreRefused) {
    AdminAccess access("secret", {"admin.example.com"}, AdminAccess::Metrics::open);
    constexpr http::Field json{"Content-Type", "application/json"};
    const std::pair<Asked, int> cases[] = {
        {{}, 200},
        {{"localhost:8081"}, 200},
        {{"LOCALHOST"}, 200},
        {{"[::1]:8081"}, 200},
        {{"192.0.2.7"}, 200},
        {{"admin.example.com:8081"}, 200},
        {{"evil.example.com:8081"}, 403},  // DNS rebinding.
        {{"localhost.evil.example.com"}, 403},
        {{"127.0.0.1.evil.example.com"}, 403},
        {{""}, 403},
        {{"127.0.0.1:8081", {{"Origin", "http://127.0.0.1:8081"}}}, 200},
        {{"127.0.0.1:8081", {{"Origin", "http://127.0.0.1:8080"}}}, 403},
        {{"127.0.0.1:8081", {{"Origin", "https://evil.example.com"}}}, 403},
        {{"127.0.0.1:8081", {{"Origin", "null"}}}, 403},
        {{"127.0.0.1:8081", {json}, "POST"}, 200},
        {{"127.0.0.1:8081", {{"Content-Type", "text/plain"}}, "POST"}, 415},  // A form of a page.
        {{"127.0.0.1:8081", {}, "POST"}, 415},
    };
    for (auto [asked, status] : cases) {
        const std::string_view first = asked.fields.empty() ? "" : asked.fields.front().value;
        asked.fields.push_back({"X-Api-Key", "secret"});
        EXPECT_EQ(status_of(access, asked), status)
            << asked.host << " " << asked.method << " " << first;
    }
}

TEST(AdminAccess, TheMetricsNeedNoKeyOnThisMachineUnlessAProxyAsks) {
    const std::pair<Asked, int> cases[] = {
        {{.path = "/metrics"}, 200},
        {{.address = "::1", .path = "/metrics"}, 200},
        {{.address = "", .path = "/metrics"}, 200},  // On a Unix-domain socket.
        {{.address = "unknown", .path = "/metrics"}, 403},
        {{.address = "192.0.2.7", .path = "/metrics"}, 401},
        {{.path = "/metrics/"}, 401},
        {{.path = "/admin/api/stats"}, 401},
        {{.path = "/admin/"}, 401},
        {{.fields = {{"X-Forwarded-For", "192.0.2.7"}}, .path = "/metrics"}, 401},
        {{.fields = {{"Forwarded", "for=192.0.2.7"}}, .path = "/metrics"}, 401},
        {{.fields = {{"Via", "1.1 proxy"}}, .path = "/metrics"}, 401},
        {{.fields = {{"X-Real-IP", "192.0.2.7"}}, .path = "/metrics"}, 401},
        {{.fields = {{"Content-Type", "application/json"}}, .method = "POST", .path = "/metrics"},
         401},
    };
    AdminAccess open("made", {}, AdminAccess::Metrics::open);
    AdminAccess with_key("secret", {}, AdminAccess::Metrics::with_key);
    for (const auto& [asked, status] : cases) {
        const std::string_view field = asked.fields.empty() ? "" : asked.fields.front().name;
        EXPECT_EQ(status_of(open, asked), status) << asked.address << asked.path << field;
        EXPECT_NE(status_of(with_key, asked), 200) << asked.address << asked.path << field;
    }
}

TEST(AdminAccess, SaysWhyForTheMetric) {
    using Why = AdminAccess::Why;
    AdminAccess access("secret", {}, AdminAccess::Metrics::with_key);
    const auto why = [&](const Asked& asked) { return refusal_of(access, asked).value().why; };
    EXPECT_EQ(why({.address = "unknown"}), Why::peer_left);
    EXPECT_EQ(why({.host = "evil.example.com"}), Why::host);
    EXPECT_EQ(why({.fields = {{"Origin", "http://evil.example.com"}}}), Why::origin);
    EXPECT_EQ(why({.method = "POST"}), Why::type);
    EXPECT_EQ(why({}), Why::no_key);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(why({.fields = {{"X-Api-Key", "guess"}}}), Why::wrong_key);
    EXPECT_EQ(why({.fields = {{"X-Api-Key", "secret"}}}), Why::waits);
}

TEST(AdminAccess, TheKeyComesInThreeWays) {
    AdminAccess access("secret", {}, AdminAccess::Metrics::with_key);
    const std::pair<std::vector<http::Field>, int> cases[] = {
        {{}, 401},
        {{{"X-Api-Key", "secret"}}, 200},
        {{{"Authorization", "Bearer secret"}}, 200},
        {{{"Authorization", "Basic YWRtaW46c2VjcmV0"}}, 200},  // admin:secret
        {{{"Authorization", "basic OnNlY3JldA=="}}, 200},      // :secret
        {{{"Authorization", "Basic !"}}, 401},
        {{{"X-Api-Key", "Secret"}}, 401},
    };
    for (const auto& [fields, status] : cases) {
        Asked asked;
        asked.fields = fields;
        EXPECT_EQ(status_of(access, asked), status)
            << (fields.empty() ? "no field" : fields.front().value);
    }
}

TEST(AdminAccess, AnAddressWithFiveWrongKeysWaits) {
    AdminAccess access("secret", {}, AdminAccess::Metrics::with_key);
    const Asked wrong{.fields = {{"X-Api-Key", "guess"}}},
        right{.fields = {{"X-Api-Key", "secret"}}};
    Asked elsewhere = right;
    elsewhere.address = "192.0.2.7";
    for (int i = 0; i < 4; ++i) EXPECT_EQ(status_of(access, wrong, 1000), 401);
    EXPECT_EQ(status_of(access, right, 1000), 200);  // Clears the count.
    for (int i = 0; i < 5; ++i) EXPECT_EQ(status_of(access, wrong, 2000), 401);
    EXPECT_EQ(status_of(access, wrong, 2000), 429);
    EXPECT_EQ(status_of(access, right, 2000), 429);
    EXPECT_EQ(status_of(access, elsewhere, 2000), 200);
    EXPECT_EQ(status_of(access, right, 2000 + auth::Attempts::wait_ms - 1), 429);
    EXPECT_EQ(status_of(access, right, 2000 + auth::Attempts::wait_ms), 200);
}

TEST(AdminAccess, TheAddressesOfAnIpv6NetworkWaitTogether) {
    AdminAccess access("secret", {}, AdminAccess::Metrics::with_key);
    Asked asked{.fields = {{"X-Api-Key", "guess"}}};
    for (const std::string_view address :
         {"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::5"}) {
        asked.address = address;
        EXPECT_EQ(status_of(access, asked), 401);
    }
    asked.address = "2001:db8::6";
    EXPECT_EQ(status_of(access, asked), 429);
    asked.address = "2001:db8:0:1::6";
    EXPECT_EQ(status_of(access, asked), 401);
}

TEST(AdminAccess, RequestsWithoutAKeyAreNotCounted) {
    AdminAccess access("secret", {}, AdminAccess::Metrics::with_key);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(status_of(access, {}), 401);
}

TEST(AdminAccess, KnowsWhichAddressesAreReachableFromElsewhere) {
    const std::pair<std::string_view, bool> cases[] = {
        {"127.0.0.1:8081", true}, {"127.1.2.3:80", true}, {"[::1]:8081", true},
        {"localhost:8081", true}, {"unix:/run/a", true},  {":8081", false},
        {"0.0.0.0:8081", false},  {"[::]:8081", false},   {"192.0.2.7:8081", false},
    };
    for (const auto& [address, local] : cases)
        EXPECT_EQ(listens_locally(address), local) << address;
}

}  // namespace
}  // namespace starling::server
