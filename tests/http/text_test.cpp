// The small grammars: percent-encoding, static paths, forms, cookies, dates, hosts, media types.
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/tokens.h"
#include "http/cookie.h"
#include "http/date.h"
#include "http/mime.h"
#include "http/target.h"
#include "http/url.h"

namespace starling::http {
namespace {

using namespace std::string_view_literals;

std::string shown(const std::optional<std::string>& text) {
    return text ? "'" + *text + "'" : "none";
}

TEST(HttpUrl, DecodesPercentEscapes) {
    const struct {
        std::string_view text;
        Plus plus;
        std::string want;
    } cases[] = {
        {"", Plus::literal, "''"},
        {"a+b", Plus::literal, "'a+b'"},
        {"a+b", Plus::space, "'a b'"},
        {"%41%6a%6A", Plus::literal, "'Ajj'"},
        {"%", Plus::literal, "none"},
        {"%4", Plus::literal, "none"},
        {"a%4", Plus::literal, "none"},
        {"%g0", Plus::literal, "none"},
        {"%2B", Plus::space, "'+'"},
        {"%25%32%35", Plus::literal, "'%25'"},
        {"%C3%A4", Plus::literal, "'\xc3\xa4'"},
    };
    for (const auto& c : cases) EXPECT_EQ(shown(percent_decode(c.text, c.plus)), c.want) << c.text;
    EXPECT_EQ(percent_decode("%00", Plus::literal), std::string(1, '\0'));
    EXPECT_EQ(percent_decode_leniently("100% %4g%41", Plus::space), "100% %4gA");
}

TEST(HttpUrl, MapsStaticPathsToNothingElse) {
    const struct {
        std::string_view path;
        const char* want;
    } cases[] = {
        {"", "''"},
        {"/", "''"},
        {"a.html", "'a.html'"},
        {"/a.html", "'a.html'"},
        {"/a/b/", "'a/b/'"},
        {"/a%20b/%C3%A4.txt", "'a b/\xc3\xa4.txt'"},
        {"/a..b/c...", "'a..b/c...'"},
        {"/..", "none"},
        {"/../etc/passwd", "none"},
        {"/a/../../etc/passwd", "none"},
        {"/%2e%2e/etc/passwd", "none"},
        {"/%2E%2e%2fetc", "none"},
        {"/.", "none"},
        {"/./a", "none"},
        {"/.git/config", "none"},
        {"/a/.htaccess", "none"},
        {"/%2ehidden", "none"},
        {"//etc/passwd", "none"},
        {"/a//b", "none"},
        {"/a/%2f/b", "none"},
        {"/a%2Fb", "none"},
        {"/a\\b", "none"},
        {"/a%5cb", "none"},
        {"/a%00.html", "none"},
        {"/a%0ab", "none"},
        {"/a%7f", "none"},
        {"/%", "none"},
        {"/%zz", "none"},
    };
    for (const auto& c : cases) EXPECT_EQ(shown(map_static_path(c.path)), c.want) << c.path;
}

TEST(HttpUrl, FindsFormFields) {
    const auto fields = "a=1&b=&c&&a=2&d=x%26y%3D+z&%65=5&f=1=2&+g=7"sv;
    EXPECT_EQ(shown(find_form_field(fields, "a")), "'1'");
    EXPECT_EQ(shown(find_form_field(fields, "b")), "''");
    EXPECT_EQ(shown(find_form_field(fields, "c")), "''");
    EXPECT_EQ(shown(find_form_field(fields, "d")), "'x&y= z'");
    EXPECT_EQ(shown(find_form_field(fields, "e")), "'5'");
    EXPECT_EQ(shown(find_form_field(fields, "f")), "'1=2'");
    EXPECT_EQ(shown(find_form_field(fields, " g")), "'7'");
    EXPECT_EQ(shown(find_form_field(fields, "")), "none");
    EXPECT_EQ(shown(find_form_field("", "a")), "none");
    EXPECT_EQ(find_form_fields(fields, "a"), (std::vector<std::string>{"1", "2"}));
    EXPECT_TRUE(find_form_fields(fields, "x").empty());
}

TEST(HttpCookie, FindsAndFormats) {
    const auto field = "a=1; b=\"2 3\";c=;a=4; =5; d; e=\""sv;
    EXPECT_EQ(find_cookie(field, "a"), "1"sv);
    EXPECT_EQ(find_cookie(field, "b"), "2 3"sv);
    EXPECT_EQ(find_cookie(field, "c"), ""sv);
    EXPECT_EQ(find_cookie(field, "d"), std::nullopt);
    EXPECT_EQ(find_cookie(field, "e"), "\""sv);
    EXPECT_EQ(find_cookie("", "a"), std::nullopt);

    EXPECT_EQ(format_cookie("a", "1", {}), "a=1; Path=/; HttpOnly; SameSite=Lax");
    EXPECT_EQ(format_cookie("a", "",
                            {.path = "/x",
                             .domain = "example.com",
                             .max_age_s = 0,
                             .http_only = false,
                             .same_site = SameSite::none}),
              "a=; Path=/x; Domain=example.com; Max-Age=0; Secure; SameSite=None");
    EXPECT_EQ(format_cookie("a", "1", {.path = "", .same_site = SameSite::strict, .secure = true}),
              "a=1; Secure; HttpOnly; SameSite=Strict");
    for (const auto name : {"", "a b", "a=", "a;"})
        EXPECT_THROW((void)format_cookie(name, "1", {}), std::invalid_argument) << name;
    for (const auto value : {"a b", "a;b", "a\"", "a\r\nb", "a,b", "\xc3\xa4"})
        EXPECT_THROW((void)format_cookie("a", value, {}), std::invalid_argument) << value;
    EXPECT_THROW((void)format_cookie("a", "1", {.path = "/;x"}), std::invalid_argument);
    EXPECT_THROW((void)format_cookie("a", "1", {.domain = "a\n"}), std::invalid_argument);
}

TEST(HttpDate, FormatsAndParsesThreeForms) {
    constexpr int64_t now_s = 1'700'000'000;  // 2023
    const struct {
        const char* text;
        std::optional<int64_t> want;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 29 Feb 2000 23:59:59 GMT", 951868799},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
        {"Tuesday, 01-Jan-74 00:00:00 GMT", 126230400},    // 1974: 2074 is too far.
        {"Friday, 01-Jan-72 00:00:00 GMT", 3218832000},    // 2072
        {"Saturday, 01-Jan-50 00:00:00 GMT", 2524608000},  // 2050
        {"Wed, 30 Feb 2000 00:00:00 GMT", std::nullopt},
        {"Sun, 06 Nov 1994 24:00:00 GMT", std::nullopt},
        {"Sun, 06 Nov 1994 08:60:37 GMT", std::nullopt},
        {"Sun, 06 Nov 1994 08:49:37 UTC", std::nullopt},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", std::nullopt},
        {"Sun, 6 Nov 1994 08:49:37 GMT", std::nullopt},
        {"sun, 06 nov 1994 08:49:37 gmt", std::nullopt},
        {"Sun, 06 Nov -994 08:49:37 GMT", std::nullopt},
        {"06 Nov 1994", std::nullopt},
        {"784111777", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& c : cases) EXPECT_EQ(parse_date(c.text, now_s), c.want) << c.text;
    for (const int64_t time : {int64_t(0), int64_t(784111777), now_s, int64_t(253402300799)})
        EXPECT_EQ(parse_date(format_date(time), now_s), time);
    EXPECT_EQ(format_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(format_date(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    EXPECT_EQ(format_date(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
    EXPECT_TRUE(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MIN).has_value());

    DateText date;
    EXPECT_EQ(date.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date.at(1), "Thu, 01 Jan 1970 00:00:01 GMT");
}

TEST(HttpTarget, JudgesHosts) {
    for (const auto good :
         {"a", "a.b:80", "127.0.0.1", "[::1]", "[::1]:8080", "a:", "a%20b", "A-b_c"})
        EXPECT_TRUE(is_valid_host(good, false)) << good;
    for (const auto bad : {"", ":80", "a:b", "a:123456", "a/b", "a b", "u@a", "[::1", "[]",
                           "[::1]a", "::1", "a,b:", "a%2", "a\"", "\xc3\xa4", "a:80:80", "[:%1]"})
        EXPECT_EQ(is_valid_host(bad, false), std::string_view(bad) == "a,b:") << bad;
    EXPECT_TRUE(is_valid_host("", true));
}

TEST(HttpMime, KnowsTypes) {
    EXPECT_EQ(content_type_of("a/index.html"), "text/html; charset=utf-8");
    EXPECT_EQ(content_type_of("A.HTML"), "text/html; charset=utf-8");
    EXPECT_EQ(content_type_of("a.min.js"), "text/javascript; charset=utf-8");
    EXPECT_EQ(content_type_of("a.js/readme"), "application/octet-stream");
    EXPECT_EQ(content_type_of("a."), "application/octet-stream");
    EXPECT_EQ(content_type_of("a.png"), "image/png");
    EXPECT_TRUE(is_compressible("text/html; charset=utf-8"));
    EXPECT_TRUE(is_compressible("image/svg+xml"));
    EXPECT_TRUE(is_compressible("application/ld+json"));
    EXPECT_FALSE(is_compressible("image/png"));
    EXPECT_FALSE(is_compressible("application/octet-stream"));
}

TEST(HttpTokens, SplitsLists) {
    EXPECT_TRUE(base::list_has("keep-alive, Upgrade", "upgrade"));
    EXPECT_TRUE(base::list_has(",, a ,", "a"));
    EXPECT_FALSE(base::list_has("upgraded", "upgrade"));
    EXPECT_FALSE(base::list_has("\"a,b\"", "b"));
    EXPECT_FALSE(base::list_has("\"a\\\",b\"", "b"));
    EXPECT_FALSE(base::list_has("", "a"));
    EXPECT_FALSE(base::list_has("\"", "a"));
}

}  // namespace
}  // namespace starling::http
