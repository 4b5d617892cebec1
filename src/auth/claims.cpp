#include "auth/claims.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "auth/json_object.h"

namespace starling::auth {
namespace {

using Kind = JsonMember::Kind;

const JsonMember* find(const JsonObject& object, std::string_view name) {
    const auto position = object.find(name);
    return position == object.end() ? nullptr : &position->second;
}

// NumericDate, RFC 7519 section 2: seconds, with an optional fraction. An absent claim passes. Any
// other claim must be a number within 2^53 of 1970.
bool is_date(const JsonMember* member) {
    constexpr double magnitude_max = 9'007'199'254'740'992.0;
    return member == nullptr ||
           (member->kind == Kind::number && std::abs(member->number) <= magnitude_max);
}

bool has_kind(const JsonMember* member, Kind kind, Kind other) {
    return member == nullptr || member->kind == kind || member->kind == other;
}

bool has_audience(const JsonMember* member, std::string_view audience) {
    if (member == nullptr) return false;
    if (member->kind == Kind::text) return member->text == audience;
    return std::ranges::find(member->texts, audience) != member->texts.end();
}

// email_verified, OpenID Connect Core section 5.1. Some issuers write it as a string.
bool is_unverified(const JsonMember* verified) {
    if (verified == nullptr) return false;
    if (verified->kind == Kind::boolean) return !verified->boolean;
    return verified->kind != Kind::text || verified->text != "true";
}

// If user_claim is present but invalid, no other claim is tried.
const std::string* find_user(const JsonObject& claims, const std::string& user_claim) {
    const JsonMember* user = find(claims, user_claim);
    if (user == nullptr)
        user = find(claims, "sub");
    else if (user_claim == "email" && is_unverified(find(claims, "email_verified")))
        return nullptr;
    if (user == nullptr || user->kind != Kind::text || !is_user(user->text)) return nullptr;
    return &user->text;
}

Verdict refused(Failure failure) { return {.identity = {}, .failure = failure}; }

}  // namespace

bool is_user(std::string_view user) noexcept {
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    return !user.empty() && user.size() <= user_bytes_max && std::ranges::none_of(user, is_control);
}

Verdict check_claims(std::string_view claims, const Options& options, int64_t now_s) {
    const auto object = read_json_object(claims);
    if (!object) return refused(Failure::malformed);
    const JsonMember* expires = find(*object, "exp");
    const JsonMember* begins = find(*object, "nbf");
    const JsonMember* issuer = find(*object, "iss");
    const JsonMember* audience = find(*object, "aud");
    // Refuse a claim of a wrong type even if no option checks the claim: a correct issuer writes no
    // such claim.
    if (!is_date(expires) || !is_date(begins) || !is_date(find(*object, "iat")) ||
        !has_kind(issuer, Kind::text, Kind::text) || !has_kind(audience, Kind::text, Kind::texts))
        return refused(Failure::malformed);

    Identity identity;
    const int64_t leeway_s = options.leeway.count();
    if (expires != nullptr) {
        // RFC 7519 section 4.1.4: the token is invalid "on or after" this time.
        identity.expires_at_s = static_cast<int64_t>(std::floor(expires->number)) + leeway_s;
        if (now_s >= *identity.expires_at_s) return refused(Failure::expired);
    }
    if (begins != nullptr && now_s < static_cast<int64_t>(std::ceil(begins->number)) - leeway_s)
        return refused(Failure::not_yet_valid);
    if (!options.issuer.empty() && (issuer == nullptr || issuer->text != options.issuer))
        return refused(Failure::wrong_issuer);
    if (!options.audience.empty() && !has_audience(audience, options.audience))
        return refused(Failure::wrong_audience);
    const std::string* user = find_user(*object, options.user_claim);
    if (user == nullptr) return refused(Failure::no_user);
    identity.user = *user;
    return {.identity = std::move(identity), .failure = Failure::none};
}

}  // namespace starling::auth
