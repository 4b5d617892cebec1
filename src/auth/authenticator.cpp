#include <starling/auth.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "auth/claims.h"
#include "auth/signature.h"
#include "auth/token.h"
#include "base/text.h"
#include "peer/address_set.h"

namespace starling::auth {
namespace {

constexpr size_t keys_max = 64;  // Bounds the verifications of one token without `kid`.
constexpr size_t key_id_bytes_max = 255;
constexpr size_t token_bytes_limit = 64 * 1024;
constexpr std::chrono::seconds leeway_max = std::chrono::hours(24);

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("auth: " + what); }

Verdict refused(Failure failure) { return {.identity = {}, .failure = failure}; }

// Cookie names (RFC 6265 section 4.1.1) and field names (RFC 9110 section 5.1) are tokens. No
// request could hold another name.
bool is_name(std::string_view text) {
    const auto is_name_char = [](char c) {
        return c > 0x20 && c < 0x7f &&
               std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, is_name_char);
}

std::vector<VerifyingKey> read_keys(std::vector<Key> keys) {
    if (keys.size() > keys_max) refuse("keys: 64 at most");
    std::vector<VerifyingKey> out;
    out.reserve(keys.size());
    for (Key& key : keys) {
        const std::string name = "keys[" + std::to_string(out.size()) + "]" +
                                 (key.id.empty() ? "" : " (id '" + key.id + "')") + ": ";
        if (key.id.size() > key_id_bytes_max) refuse(name + "an id has 255 bytes at most");
        const bool known = !key.id.empty() && std::ranges::any_of(out, [&](auto& other) {
            return other.id() == key.id;
        });
        // With two keys of one id, a token could choose the weaker key.
        if (known) refuse(name + "the id is another key's already");
        try {
            out.emplace_back(std::move(key));
        } catch (const std::invalid_argument& error) {
            refuse(name + error.what());
        }
    }
    return out;
}

peer::AddressSet read_proxies(const std::vector<std::string>& texts) {
    try {
        return peer::AddressSet::read("trusted_proxies", texts);
    } catch (const std::invalid_argument& error) {
        refuse(error.what());
    }
}

void check_options(const Options& options) {
    if (options.leeway < std::chrono::seconds::zero() || options.leeway > leeway_max)
        refuse("leeway: want 0 s to a day");
    if (options.user_claim.empty()) refuse("user_claim: want the name of a claim");
    if (!options.cookie.empty() && !is_name(options.cookie))
        refuse("cookie: '" + options.cookie + "' is no name of a cookie");
    if (!options.user_header.empty() && !is_name(options.user_header))
        refuse("user_header: '" + options.user_header + "' is no name of a field");
    if (options.token_bytes_max < 1 || options.token_bytes_max > token_bytes_limit)
        refuse("token_bytes_max: want 1 to 65536");
    // One option without the other has no effect, but looks as though it had.
    if (options.user_header.empty() && !options.trusted_proxies.empty())
        refuse("trusted_proxies: there is no user_header that they could set");
}

// The token of the Authorization field; nothing if the field is absent or of another scheme (RFC
// 6750 section 2.1). `repeated`: the field stands there twice, against RFC 9110 section 11.6.2; a
// proxy and this server might each read a different one.
std::optional<std::string_view> bearer_token(const http::Request& request, bool& repeated) {
    std::optional<std::string_view> token;
    size_t count = 0;
    for (const http::Field& field : request.headers()) {
        if (!base::iequals(field.name, "authorization")) continue;
        ++count;
        const size_t space = field.value.find(' ');
        if (!base::iequals(field.value.substr(0, space), "bearer")) continue;
        token = space == std::string_view::npos ? "" : base::trim(field.value.substr(space));
    }
    repeated = count > 1;
    return token;
}

}  // namespace

std::string_view failure_text(Failure failure) noexcept {
    switch (failure) {
        case Failure::none: return "none";
        case Failure::no_credentials: return "there are no credentials";
        case Failure::malformed: return "the credentials are malformed";
        case Failure::unknown_key: return "the token names no known key";
        case Failure::wrong_algorithm: return "the token's algorithm is not its key's";
        case Failure::bad_signature: return "the token's signature is wrong";
        case Failure::expired: return "the token has expired";
        case Failure::not_yet_valid: return "the token is not valid yet";
        case Failure::wrong_issuer: return "the token is another issuer's";
        case Failure::wrong_audience: return "the token is meant for others";
        case Failure::no_user: return "there is no user in it";
    }
    return "unknown";
}

