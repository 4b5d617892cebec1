// The opening handshake of both sides: requests, keys, origins, subprotocols.
#include "ws/handshake.h"

#include <gtest/gtest.h>

#include "tests/ws/wire.h"
#include "ws/client_handshake.h"

namespace starling::ws::test {
namespace {

HandshakeRequest good_request() {
    return {.method = "GET",
            .upgrade = "websocket",
            .connection = "Upgrade",
            .key = "dGhlIHNhbXBsZSBub25jZQ==",
            .version = "13",
            .origin = "http://example.com",
            .host = "server.example.com",
            .protocols = "chat, superchat",
            .extensions = ""};
}

std::string text_of(const auto& characters) {
    return std::string(characters.data(), characters.size());
}

TEST(WsHandshake, requests) {
    struct Case {
        const char* name;
        uint16_t status;
        void (*change)(HandshakeRequest&);
    };
    const Case cases[] = {
        {"1.2", 101, [](HandshakeRequest&) {}},
        {"other letter case", 101,
         [](HandshakeRequest& r) {
             r.upgrade = "WebSocket", r.connection = "keep-alive, UPGRADE";
         }},
        {"several upgrades", 101, [](HandshakeRequest& r) { r.upgrade = "h2c , websocket"; }},
        {"no subprotocol", 101, [](HandshakeRequest& r) { r.protocols = ""; }},
        {"no origin", 101, [](HandshakeRequest& r) { r.origin = ""; }},
        {"extensions", 101,
         [](HandshakeRequest& r) { r.extensions = "permessage-deflate; client_max_window_bits"; }},
        {"POST", 405, [](HandshakeRequest& r) { r.method = "POST"; }},
        {"HEAD", 405, [](HandshakeRequest& r) { r.method = "HEAD"; }},
        {"get", 405, [](HandshakeRequest& r) { r.method = "get"; }},
        {"HTTP/1.0", 400, [](HandshakeRequest& r) { r.http11 = false; }},
        {"a body", 400, [](HandshakeRequest& r) { r.has_body = true; }},
        {"no Host", 400, [](HandshakeRequest& r) { r.host = ""; }},
        {"no Upgrade", 426, [](HandshakeRequest& r) { r.upgrade = ""; }},
        {"another Upgrade", 426, [](HandshakeRequest& r) { r.upgrade = "h2c"; }},
        {"websockets", 426, [](HandshakeRequest& r) { r.upgrade = "websockets"; }},
        {"no Connection", 400, [](HandshakeRequest& r) { r.connection = ""; }},
        {"keep-alive", 400, [](HandshakeRequest& r) { r.connection = "keep-alive"; }},
        {"no version", 426, [](HandshakeRequest& r) { r.version = ""; }},
        {"version 8", 426, [](HandshakeRequest& r) { r.version = "8"; }},
        {"version 013", 426, [](HandshakeRequest& r) { r.version = "013"; }},
        {"two versions", 426, [](HandshakeRequest& r) { r.version = "13, 8"; }},
        {"version 8 and no key", 426, [](HandshakeRequest& r) { r.version = "8", r.key = ""; }},
        {"no key", 400, [](HandshakeRequest& r) { r.key = ""; }},
        {"a key of 15 bytes", 400, [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25j"; }},
        {"a key of 17 bytes", 400, [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25jZWU="; }},
        {"a key that is longer", 400,
         [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25jZQ==="; }},
        {"a key without padding", 400,
         [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25jZQ"; }},
        {"a key with pad bits", 101,
         [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25jZR=="; }},
        {"a key with other pad bits", 101,
         [](HandshakeRequest& r) { r.key = "AQIDBAUGBwgJCgsMDQ4PEC=="; }},
        {"a key that ends in another letter", 400,
         [](HandshakeRequest& r) { r.key = "AQIDBAUGBwgJCgsMDQ4PE-=="; }},
        {"a key of other letters", 400,
         [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZ-Bub25jZQ=="; }},
        {"padding inside", 400, [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZ=Bub25jZQ=="; }},
        {"two keys", 400,
         [](HandshakeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="; }},
        {"subprotocol twice", 400, [](HandshakeRequest& r) { r.protocols = "chat, chat"; }},
        {"subprotocol with a space", 400, [](HandshakeRequest& r) { r.protocols = "chat room"; }},
        {"subprotocol, quoted", 400, [](HandshakeRequest& r) { r.protocols = "\"chat\""; }},
        {"no subprotocol in the list", 400, [](HandshakeRequest& r) { r.protocols = " , ,"; }},
        {"malformed extensions", 400,
         [](HandshakeRequest& r) { r.extensions = "permessage-deflate;"; }},
    };
    for (const Case& c : cases) {
        HandshakeRequest request = good_request();
        c.change(request);
        const HandshakeVerdict verdict = check_handshake(request);
        EXPECT_EQ(verdict.status, c.status) << c.name << ": " << verdict.reason;
        EXPECT_FALSE(verdict.reason.empty()) << c.name;
    }
}

TEST(WsHandshake, keys) {
    EXPECT_EQ(text_of(accept_key("dGhlIHNhbXBsZSBub25jZQ==")),
              "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // The example of section 1.3.
    EXPECT_EQ(text_of(accept_key("x3JJHMbDL1EzLkh9GBhXDw==")), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    const Bytes random = to_bytes("the sample nonce");
    EXPECT_EQ(text_of(client_key(std::span<const std::byte, 16>(random))),
              "dGhlIHNhbXBsZSBub25jZQ==");
}

TEST(WsHandshake, subprotocols) {
    const std::vector<std::string> supported = {"v2.chat", "v1.chat", "Echo"};
    struct Case {
        std::string_view offered, want;
    };
    constexpr Case cases[] = {
        {"", ""},     {"v1.chat", "v1.chat"}, {"v1.chat, v2.chat", "v2.chat"}, {"other", ""},
        {"echo", ""}, {"Echo", "Echo"},       {"a,b ,\tv1.chat,c", "v1.chat"}, {"v1", ""},
    };
    for (const Case& c : cases)
        EXPECT_EQ(select_subprotocol(c.offered, supported), c.want) << c.offered;

    std::string many;
    for (size_t i = 0; i < subprotocols_max; ++i) many += "p" + std::to_string(i) + ",";
    EXPECT_TRUE(subprotocols_are_valid(many));
    EXPECT_FALSE(subprotocols_are_valid(many + "one-more"));
}

struct OriginCase {
    const OriginPolicy& policy;
    std::string_view origin, host;
    bool secure, want;
};

void expect_origins(std::span<const OriginCase> cases) {
    for (const OriginCase& c : cases)
        EXPECT_EQ(origin_allowed(c.policy, c.origin, c.host, c.secure), c.want)
            << c.origin << " at " << c.host << (c.secure ? " over TLS" : "");
}

TEST(WsHandshake, origins_of_the_same_site) {
    const OriginPolicy same{};
    const OriginCase cases[] = {
        {same, "", "example.com", false, true},  // A client that is no browser.
        {same, "http://example.com", "example.com", false, true},
        {same, "http://EXAMPLE.com", "example.COM", false, true},
        {same, "http://example.com:80", "example.com", false, true},
        {same, "http://example.com", "example.com:80", false, true},
        {same, "https://example.com", "example.com:443", true, true},
        {same, "https://example.com:443", "example.com", true, true},
        {same, "http://localhost:8080", "localhost:8080", false, true},
        {same, "http://[::1]:8080", "[::1]:8080", false, true},
        {same, "http://[::1]", "[::1]:80", false, true},
        {same, "https://example.com", "example.com", false, true},  // TLS ends at a proxy.
        {same, "https://example.com:443", "example.com", false, true},
        {same, "https://example.com:8443", "example.com", false, false},
        {same, "https://evil.com", "example.com", false, false},
        {same, "ftp://example.com", "example.com", false, false},
        {same, "http://example.com", "example.com", true, false},        // Scheme.
        {same, "http://example.com:8080", "example.com", false, false},  // Port.
        {same, "http://example.com", "example.com:443", false, false},
        {same, "http://evil.com", "example.com", false, false},
        {same, "http://example.com.evil.com", "example.com", false, false},
        {same, "http://evilexample.com", "example.com", false, false},
        {same, "http://example.com/", "example.com", false, false},  // Not an origin.
        {same, "ws://example.com", "example.com", false, true},
        {same, "wss://example.com", "example.com", false, true},
        {same, "WSS://example.com:8443", "example.com:8443", true, true},
        {same, "ws://example.com", "example.com", true, false},  // A page without TLS.
        {same, "ws://other.com", "example.com", false, false},
        {same, "wss://example.com", "example.com:80", false, false},
        {same, "file://", "example.com", false, false},
        {same, "http://user@example.com", "example.com", false, false},
        {same, "http://example.com:", "example.com", false, false},
        {same, "http://example.com:99999", "example.com:99999", false, false},
        {same, "http://example.com:0", "example.com:0", false, false},
        {same, "http://", "", false, false},
        {same, "example.com", "example.com", false, false},
        {same, "://example.com", "example.com", false, false},
        {same, "null", "example.com", false, false},
        {same, "http://[::1]evil", "[::1]evil", false, false},
        {same, "http://example.com, http://example.com", "example.com", false, false},
    };
    expect_origins(cases);
}

TEST(WsHandshake, origins_of_other_sites) {
    const OriginPolicy list{
        .same_origin = true,
        .allowed = {"https://app.example.com", "http://localhost:3000", "https://*.example.org"}};
    const OriginPolicy only_list{.same_origin = false, .allowed = {"https://app.example.com"}};
    const OriginPolicy any{.same_origin = false, .allowed = {"*"}};
    const OriginPolicy file_origin{.allowed = {"file://"}};
    const OriginPolicy sockets{.same_origin = false, .allowed = {"wss://*.example.com"}};
    const OriginPolicy null_origin{.same_origin = true, .allowed = {"null"}};
    const OriginCase cases[] = {
        {list, "https://app.example.com", "api.example.net", true, true},
        {list, "https://APP.example.com:443", "api.example.net", true, true},
        {list, "http://app.example.com", "api.example.net", true, false},
        {list, "https://app.example.com:444", "api.example.net", true, false},
        {list, "http://localhost:3000", "localhost:8080", false, true},
        {list, "http://localhost:3001", "localhost:8080", false, false},
        {list, "https://a.example.org", "x", true, true},
        {list, "https://a.b.example.org", "x", true, true},
        {list, "https://example.org", "x", true, false},
        {list, "https://.example.org", "x", true, false},
        {list, "https://evilexample.org", "x", true, false},
        {list, "https://a.example.org.evil.com", "x", true, false},
        {list, "http://a.example.org", "x", true, false},
        {list, "https://*.example.org", "x", true, false},
        {list, "http://same.net", "same.net", false, true},
        {only_list, "http://same.net", "same.net", false, false},
        {only_list, "https://app.example.com", "same.net", false, true},
        {any, "http://evil.com", "example.com", false, true},
        {any, "null", "example.com", false, true},
        {null_origin, "null", "example.com", false, true},
        {null_origin, "nul", "example.com", false, false},
        {null_origin, "file://", "example.com", false, false},
        {file_origin, "file://", "example.com", false, true},
        {file_origin, "FILE://", "example.com", false, true},
        {file_origin, "null", "example.com", false, false},
        {file_origin, "file://host", "example.com", false, false},
        {sockets, "wss://app.example.com", "example.com", false, true},
        {sockets, "https://app.example.com", "example.com", false, true},
        {sockets, "ws://app.example.com", "example.com", false, false},
        {only_list, "wss://app.example.com", "example.com", false, true},
        {only_list, "wss://app.example.com:443", "example.com", false, true},
        {only_list, "ws://app.example.com", "example.com", false, false},
    };
    expect_origins(cases);
}

TEST(WsHandshake, origin_patterns) {
    for (const char* good :
         {"*", "null", "https://a.b", "http://*.a.b", "http://a:81", "http://[::1]:81"}) {
        EXPECT_TRUE(origin_pattern_is_valid(good)) << good;
    }
    for (const char* bad : {"", "a.b", "https://", "https://a.b/", "http://a.*.b", "http://*",
                            "http://*.", "http://*a.b", "http://a:x"}) {
        EXPECT_FALSE(origin_pattern_is_valid(bad)) << bad;
    }
}

TEST(WsHandshake, responses) {
    std::string out;
    append_response(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "chat", "", {});
    EXPECT_EQ(out,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: "
              "chat\r\n\r\n");
    out.clear();
    const HeaderField extra[] = {{"Set-Cookie", "a=b"}, {"X-Empty", ""}};
    append_response(out, "A", "", "permessage-deflate", extra);
    EXPECT_EQ(out,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: A\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
              "Set-Cookie: a=b\r\nX-Empty: \r\n\r\n");
}

TEST(WsClientHandshake, requests) {
    const std::vector<std::string> subprotocols = {"chat", "superchat"};
    const HeaderField extra[] = {{"Authorization", "Bearer x"}};
    std::string out;
    append_request(out,
                   {.host = "example.com:8080",
                    .target = "/echo?x=1",
                    .origin = "http://example.com",
                    .subprotocols = subprotocols,
                    .deflate = {.enabled = true},
                    .extra = extra},
                   "dGhlIHNhbXBsZSBub25jZQ==");
    EXPECT_EQ(
        out,
        "GET /echo?x=1 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nOrigin: http://example.com\r\n"
        "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate; "
        "server_no_context_takeover; client_no_context_takeover; client_max_window_bits\r\n"
        "Authorization: Bearer x\r\n\r\n");
}

TEST(WsClientHandshake, responses) {
    const std::vector<std::string> subprotocols = {"chat", "superchat"};
    struct Case {
        const char* name;
        std::string_view error;
        void (*change)(HandshakeResponse&);
    };
    const Case cases[] = {
        {"1.2", "", [](HandshakeResponse&) {}},
        {"letter case", "",
         [](HandshakeResponse& r) { r.upgrade = "WebSocket", r.connection = "upgrade"; }},
        {"no subprotocol", "none of the offered subprotocols was chosen",
         [](HandshakeResponse& r) { r.protocol = ""; }},
        {"200", "status is not 101", [](HandshakeResponse& r) { r.status = 200; }},
        {"no Upgrade", "Upgrade is not websocket", [](HandshakeResponse& r) { r.upgrade = ""; }},
        {"two Upgrades", "Upgrade is not websocket",
         [](HandshakeResponse& r) { r.upgrade = "websocket, h2c"; }},
        {"no Connection", "Connection does not say Upgrade",
         [](HandshakeResponse& r) { r.connection = "close"; }},
        {"no accept", "wrong Sec-WebSocket-Accept", [](HandshakeResponse& r) { r.accept = ""; }},
        {"another accept", "wrong Sec-WebSocket-Accept",
         [](HandshakeResponse& r) { r.accept = "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="; }},
        {"another subprotocol", "subprotocol that was not offered",
         [](HandshakeResponse& r) { r.protocol = "Chat"; }},
        {"two subprotocols", "subprotocol that was not offered",
         [](HandshakeResponse& r) { r.protocol = "chat, superchat"; }},
        {"an extension", "extension that was not offered",
         [](HandshakeResponse& r) { r.extensions = "permessage-deflate"; }},
    };
    for (const Case& c : cases) {
        HandshakeResponse response{.status = 101,
                                   .upgrade = "websocket",
                                   .connection = "Upgrade",
                                   .accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                                   .protocol = "chat",
                                   .extensions = ""};
        c.change(response);
        const ClientHandshake asked{
            .host = "h", .origin = "", .subprotocols = subprotocols, .deflate = {}, .extra = {}};
        const ClientVerdict verdict = check_response(response, asked, "dGhlIHNhbXBsZSBub25jZQ==");
        EXPECT_EQ(verdict.error, c.error) << c.name;
        EXPECT_EQ(verdict.subprotocol, verdict.error.empty() ? response.protocol : "") << c.name;
        EXPECT_FALSE(verdict.deflate) << c.name;
    }
}

}  // namespace
}  // namespace starling::ws::test
