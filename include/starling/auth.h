// <starling/auth.h>: identifies users, by JSON Web Tokens (RFC 7519) or by a header that a trusted
// proxy sets.
//
//     const auth::Authenticator who({.keys = {{.id = "2026", .material = secret}}});
//     if (const auto verdict = who.identify(request, now_s)) greet(verdict.identity->user);
//
// Owner:  the application. An Authenticator keeps a copy of its options. Server events, Socket.IO
//         and the gateway use it.
// Thread: any. An Authenticator is immutable once built, and takes no lock.
#pragma once

#include <starling/http.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::auth {

// RFC 7518 section 3.1. All other algorithms are refused, including `none`.
enum class Algorithm : uint8_t { hs256, rs256, es256 };

struct Key {
    std::string id = {};  // `kid` of the tokens for this key; "": tokens without one.
    // The only algorithm that this key verifies; a token's `alg` must equal it.
    Algorithm algorithm = Algorithm::hs256;
    // HS256: the secret, 32 bytes at least. RS256: a public key of 2048 bits at least, PEM. ES256:
    // a public key on P-256, PEM.
    std::string material = {};
};

struct Options {
    // At most 64 keys. Without keys no token is accepted. Ids must differ, except for "": a token
    // without `kid` is tried with every key whose id is "".
    std::vector<Key> keys = {};
    std::string issuer = {};                // `iss`, compared exactly. "": not checked.
    std::string audience = {};              // `aud`, or one of them. "": not checked.
    std::chrono::seconds leeway{30};        // For exp and nbf; one day at most.
    std::string cookie = "auth_token";      // "": not read.
    std::string query_parameter = "token";  // "": not read. Masked in access logs.
    std::string user_claim = "email";       // The claim that names the user; absent: `sub`.
    // The user header of a proxy, believed only from ServerOptions::trusted_proxies and from these
    // addresses: "10.0.0.0/8", "::1", "unix" for Unix-domain sockets. The proxy must replace any
    // field of that name that its clients send.
    std::string user_header = {};
    std::vector<std::string> trusted_proxies = {};
    size_t token_bytes_max = 8 * 1024;  // Longer tokens are malformed. At most 64 KiB.
};

inline constexpr size_t user_bytes_max = 255;  // Users with longer names are refused.

struct Identity {
    std::string user;                     // UTF-8 from a token; no control characters.
    std::optional<int64_t> expires_at_s;  // Unix time, leeway included; none: does not expire.
};

enum class Failure : uint8_t {
    none,
    no_credentials,
    malformed,        // Not a token, a claim of a wrong type, or a field sent twice.
    unknown_key,      // No key has the token's `kid`.
    wrong_algorithm,  // The token's `alg` is not the key's.
    bad_signature,
    expired,
    not_yet_valid,
    wrong_issuer,
    wrong_audience,
    no_user,  // No claim names a user, or the e-mail address is unverified.
};

// For logs: "the token has expired". A client gets 401 and no more.
[[nodiscard]] std::string_view failure_text(Failure failure) noexcept;

struct Verdict {
    std::optional<Identity> identity = {};
    Failure failure = Failure::none;  // The reason if there is no identity.

    explicit operator bool() const noexcept { return identity.has_value(); }
};

class Authenticator {
public:
    // Throws std::invalid_argument that names the key or option at fault, never its secret.
    explicit Authenticator(Options options);
    ~Authenticator();
    Authenticator(const Authenticator&) = delete;
    Authenticator& operator=(const Authenticator&) = delete;

    // `now_s`: Unix time. Tries the cookie, then Authorization: Bearer, the query, and the proxy's
    // header. The first valid credential decides, so a stale cookie does not hide a fresh token. If
    // no credential is valid, the verdict has the failure of the first credential present.
    [[nodiscard]] Verdict identify(const http::Request& request, int64_t now_s) const;

    // One token in the compact serialization, RFC 7515 section 7.1.
    [[nodiscard]] Verdict verify(std::string_view token, int64_t now_s) const;

private:
    struct State;
    std::unique_ptr<const State> state_;
};

}  // namespace starling::auth
