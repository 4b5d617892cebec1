// Sec-WebSocket-Extensions: the grammar of RFC 6455 9.1, the negotiation of RFC 7692 7.1, both
// sides.
#include "ws/extensions.h"

#include <gtest/gtest.h>

namespace starling::ws::test {
namespace {

std::string describe(std::string_view header) {
    const auto extensions = parse_extensions(header);
    if (!extensions) return "malformed";
    std::string out;
    for (const Extension& extension : *extensions) {
        out += std::string(out.empty() ? "" : " ") + "[" + std::string(extension.name);
        for (const ExtensionParameter& p : extension.parameters) {
            out += " " + std::string(p.name) + (p.has_value ? "=" + p.value : "");
        }
        out += "]";
    }
    return out;
}

TEST(WsExtensions, grammar) {
    struct Case {
        std::string_view header, want;
    };
    constexpr Case cases[] = {
        {"", ""},
        {"  ", ""},
        {"foo", "[foo]"},
        {"foo, bar; baz=2", "[foo] [bar baz=2]"},
        {"foo;a;b=1,bar", "[foo a b=1] [bar]"},
        {" foo\t; a = 1 , bar ", "[foo a=1] [bar]"},
        {"foo; a=\"1\"", "[foo a=1]"},
        {"foo; a=\"x\\y\"", "[foo a=xy]"},
        {"foo; a=\"x\"; b", "[foo a=x b]"},
        {"foo,,bar", "[foo] [bar]"},
        {",foo,", "[foo]"},
        {"foo;", "malformed"},
        {"foo; a=", "malformed"},
        {"foo; =1", "malformed"},
        {"foo; a=\"\"", "malformed"},
        {"foo; a=\"x y\"", "malformed"},
        {"foo; a=\"x", "malformed"},
        {"foo; a=\"x\\", "malformed"},
        {"foo; a=\"x\"y", "malformed"},
        {"foo bar", "malformed"},
        {"foo=1", "malformed"},
        {"; a", "malformed"},
        {",", "malformed"},
        {"f\x80o", "malformed"},
        {"foo/1", "malformed"},
    };
    for (const Case& c : cases) EXPECT_EQ(describe(c.header), c.want) << c.header;
    std::string many = "e0";
    for (size_t i = 1; i < extensions_max; ++i) many += ",e";
    EXPECT_NE(describe(many), "malformed");
    EXPECT_EQ(describe(many + ",e"), "malformed");
    many = "e";
    for (size_t i = 0; i < extension_parameters_max; ++i) many += ";p";
    EXPECT_NE(describe(many), "malformed");
    EXPECT_EQ(describe(many + ";p"), "malformed");
}

std::string params_text(const DeflateParams& p) {
    return std::string(p.server_no_context_takeover ? "-" : "+") +
           std::to_string(p.server_max_window_bits) + (p.client_no_context_takeover ? " -" : " +") +
           std::to_string(p.client_max_window_bits);
}

constexpr DeflateOptions plain{.enabled = true};
constexpr DeflateOptions takeover{
    .enabled = true, .allow_server_context_takeover = true, .allow_client_context_takeover = true};
constexpr DeflateOptions small{.enabled = true,
                               .allow_server_context_takeover = true,
                               .allow_client_context_takeover = true,
                               .server_max_window_bits = 11,
                               .client_max_window_bits = 10};
constexpr DeflateOptions off{};

struct Offer {
    const DeflateOptions& options;
    std::string_view offer;
    std::string_view response;  // After "permessage-deflate"; or "declined", "malformed".
    std::string_view params;    // + takeover, - none; window bits. Server first.
};

constexpr Offer offers[] = {
    {off, "permessage-deflate", "declined", ""},
    {plain, "", "declined", ""},
    {plain, "permessage-deflate", "; server_no_context_takeover; client_no_context_takeover",
     "-15 -15"},
    {takeover, "permessage-deflate", "", "+15 +15"},
    {takeover, "permessage-deflate; client_max_window_bits", "", "+15 +15"},
    {takeover, "permessage-deflate; client_max_window_bits=15", "", "+15 +15"},
    {takeover, "permessage-deflate; client_max_window_bits=10", "; client_max_window_bits=10",
     "+15 +10"},
    {takeover, "permessage-deflate; client_max_window_bits=8", "; client_max_window_bits=8",
     "+15 +8"},
    {takeover, "permessage-deflate; client_max_window_bits=\"10\"", "; client_max_window_bits=10",
     "+15 +10"},
    {takeover, "permessage-deflate; server_max_window_bits=9", "; server_max_window_bits=9",
     "+9 +15"},
    {takeover, "permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=15",
     "+15 +15"},
    {takeover, "permessage-deflate; server_no_context_takeover", "; server_no_context_takeover",
     "-15 +15"},
    {takeover, "permessage-deflate; client_no_context_takeover", "; client_no_context_takeover",
     "+15 -15"},
    {takeover,
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
     "server_max_window_bits=12; "
     "client_max_window_bits=13",
     "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
     "client_max_window_bits=13",
     "-12 -13"},
    {small, "permessage-deflate", "; client_no_context_takeover; server_max_window_bits=11",
     "+11 -15"},
    {small, "permessage-deflate; client_max_window_bits",
     "; server_max_window_bits=11; client_max_window_bits=10", "+11 +10"},
    {small, "permessage-deflate; client_max_window_bits=9; server_max_window_bits=10",
     "; server_max_window_bits=10; client_max_window_bits=9", "+10 +9"},
    {small, "permessage-deflate; server_max_window_bits=14",
     "; client_no_context_takeover; server_max_window_bits=11", "+11 -15"},
    // Declined: an offer that zlib cannot honour, and offers that 7.1 requires declining.
    {takeover, "permessage-deflate; server_max_window_bits=8", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits=7", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits=16", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits=010", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits=09", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits=1e", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits=-9", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits=100", "declined", ""},
    {takeover, "permessage-deflate; server_max_window_bits", "declined", ""},
    {takeover, "permessage-deflate; client_max_window_bits=7", "declined", ""},
    {takeover, "permessage-deflate; client_max_window_bits=16", "declined", ""},
    {takeover, "permessage-deflate; client_max_window_bits=08", "declined", ""},
    {takeover, "permessage-deflate; client_max_window_bits=x", "declined", ""},
    {takeover, "permessage-deflate; client_max_window_bits; client_max_window_bits", "declined",
     ""},
    {takeover, "permessage-deflate; client_max_window_bits; client_max_window_bits=10", "declined",
     ""},
    {takeover, "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
     "declined", ""},
    {takeover, "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
     "declined", ""},
    {takeover, "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
     "declined", ""},
    {takeover, "permessage-deflate; server_no_context_takeover=1", "declined", ""},
    {takeover, "permessage-deflate; client_no_context_takeover=true", "declined", ""},
    {takeover, "permessage-deflate; unknown", "declined", ""},
    {takeover, "permessage-deflate; Server_no_context_takeover", "declined", ""},
    {takeover, "permessage-compress", "declined", ""},
    {takeover, "x-webkit-deflate-frame", "declined", ""},
    {takeover, "x; server_max_window_bits=10, bbf-usp-protocol", "declined", ""},
    // The next offer is tried.
    {takeover,
     "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9",
     "; server_max_window_bits=9", "+9 +15"},
    {takeover, "permessage-deflate; unknown=1, other; p=2, permessage-deflate", "", "+15 +15"},
    {takeover, "permessage-deflate, permessage-deflate; server_max_window_bits=9", "", "+15 +15"},
    // Malformed: the handshake fails, whatever the options.
    {off, "permessage-deflate;", "malformed", ""},
    {takeover, "permessage-deflate; server_max_window_bits=", "malformed", ""},
    {takeover, "permessage-deflate; server_max_window_bits=\"10", "malformed", ""},
    {takeover, "permessage-deflate permessage-deflate", "malformed", ""},
};

TEST(WsExtensions, offers) {
    static_assert(std::size(offers) >= 40);
    for (const Offer& c : offers) {
        const DeflateAnswer answer = negotiate_deflate(c.offer, c.options);
        if (!answer.params) {
            EXPECT_EQ(c.response, answer.malformed ? "malformed" : "declined") << c.offer;
            EXPECT_TRUE(answer.response.empty());
            continue;
        }
        EXPECT_EQ(answer.response, "permessage-deflate" + std::string(c.response)) << c.offer;
        EXPECT_EQ(params_text(*answer.params), c.params) << c.offer;
    }
}

TEST(WsExtensions, responses) {
    struct Case {
        const DeflateOptions& offered;
        std::string_view response, want;  // The parameters, "none", or an error.
    };
    constexpr Case cases[] = {
        {off, "", "none"},
        {takeover, "", "none"},
        {takeover, "permessage-deflate", "+15 +15"},
        {takeover, "permessage-deflate; server_no_context_takeover", "-15 +15"},
        {takeover, "permessage-deflate; client_no_context_takeover", "+15 -15"},
        {takeover, "permessage-deflate; server_max_window_bits=8", "+8 +15"},
        {takeover, "permessage-deflate; client_max_window_bits=9", "+15 +9"},
        {plain, "permessage-deflate; server_no_context_takeover", "-15 -15"},
        {plain, "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
         "-15 -15"},
        {small, "permessage-deflate; server_max_window_bits=11", "+11 +10"},
        {small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
         "+10 +9"},
        {small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=14",
         "+10 +10"},
        {off, "permessage-deflate", "extension that was not offered"},
        {takeover, "other", "extension that was not offered"},
        {takeover, "permessage-deflate, permessage-deflate", "extension that was not offered"},
        {takeover, "permessage-deflate;", "malformed Sec-WebSocket-Extensions"},
        {plain, "permessage-deflate", "server_no_context_takeover was not accepted"},
        {small, "permessage-deflate", "server_max_window_bits was not accepted"},
        {small, "permessage-deflate; server_max_window_bits=12",
         "server_max_window_bits was not accepted"},
        {takeover, "permessage-deflate; client_max_window_bits",
         "invalid parameter of permessage-deflate"},
        {takeover, "permessage-deflate; client_max_window_bits=16",
         "invalid parameter of permessage-deflate"},
        {takeover, "permessage-deflate; server_max_window_bits",
         "invalid parameter of permessage-deflate"},
        {takeover, "permessage-deflate; server_max_window_bits=7",
         "invalid parameter of permessage-deflate"},
        {takeover, "permessage-deflate; unknown", "invalid parameter of permessage-deflate"},
        {takeover, "permessage-deflate; server_no_context_takeover=1",
         "invalid parameter of permessage-deflate"},
        {takeover, "permessage-deflate; client_max_window_bits=8",
         "client_max_window_bits=8 cannot be honoured"},
    };
    for (const Case& c : cases) {
        const DeflateVerdict verdict = check_deflate_response(c.response, c.offered);
        const std::string got = !verdict.error.empty() ? std::string(verdict.error)
                                : verdict.params       ? params_text(*verdict.params)
                                                       : "none";
        EXPECT_EQ(got, c.want) << c.response;
    }
}

TEST(WsExtensions, both_sides_agree_whatever_their_options) {
    for (unsigned bits = 0; bits < 16; ++bits) {
        for (unsigned window = 0; window < 49 * 49; window += 5) {
            const auto at = [&](unsigned i) {
                return static_cast<uint8_t>(9 + window / (i ? 49 : 1) % 49 % 7);
            };
            const DeflateOptions ours{.enabled = true,
                                      .allow_server_context_takeover = (bits & 1) != 0,
                                      .allow_client_context_takeover = (bits & 2) != 0,
                                      .server_max_window_bits = at(0),
                                      .client_max_window_bits = at(1)};
            const DeflateOptions theirs{
                .enabled = true,
                .allow_server_context_takeover = (bits & 4) != 0,
                .allow_client_context_takeover = (bits & 8) != 0,
                .server_max_window_bits = static_cast<uint8_t>(9 + window / 7 % 7),
                .client_max_window_bits = static_cast<uint8_t>(9 + window / 343 % 7)};
            const DeflateAnswer answer = negotiate_deflate(deflate_offer(theirs), ours);
            ASSERT_TRUE(answer.params);
            const DeflateVerdict verdict = check_deflate_response(answer.response, theirs);
            ASSERT_TRUE(verdict.params) << verdict.error;
            EXPECT_EQ(verdict.params->server_max_window_bits,
                      answer.params->server_max_window_bits);
            EXPECT_EQ(verdict.params->server_no_context_takeover,
                      answer.params->server_no_context_takeover);
            EXPECT_LE(verdict.params->client_max_window_bits,
                      answer.params->client_max_window_bits);
            EXPECT_GE(verdict.params->client_no_context_takeover,
                      answer.params->client_no_context_takeover);
        }
    }
}

}  // namespace
}  // namespace starling::ws::test
