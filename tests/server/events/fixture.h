// tests/server/events/fixture.h: a server with channels, tokens for it, and a client.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <starling/events.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {

constexpr std::string_view events_secret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view events_key = "a-key-for-publishers";

inline std::string base64url(std::string_view bytes) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = bits << 8 | uint8_t(c);
        for (count += 8; count >= 6; count -= 6) out += digits[bits >> (count - 6) & 63];
    }
    if (count) out += digits[bits << (6 - count) & 63];
    return out;
}

// An HS256 token (RFC 7518 section 3.2) that expires `lifetime_s` seconds from now.
inline std::string token(std::string_view user, int64_t lifetime_s,
                         std::string_view secret = events_secret) {
    const std::string claims = "{\"email\":\"" + std::string(user) +
                               "\",\"exp\":" + std::to_string(std::time(nullptr) + lifetime_s) +
                               "}";
    const std::string signing =
        base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    ::HMAC(::EVP_sha256(), secret.data(), int(secret.size()),
           reinterpret_cast<const unsigned char*>(signing.data()), signing.size(), digest, &size);
    return signing + "." + base64url({reinterpret_cast<const char*>(digest), size});
}

struct EventServer : TestServer {
    explicit EventServer(events::Options options = {}, unsigned workers = 1,
                         const HttpLimits& http = {})
        : TestServer({.workers = workers, .http = http}),
          channels(server.events(with_key(std::move(options)))) {
        channels.declare({.pattern = "ApiIndex"});
        channels.declare({.pattern = "ArticleMessage{id:number}"});
        channels.declare({.pattern = "Latest{id:number}", .excess = events::Excess::latest});
        channels.declare({.pattern = "Free{id:number}", .interval = 0ms});
        channels.declare({.pattern = "Members", .access = events::Access::user});
        channels.declare({.pattern = "SystemMessage{email}", .access = events::Access::owner});
    }

    // Returns, for example, "200 {...}".
    std::string publish(std::string_view body, std::string_view fields =
                                                   "X-Api-Key: "
                                                   "a-key-for-publishers\r\n") {
        Client client(port());
        const auto answer =
            client.request("POST /api/publish HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n" + std::string(fields) + "\r\n" +
                           std::string(body));
        return std::to_string(answer.status) + " " + answer.body;
    }
    std::string publish_one(std::string_view channel, std::string_view event) {
        return publish("{\"channel\":\"" + std::string(channel) + "\",\"event\":\"" +
                       std::string(event) + "\"}");
    }

    events::Channels& channels;

private:
    static events::Options with_key(events::Options options) {
        options.auth.keys = {
            {.algorithm = auth::Algorithm::hs256, .material = std::string(events_secret)}};
        options.auth.leeway = std::chrono::seconds(0);
        if (options.api_key.empty()) options.api_key = events_key;
        return options;
    }
};

}  // namespace starling::server::test
