// The checks of requests to the community's API, the limit on writes, and the token of a login.
#include "app/demo/community/pace.h"
#include "app/demo/community/request.h"
#include "app/demo/community/token.h"
#include "http/request_parts.h"

#include <starling/auth.h>

#include <gtest/gtest.h>

namespace starling::app::community {
namespace {

struct OriginCase {
    const char *name, *origin, *site;  // "": the field is absent.
    bool same;
};

TEST(CommunityRequest, OriginOfAWrite) {
    const OriginCase cases[] = {
        {"no page", "", "", true},
        {"our page", "http://localhost:8080", "same-origin", true},
        {"an older browser", "http://localhost:8080", "", true},
        {"behind a proxy that ends TLS", "https://localhost:8080", "same-origin", true},
        {"capitals", "http://LOCALHOST:8080", "", true},
        {"typed by the user", "", "none", true},
        {"another host", "http://evil.example", "", false},
        {"another port", "http://localhost:8081", "", false},
        {"no port", "http://localhost", "", false},
        {"our name at the front", "http://localhost:8080.evil.example", "", false},
        {"our name at the end", "http://evil.localhost:8080", "", false},
        {"a user part", "http://localhost:8080@evil.example", "", false},
        {"opaque", "null", "", false},
        {"a file", "file://", "", false},
        {"no scheme", "localhost:8080", "", false},
        {"nothing behind the scheme", "http://", "", false},
        {"another site that sends no Origin", "", "cross-site", false},
        {"a sibling", "http://localhost:8080", "same-site", false},
    };
    for (const OriginCase& c : cases) {
        std::vector<http::Field> fields;
        if (*c.origin) fields.push_back({"Origin", c.origin});
        if (*c.site) fields.push_back({"Sec-Fetch-Site", c.site});
        http::RequestParts parts;
        parts.host = "localhost:8080";
        parts.fields = fields;
        EXPECT_EQ(same_origin(http::Request(parts)), c.same) << c.name;
    }
    http::Field field{"Origin", "https://example.com"};
    http::RequestParts parts;
    parts.host = "example.com:443";
    parts.fields = {&field, 1};
    EXPECT_TRUE(same_origin(http::Request(parts)));
}

TEST(CommunityRequest, ReadsOneText) {
    const std::string deep(100000, '['), big(body_bytes_max + 1, ' ');
    struct Case {
        const char* name;
        std::string type, body;
        int status;
        std::string text;
    } cases[] = {
        {"good", "application/json", R"({"text":"hi"})", 0, "hi"},
        {"with a charset", "Application/JSON ; charset=utf-8", R"({"text":"你"})", 0, "你"},
        {"more members", "application/json", R"({"a":[1],"text":""})", 0, ""},
        {"a form", "text/plain", R"({"text":"hi"})", 415, ""},
        {"no type", "", R"({"text":"hi"})", 415, ""},
        {"nothing", "application/json", "", 400, ""},
        {"no JSON", "application/json", "text=hi", 400, ""},
        {"a list", "application/json", "[]", 400, ""},
        {"a number", "application/json", R"({"text":1})", 400, ""},
        {"invalid UTF-8", "application/json", "{\"text\":\"\xff\"}", 400, ""},
        {"deep", "application/json", deep, 413, ""},
        {"deep within the limit", "application/json", deep.substr(0, 1000), 400, ""},
        {"big", "application/json", big, 413, ""},
    };
    for (const Case& c : cases) {
        http::Field field{"Content-Type", c.type};
        http::RequestParts parts;
        parts.fields = {&field, 1};
        parts.body = c.body;
        std::string text;
        EXPECT_EQ(read_text(http::Request(parts), "text", text).status, c.status) << c.name;
        EXPECT_EQ(text, c.text) << c.name;
    }
}

TEST(CommunityRequest, CleansComments) {
    std::string wide;
    for (size_t i = 0; i < comment_characters_max; ++i) wide += "椋";
    struct Case {
        std::string in;
        int status;
        std::string out;
    } cases[] = {
        {"hello", 0, "hello"},
        {" \r\n hello \t\n", 0, "hello"},
        {"a\r\nb\rc\nd", 0, "a\nb\nc\nd"},
        {"<b>&amp;</b>", 0, "<b>&amp;</b>"},
        {wide, 0, wide},
        {wide + "!", 400, wide + "!"},
        {std::string(comment_characters_max, 'x') + "\n", 0,
         std::string(comment_characters_max, 'x')},
        {"", 400, ""},
        {" \n\t", 400, ""},
        {std::string("a\0b", 3), 400, std::string("a\0b", 3)},
        {"a\x1b[31m", 400, "a\x1b[31m"},
        {"a\x7f", 400, "a\x7f"},
        {"a\xc2\x9b", 400, "a\xc2\x9b"},
    };
    for (Case& c : cases) {
        std::string text = c.in;
        EXPECT_EQ(clean_comment(text).status, c.status) << c.in;
        EXPECT_EQ(text, c.out);
    }
}

TEST(CommunityRequest, Numbers) {
    EXPECT_EQ(read_number("0"), 0);
    EXPECT_EQ(read_number("9223372036854775807"), INT64_MAX);
    for (const char* wrong :
         {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "1.0", "9223372036854775808"})
        EXPECT_FALSE(read_number(wrong)) << wrong;
}

TEST(CommunityPace, ABurstThenATrickle) {
    Pace pace;
    for (int64_t i = 0; i < writes_burst_max; ++i) EXPECT_EQ(pace.wait_ms("emma", 1000), 0) << i;
    EXPECT_EQ(pace.wait_ms("emma", 1000), write_interval_ms);
    EXPECT_EQ(pace.wait_ms("ming", 1000), 0);  // Each user has a limit of his own.
    EXPECT_EQ(pace.wait_ms("emma", 1000 + write_interval_ms - 1), 1);
    EXPECT_EQ(pace.wait_ms("emma", 1000 + write_interval_ms), 0);
    EXPECT_GT(pace.wait_ms("emma", 1000 + write_interval_ms), 0);
    int64_t later_ms = 1000 + 100 * writes_burst_max * write_interval_ms;
    for (int64_t i = 0; i < writes_burst_max; ++i)
        EXPECT_EQ(pace.wait_ms("emma", later_ms), 0) << i;
    EXPECT_GT(pace.wait_ms("emma", later_ms), 0);
}

// The expected token was computed with Python's hmac and base64 modules.
TEST(CommunityToken, IsSignedAsRfc7518Says) {
    std::string token = sign_token({.user_claim = "email",
                                    .user = "emma@example.com",
                                    .issuer = "",
                                    .audience = "",
                                    .issued_at_s = 1700000000,
                                    .lifetime_s = 3600},
                                   "k", "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(token,
              "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ."
              "eyJzdWIiOiJlbW1hQGV4YW1wbGUuY29tIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MD"
              "AwMDM2MDAsImVtYWlsIjoiZW1tYUBleGFtcGxlLmNvbSJ9."
              "bYUSzY8Q3Aer6vZLssWNAlRxhJOYOeKarKHbo_nfsWw");
}

TEST(CommunityToken, IsBelieved) {
    const std::string secret = random_secret(32), other = random_secret(32);
    auth::Options options;
    options.keys = {{"k", auth::Algorithm::hs256, secret}};
    options.issuer = "issuer";
    options.audience = "audience";
    options.leeway = std::chrono::seconds(0);
    auth::Authenticator authenticator(options);
    Claims claims{.user_claim = "email",
                  .user = "emma@example.com",
                  .issuer = "issuer",
                  .audience = "audience",
                  .issued_at_s = 1000,
                  .lifetime_s = 60};
    auto failure = [&](std::string_view token, int64_t now_s) {
        return authenticator.verify(token, now_s).failure;
    };
    std::string token = sign_token(claims, "k", secret);
    auth::Verdict verdict = authenticator.verify(token, 1000);
    ASSERT_TRUE(verdict.identity) << auth::failure_text(verdict.failure);
    EXPECT_EQ(verdict.identity->user, "emma@example.com");
    EXPECT_EQ(verdict.identity->expires_at_s, 1060);
    EXPECT_EQ(failure(token, 1061), auth::Failure::expired);
    EXPECT_EQ(failure(sign_token(claims, "k", other), 1000), auth::Failure::bad_signature);
    EXPECT_EQ(failure(sign_token(claims, "j", secret), 1000), auth::Failure::unknown_key);
    claims.audience = "another";
    EXPECT_EQ(failure(sign_token(claims, "k", secret), 1000), auth::Failure::wrong_audience);
}

TEST(CommunityToken, SecretsDiffer) {
    std::string one = random_secret(32), other = random_secret(32);
    EXPECT_EQ(one.size(), 64u);
    EXPECT_NE(one, other);
    EXPECT_EQ(one.find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace starling::app::community