struct Authenticator::State {
    Options options;  // Without the keys.
    std::vector<VerifyingKey> keys;
    peer::AddressSet proxies;

    [[nodiscard]] Failure check_signature(const Token& token) const;
    [[nodiscard]] Verdict user_of_proxy(const http::Request& request) const;
};

// The token names a key, and the key's algorithm applies (RFC 8725 sections 3.1 and 3.2).
Failure Authenticator::State::check_signature(const Token& token) const {
    Failure failure = Failure::unknown_key;
    for (const VerifyingKey& key : keys) {
        if (key.id() != token.key_id) continue;
        if (algorithm_name(key.algorithm()) != token.algorithm) {
            if (failure == Failure::unknown_key) failure = Failure::wrong_algorithm;
        } else if (key.verify(token.signed_part, token.signature)) {
            return Failure::none;
        } else {
            failure = Failure::bad_signature;
        }
    }
    return failure;
}

Verdict Authenticator::State::user_of_proxy(const http::Request& request) const {
    if (options.user_header.empty()) return refused(Failure::no_credentials);
    // Without a proxy that the whole server trusts, the client's address is that of the peer.
    if (!request.from_trusted_proxy() && !proxies.contains(request.remote_address()))
        return refused(Failure::no_credentials);
    std::string_view user;
    size_t count = 0;
    for (const http::Field& field : request.headers()) {
        if (!base::iequals(field.name, options.user_header)) continue;
        user = field.value;
        ++count;
    }
    // Two fields: the proxy has added its field to the client's instead of replacing it.
    if (count > 1) return refused(Failure::malformed);
    if (user.empty()) return refused(Failure::no_credentials);
    if (!is_user(user)) return refused(Failure::no_user);
    return {.identity = Identity{.user = std::string(user), .expires_at_s = {}},
            .failure = Failure::none};
}

Authenticator::Authenticator(Options options) {
    check_options(options);
    auto keys = read_keys(std::exchange(options.keys, {}));
    auto proxies = read_proxies(options.trusted_proxies);
    state_ = std::make_unique<const State>(
        State{std::move(options), std::move(keys), std::move(proxies)});
}

Authenticator::~Authenticator() = default;

Verdict Authenticator::verify(std::string_view text, int64_t now_s) const {
    if (text.size() > state_->options.token_bytes_max) return refused(Failure::malformed);
    const auto token = parse_token(text);
    if (!token) return refused(Failure::malformed);
    const Failure failure = state_->check_signature(*token);
    if (failure != Failure::none) return refused(failure);
    return check_claims(token->claims, state_->options, now_s);
}

Verdict Authenticator::identify(const http::Request& request, int64_t now_s) const {
    const Options& options = state_->options;
    Verdict verdict = refused(Failure::no_credentials);
    // Returns true once an identity is found. Otherwise keeps the first failure that is not
    // `no_credentials`.
    const auto consider = [&](Verdict next) {
        if (!next && verdict.failure != Failure::no_credentials) return false;
        verdict = std::move(next);
        return verdict.identity.has_value();
    };
    if (!options.cookie.empty()) {
        // An empty cookie counts as none: a logout often leaves an empty cookie behind.
        const auto token = request.cookie(options.cookie);
        if (token && !token->empty() && consider(verify(*token, now_s))) return verdict;
    }
    bool repeated = false;
    if (const auto token = bearer_token(request, repeated)) {
        if (consider(repeated ? refused(Failure::malformed) : verify(*token, now_s)))
            return verdict;
    }
    if (!options.query_parameter.empty()) {
        const auto token = request.query(options.query_parameter);
        if (token && !token->empty() && consider(verify(*token, now_s))) return verdict;
    }
    (void)consider(state_->user_of_proxy(request));
    return verdict;
}

}  // namespace starling::auth
