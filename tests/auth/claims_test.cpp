// The claims of correctly signed tokens: times to the second, types, issuer, audience, user.
#include <gtest/gtest.h>
#include <starling/auth.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "tests/auth/signing.h"

namespace starling::auth {
namespace {

using namespace test;
using std::chrono::seconds;

Options options_with(seconds leeway) {
    return {.keys = {{"", Algorithm::hs256, secret}}, .leeway = leeway};
}

std::string failure_of(const Authenticator& who, const std::string& claims, int64_t now_s) {
    return std::string(failure_text(who.verify(hs_token(claims), now_s).failure));
}

TEST(AuthClaims, ChecksTimesToTheSecond) {
    constexpr auto max = std::numeric_limits<int64_t>::max();
    const std::string expired = "the token has expired", early = "the token is not valid yet";
    const std::string malformed = "the credentials are malformed";
    const struct {
        std::string times;
        int64_t leeway_s, now_s;
        std::string want;
    } cases[] = {
        {R"(,"exp":1000)", 0, 999, "none"},
        {R"(,"exp":1000)", 0, 1000, expired},
        {R"(,"exp":1000)", 30, 1029, "none"},
        {R"(,"exp":1000)", 30, 1030, expired},
        {R"(,"exp":1000.9)", 0, 999, "none"},
        {R"(,"exp":1000.9)", 0, 1000, expired},
        {R"(,"exp":1e3)", 0, 999, "none"},
        {R"(,"exp":1e3)", 0, 1000, expired},
        {R"(,"exp":0)", 30, 29, "none"},
        {R"(,"exp":0)", 30, 30, expired},
        {R"(,"exp":-1)", 30, 1000, expired},
        {R"(,"nbf":1000)", 0, 999, early},
        {R"(,"nbf":1000)", 0, 1000, "none"},
        {R"(,"nbf":1000)", 30, 969, early},
        {R"(,"nbf":1000)", 30, 970, "none"},
        {R"(,"nbf":1000.1)", 0, 1000, early},
        {R"(,"nbf":1000.1)", 0, 1001, "none"},
        {R"(,"nbf":2000,"exp":1000)", 0, 1500, expired},
        {R"(,"exp":9007199254740992)", 86400, 1000, "none"},
        {R"(,"exp":9007199254740992)", 86400, max, expired},
        {R"(,"nbf":-9007199254740992)", 86400, -max - 1, early},
        {R"(,"nbf":9007199254740992)", 86400, max, "none"},
        {R"(,"iat":5000)", 0, 1000, "none"},
        {"", 0, max, "none"},
        {R"(,"exp":9007199254740994)", 0, 1000, malformed},
        {R"(,"exp":18446744073709551615)", 0, 1000, malformed},
        {R"(,"exp":1e300)", 0, 1000, malformed},
        {R"(,"exp":1e999)", 0, 1000, malformed},
        {R"(,"nbf":-1e300)", 0, 1000, malformed},
        {R"(,"exp":"2000")", 0, 1000, malformed},
        {R"(,"exp":null)", 0, 1000, malformed},
        {R"(,"exp":true)", 0, 1000, malformed},
        {R"(,"exp":[2000])", 0, 1000, malformed},
        {R"(,"exp":{})", 0, 1000, malformed},
        {R"(,"nbf":"0")", 0, 1000, malformed},
        {R"(,"nbf":null)", 0, 1000, malformed},
        {R"(,"iat":"0")", 0, 1000, malformed},
        {R"(,"iat":false)", 0, 1000, malformed},
        {R"(,"exp":1000,"exp":9000)", 0, 1000, malformed},
        {R"(,"exp":9000,"e\u0078p":9000)", 0, 1000, malformed},
    };
    for (const auto& c : cases) {
        const Authenticator who(options_with(seconds(c.leeway_s)));
        EXPECT_EQ(failure_of(who, R"({"sub":"u")" + c.times + "}", c.now_s), c.want)
            << c.times << " leeway " << c.leeway_s << " now " << c.now_s;
    }
}

TEST(AuthClaims, SaysWhenTheIdentityExpires) {
    const Authenticator who(options_with(seconds(30)));
    const auto expiry = [&](const char* claims) {
        const Verdict verdict = who.verify(hs_token(claims), 1000);
        return verdict ? verdict.identity->expires_at_s.value_or(-1) : -2;
    };
    EXPECT_EQ(expiry(R"({"sub":"u","exp":2000})"), 2030);
    EXPECT_EQ(expiry(R"({"sub":"u","exp":2000.9})"), 2030);
    EXPECT_EQ(expiry(R"({"sub":"u"})"), -1);
    EXPECT_EQ(expiry(R"({"sub":"u","exp":970})"), -2);
}

TEST(AuthClaims, ChecksIssuerAndAudience) {
    const Authenticator strict({.keys = {{"", Algorithm::hs256, secret}},
                                .issuer = "https://id.example.com",
                                .audience = "events"});
    const Authenticator lax(options_with(seconds(0)));
    const std::string issuer = "the token is another issuer's";
    const std::string audience = "the token is meant for others",
                      malformed = "the credentials are malformed";
    const std::string iss = R"("iss":"https://id.example.com",)";
    const struct {
        std::string claims, strict, lax;
    } cases[] = {
        {iss + R"("aud":"events")", "none", "none"},
        {iss + R"("aud":["events"])", "none", "none"},
        {iss + R"("aud":["a","events","b"])", "none", "none"},
        {iss + R"("aud":[])", audience, "none"},
        {iss + R"("aud":["event","eventss"])", audience, "none"},
        {iss + R"("aud":"Events")", audience, "none"},
        {iss + R"("aud":"events ")", audience, "none"},
        {iss + R"("aud":"")", audience, "none"},
        {iss + R"("b":1)", audience, "none"},
        {iss + R"("aud":["events",1])", malformed, malformed},
        {iss + R"("aud":[1,"events"])", malformed, malformed},
        {iss + R"("aud":["events",["x"],"y"])", malformed, malformed},
        {iss + R"("aud":["events",null])", malformed, malformed},
        {iss + R"("aud":["events",{"a":"b"}])", malformed, malformed},
        {iss + R"("aud":[["events"]])", malformed, malformed},
        {iss + R"("aud":{"events":"events"})", malformed, malformed},
        {iss + R"("aud":true)", malformed, malformed},
        {iss + R"("aud":null)", malformed, malformed},
        {iss + R"("aud":"events","aud":"events")", malformed, malformed},
        {R"("aud":"events")", issuer, "none"},
        {R"("iss":"https://id.example.com/","aud":"events")", issuer, "none"},
        {R"("iss":"HTTPS://id.example.com","aud":"events")", issuer, "none"},
        {R"("iss":"","aud":"events")", issuer, "none"},
        {R"("iss":["https://id.example.com"],"aud":"events")", malformed, malformed},
        {R"("iss":1,"aud":"events")", malformed, malformed},
        {R"("iss":null,"aud":"events")", malformed, malformed},
    };
    for (const auto& c : cases) {
        const std::string claims = "{" + c.claims + R"(,"sub":"u"})";
        EXPECT_EQ(failure_of(strict, claims, 1000), c.strict) << claims;
        EXPECT_EQ(failure_of(lax, claims, 1000), c.lax) << claims;
    }
}

TEST(AuthClaims, NamesTheUser) {
    const Authenticator who(options_with(seconds(0)));
    const std::string longest(255, 'u');
    const struct {
        std::string claims, want;
    } cases[] = {
        {R"({"email":"mm@example.com","sub":"17"})", "mm@example.com"},
        {R"({"sub":"17"})", "17"},
        {R"({"sub":")" + longest + "\"}", longest},
        {R"({"email":"m\u00e4@example.com"})", "m\xc3\xa4@example.com"},
        {R"({"email":"e","email_verified":true})", "e"},
        {R"({"email":"e","email_verified":"true"})", "e"},
        {R"({"sub":"17","email_verified":false})", "17"},
        {R"({"email":"e","email_verified":false,"sub":"17"})", ""},
        {R"({"email":"e","email_verified":"false"})", ""},
        {R"({"email":"e","email_verified":null})", ""},
        {R"({"email":"e","email_verified":1})", ""},
        {"{}", ""},
        {R"({"name":"u"})", ""},
        {R"({"Email":"e"})", ""},
        {R"({"email":17,"sub":"17"})", ""},
        {R"({"email":null,"sub":"17"})", ""},
        {R"({"email":["e"],"sub":"17"})", ""},
        {R"({"email":{"sub":"e"},"sub":"17"})", ""},
        {R"({"email":"","sub":"17"})", ""},
        {R"({"sub":17})", ""},
        {R"({"sub":true})", ""},
        {R"({"sub":["u"]})", ""},
        {R"({"sub":""})", ""},
        {R"({"sub":")" + longest + "u\"}", ""},
        {R"({"sub":"a\u0000b"})", ""},
        {R"({"sub":"a\nb"})", ""},
        {R"({"sub":"a\u007fb"})", ""},
        {R"({"x":{"sub":"u"},"y":[{"sub":"u"}]})", ""},
    };
    for (const auto& c : cases) {
        const Verdict verdict = who.verify(hs_token(c.claims), 1000);
        EXPECT_EQ(verdict ? verdict.identity->user : "", c.want) << c.claims;
        EXPECT_EQ(verdict.failure, verdict ? Failure::none : Failure::no_user) << c.claims;
    }
    const Authenticator named({.keys = {{"", Algorithm::hs256, secret}}, .user_claim = "upn"});
    EXPECT_EQ(
        named.verify(hs_token(R"({"upn":"a","sub":"b","email":"c","email_verified":false})"), 1000)
            .identity->user,
        "a");
}

TEST(AuthClaims, RefusesWhatIsNoObject) {
    const Authenticator who(options_with(seconds(0)));
    for (const std::string claims :
         {"", "null", "1", "\"sub\"", "[]", R"([{"sub":"u"}])", "{", "{}}", R"({"sub":"u"} x)",
          R"({"sub":"u","sub":"v"})", "{\"sub\":\"\xc3\"}", R"({"sub":"\udc00"})", R"({'sub':'u'})",
          R"({"sub":"u","a":NaN})", R"({"sub":"u","a":01})"})
        EXPECT_EQ(failure_of(who, claims, 1000), "the credentials are malformed") << claims;
}

}  // namespace
}  // namespace starling::auth
