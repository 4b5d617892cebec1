// The sources of credentials, users named by proxies, and refused options.
#include <gtest/gtest.h>
#include <starling/auth.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_parts.h"
#include "tests/auth/signing.h"

namespace starling::auth {
namespace {

using namespace test;

constexpr int64_t now_s = 1000;

std::string token_of(const std::string& user, int64_t expires_at_s = 2000) {
    return hs_token(R"({"sub":")" + user + R"(","exp":)" + std::to_string(expires_at_s) + "}");
}

std::string shown(const Verdict& verdict) {
    return verdict ? verdict.identity->user : std::string(failure_text(verdict.failure));
}

struct Asked {
    std::string_view what;
    std::vector<http::Field> fields;
    std::string query, want, address = "192.0.2.1";
    bool from_trusted_proxy = false;
};

std::string identified(const Authenticator& who, const Asked& asked) {
    http::RequestParts parts;
    parts.fields = asked.fields;
    parts.query = asked.query;
    parts.remote_address = asked.address;
    parts.from_trusted_proxy = asked.from_trusted_proxy;
    return shown(who.identify(http::Request(parts), now_s));
}

TEST(AuthSources, ReadsCookieBearerAndQuery) {
    const Authenticator who({.keys = {{"", Algorithm::hs256, secret}}});
    const std::string c = token_of("cookie"), b = token_of("bearer"), old = token_of("old", 1);
    const std::string cookie = "a=b; auth_token=" + c + "; x=y",
                      quoted = "auth_token=\"" + c + "\"";
    const std::string stale = "auth_token=" + old, bearer = "Bearer " + b;
    const std::string lower = "bearer   " + b, two = bearer + "," + b, glued = "Bearer" + b;
    const std::string query = "x=1&token=" + token_of("query"), stale_query = "token=" + old;
    const std::string none = "there are no credentials", expired = "the token has expired";
    const std::string malformed = "the credentials are malformed";
    const Asked cases[] = {
        {"nothing", {}, "", none},
        {"cookie", {{"Cookie", cookie}}, "", "cookie"},
        {"quoted cookie", {{"cookie", quoted}}, "", "cookie"},
        {"an empty cookie", {{"Cookie", "auth_token="}}, "", none},
        {"another cookie", {{"Cookie", "AUTH_TOKEN=x; auth_token2=x"}}, "", none},
        {"bearer", {{"authorization", bearer}}, "", "bearer"},
        {"scheme without case", {{"Authorization", lower}}, "", "bearer"},
        {"another scheme", {{"Authorization", "Basic dTpw"}}, "", none},
        {"no token", {{"Authorization", "Bearer"}}, "", malformed},
        {"no token either", {{"Authorization", "Bearer  "}}, "", malformed},
        {"a list", {{"Authorization", two}}, "", malformed},
        {"no space", {{"Authorization", glued}}, "", none},
        {"twice", {{"Authorization", bearer}, {"Authorization", bearer}}, "", malformed},
        {"two schemes", {{"Authorization", "Basic x"}, {"Authorization", bearer}}, "", malformed},
        {"query", {}, query, "query"},
        {"an empty parameter", {}, "token=", none},
        {"another parameter", {}, "Token=x&auth_token=x", none},
        {"the cookie comes first",
         {{"Authorization", bearer}, {"Cookie", cookie}},
         query,
         "cookie"},
        {"then bearer", {{"Authorization", bearer}}, query, "bearer"},
        {"a stale cookie, bearer", {{"Cookie", stale}, {"Authorization", bearer}}, "", "bearer"},
        {"a stale cookie, query", {{"Cookie", stale}}, query, "query"},
        {"all bad: the first failure",
         {{"Cookie", stale}, {"Authorization", "Bearer x"}},
         "",
         expired},
        {"all bad, otherwise", {{"Authorization", "Bearer x"}}, stale_query, malformed},
        {"no header of users", {{"X-User", "root"}}, "", none},
    };
    for (const auto& asked : cases) EXPECT_EQ(identified(who, asked), asked.want) << asked.what;
}

TEST(AuthSources, ReadsOnlyWhatIsNamed) {
    const std::string c = "session=" + token_of("cookie"), standard = "auth_token=" + token_of("x");
    const std::string query = "jwt=" + token_of("query"), bearer = "Bearer " + token_of("bearer");
    const Authenticator renamed(
        {.keys = {{"", Algorithm::hs256, secret}}, .cookie = "session", .query_parameter = "jwt"});
    const Authenticator bare(
        {.keys = {{"", Algorithm::hs256, secret}}, .cookie = "", .query_parameter = ""});
    const Authenticator nothing{Options{}};
    const std::string none = "there are no credentials";
    EXPECT_EQ(identified(renamed, {"", {{"Cookie", c}}, "", ""}), "cookie");
    EXPECT_EQ(identified(renamed, {"", {}, query, ""}), "query");
    EXPECT_EQ(identified(renamed, {"", {{"Cookie", standard}}, "token=x", ""}), none);
    EXPECT_EQ(identified(bare, {"", {{"Cookie", standard}}, "token=x&=x", ""}), none);
    EXPECT_EQ(identified(bare, {"", {{"Authorization", bearer}}, "", ""}), "bearer");
    EXPECT_EQ(identified(nothing, {"", {{"Authorization", bearer}}, "", ""}),
              "the token names no known key");
    EXPECT_EQ(identified(nothing, {"", {}, "", ""}), none);
}

TEST(AuthSources, BelievesAProxyFromItsAddressAlone) {
    const Authenticator who({.keys = {{"", Algorithm::hs256, secret}},
                             .user_header = "X-User",
                             .trusted_proxies = {"10.0.0.0/8", "2001:db8::/32", "::1", "unix"}});
    const std::string none = "there are no credentials";
    const std::string long_user(256, 'u'), cookie = "auth_token=" + token_of("cookie");
    const std::string stale = "auth_token=" + token_of("old", 1);
    const Asked cases[] = {
        {"trusted", {{"X-User", "mm@example.com"}}, "", "mm@example.com", "10.1.2.3"},
        {"field names without case", {{"x-uSER", "u"}}, "", "u", "10.255.255.255"},
        {"IPv4 mapped", {{"X-User", "u"}}, "", "u", "::ffff:10.1.2.3"},
        {"IPv6", {{"X-User", "u"}}, "", "u", "2001:db8:ffff::9"},
        {"IPv6 loopback", {{"X-User", "u"}}, "", "u", "::1"},
        {"Unix-domain socket", {{"X-User", "u"}}, "", "u", ""},
        {"untrusted", {{"X-User", "u"}}, "", none, "11.0.0.1"},
        {"untrusted, mapped", {{"X-User", "u"}}, "", none, "::ffff:11.0.0.1"},
        {"untrusted IPv6", {{"X-User", "u"}}, "", none, "2001:db9::1"},
        {"IPv4 loopback is not ::1", {{"X-User", "u"}}, "", none, "127.0.0.1"},
        {"not an address", {{"X-User", "u"}}, "", none, "10.1.2.3.4"},
        {"a list", {{"X-User", "u"}}, "", none, "10.1.2.3, 10.1.2.4"},
        {"forwarding is not followed",
         {{"X-User", "u"}, {"X-Forwarded-For", "10.0.0.1"}},
         "",
         none},
        {"no header", {}, "", none, "10.1.2.3"},
        {"empty: nobody is logged in", {{"X-User", ""}}, "", none, "10.1.2.3"},
        {"twice",
         {{"X-User", "root"}, {"x-user", "u"}},
         "",
         "the credentials are malformed",
         "10.1.2.3"},
        {"too long", {{"X-User", long_user}}, "", "there is no user in it", "10.1.2.3"},
        {"a tab", {{"X-User", "a\tb"}}, "", "there is no user in it", "10.1.2.3"},
        {"a token comes first", {{"X-User", "u"}, {"Cookie", cookie}}, "", "cookie", "10.1.2.3"},
        {"a stale one does not", {{"X-User", "u"}, {"Cookie", stale}}, "", "u", "10.1.2.3"},
        {"token, untrusted", {{"X-User", "u"}, {"Cookie", cookie}}, "", "cookie", "11.0.0.1"},
    };
    for (const auto& asked : cases) EXPECT_EQ(identified(who, asked), asked.want) << asked.what;
}

TEST(AuthSources, BelievesTheProxiesOfTheServer) {
    const Authenticator who({.user_header = "X-User"});
    const Authenticator nothing{Options{}};
    const std::string none = "there are no credentials";
    EXPECT_EQ(identified(who, {"", {{"X-User", "u"}}, "", "u", "192.0.2.1", true}), "u");
    EXPECT_EQ(identified(who, {"", {{"X-User", "u"}}, "", none, "127.0.0.1"}), none);
    EXPECT_EQ(identified(nothing, {"", {{"X-User", "u"}}, "", none, "192.0.2.1", true}), none);
}

// The message of the exception; "": the options are accepted.
std::string refusal(Options options) {
    try {
        const Authenticator authenticator(std::move(options));
        return "";
    } catch (const std::invalid_argument& error) {
        EXPECT_EQ(std::string_view(error.what()).find(secret), std::string_view::npos);
        return error.what();
    }
}

TEST(AuthOptions, RefusesKeysThatProtectNothing) {
    const std::string rsa = rsa_key().public_pem(), ec = ec_key().public_pem();
    const std::string small = KeyPair::rsa(1024).public_pem();
    const std::string pss = KeyPair::of_type("RSA-PSS").public_pem();
    const std::string ed = KeyPair::of_type("ED25519").public_pem();
    const auto hs = Algorithm::hs256, rs = Algorithm::rs256, es = Algorithm::es256;
    const struct {
        std::string_view what;
        std::vector<Key> keys;
        std::string_view want;  // Part of the message; "": accepted.
    } cases[] = {
        {"one of each", {{"a", hs, secret}, {"b", rs, rsa}, {"c", es, ec}}, ""},
        {"several without id", {{"", hs, secret}, {"", hs, secret}, {"", rs, rsa}}, ""},
        {"32 bytes", {{"", hs, std::string(32, '\0')}}, ""},
        {"31 bytes", {{"", hs, std::string(31, 'x')}}, "keys[0]: an HS256 secret has 32 bytes"},
        {"no secret", {{"", hs, ""}}, "32 bytes"},
        {"an id twice", {{"a", hs, secret}, {"a", rs, rsa}}, "keys[1] (id 'a'): the id is another"},
        {"a long id", {{std::string(256, 'a'), hs, secret}}, "255 bytes"},
        {"a public key as secret", {{"k", hs, rsa}}, "keys[0] (id 'k'): a PEM file is no HS256"},
        {"a private RSA key", {{"", rs, rsa_key().private_pem()}}, "is a private key"},
        {"a private EC key", {{"", es, ec_key().private_pem()}}, "is a private key"},
        {"EC for RS256", {{"", rs, ec}}, "wants an RSA key"},
        {"RSA for ES256", {{"", es, rsa}}, "P-256"},
        {"RSA-PSS", {{"", rs, pss}}, "wants an RSA key"},
        {"Ed25519", {{"", es, ed}}, "P-256"},
        {"P-384", {{"", es, KeyPair::ec("P-384").public_pem()}}, "P-256"},
        {"secp256k1", {{"", es, KeyPair::ec("secp256k1").public_pem()}}, "P-256"},
        {"1024 bits", {{"", rs, small}}, "2048"},
        {"a secret for RS256", {{"", rs, secret}}, "PEM"},
        {"nothing for ES256", {{"", es, ""}}, "PEM"},
        {"two PEM keys", {{"", rs, rsa + rsa}}, "one public key"},
        {"half a PEM key", {{"", rs, rsa.substr(0, 200)}}, "not a readable"},
        {"64 KiB", {{"", hs, std::string(65537, 'x')}}, "64 KiB"},
        {"65 keys", std::vector<Key>(65, Key{"", hs, secret}), "64 at most"},
    };
    for (const auto& c : cases) {
        const std::string got = refusal({.keys = c.keys});
        EXPECT_EQ(got.empty(), c.want.empty()) << c.what << ": " << got;
        EXPECT_NE(got.find(c.want), got.npos) << c.what << ": " << got;
    }
}

TEST(AuthOptions, RefusesWhatCannotBeMeant) {
    using std::chrono::seconds;
    const struct {
        Options options;
        std::string_view want;
    } cases[] = {
        {{}, ""},
        {{.leeway = seconds(0)}, ""},
        {{.leeway = seconds(86400)}, ""},
        {{.leeway = seconds(86401)}, "leeway"},
        {{.leeway = seconds(-1)}, "leeway"},
        {{.cookie = "", .query_parameter = ""}, ""},
        {{.cookie = "a b"}, "cookie: 'a b'"},
        {{.cookie = "a=b"}, "cookie"},
        {{.user_claim = ""}, "user_claim"},
        {{.user_header = "X-User"}, ""},  // Believed from ServerOptions::trusted_proxies.
        {{.trusted_proxies = {"unix"}}, "trusted_proxies: there is no user_header"},
        {{.user_header = "X User", .trusted_proxies = {"unix"}}, "user_header: 'X User'"},
        {{.user_header = "X-User", .trusted_proxies = {"unix", "::1", "10.0.0.0/8"}}, ""},
        {{.user_header = "X-User", .trusted_proxies = {"unix", "all"}},
         "trusted_proxies[1]: 'all'"},
        {{.user_header = "X-User", .trusted_proxies = {"0.0.0.0/0"}}, "trusts every address"},
        {{.token_bytes_max = 0}, "token_bytes_max"},
        {{.token_bytes_max = 65537}, "token_bytes_max"},
        {{.token_bytes_max = 65536}, ""},
    };
    for (const auto& c : cases) {
        const std::string got = refusal(c.options);
        EXPECT_EQ(got.empty(), c.want.empty()) << c.want << ": " << got;
        EXPECT_NE(got.find(c.want), got.npos) << c.want << ": " << got;
    }
}

}  // namespace
}  // namespace starling::auth
