// Fuzzes tokens with wrong and with valid signatures. The first byte chooses: the input as a token,
// as the claims of a correctly signed token, as a header, as an address. Nobody must become a user
// without the key, and a user's name must fit into a log and a channel.
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <starling/auth.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "http/request_parts.h"
#include "peer/address_set.h"

namespace {

using namespace starling;

constexpr int64_t now_s = 1'000'000;

void require(bool condition) {
    if (!condition) std::abort();
}

const std::string& secret() {
    static const std::string text(32, 's');
    return text;
}

std::string base64url(std::string_view bytes) {
    std::string out(bytes.size() / 3 * 4 + 5, '\0');
    out.resize(static_cast<size_t>(EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()))));
    while (out.ends_with('=')) out.pop_back();
    for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
    require(base::base64url_decode(out) == bytes);
    return out;
}

std::string sign(std::string_view header, std::string_view claims) {
    std::string token = base64url(header) + "." + base64url(claims);
    std::array<unsigned char, 32> mac{};
    unsigned length = 0;
    HMAC(EVP_sha256(), secret().data(), static_cast<int>(secret().size()),
         reinterpret_cast<const unsigned char*>(token.data()), token.size(), mac.data(), &length);
    return token + "." + base64url({reinterpret_cast<const char*>(mac.data()), length});
}

void check(const auth::Verdict& verdict) {
    require(verdict.identity.has_value() == (verdict.failure == auth::Failure::none));
    require(!auth::failure_text(verdict.failure).empty());
    if (!verdict) return;
    const std::string& user = verdict.identity->user;
    require(!user.empty() && user.size() <= auth::user_bytes_max);
    for (const char c : user) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    require(verdict.identity->expires_at_s.value_or(now_s + 1) > now_s);
}

void as_request(const auth::Authenticator& who, std::string_view text) {
    const std::array<http::Field, 3> fields = {
        http::Field{"Cookie", text}, {"Authorization", text}, {"X-User", "u"}};
    http::RequestParts parts;
    parts.fields = fields;
    parts.query = text;
    parts.remote_address = "192.0.2.1";
    require(!who.identify(http::Request(parts), now_s));
}

void as_address(std::string_view text) {
    peer::AddressSet set;
    (void)set.contains(text);
    try {
        set.add(text);
    } catch (const std::invalid_argument&) {
        return;
    }
    const std::string_view first = text.substr(0, text.find('/'));
    require(set.contains(first));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auth::Authenticator who({.keys = {{"", auth::Algorithm::hs256, secret()}},
                                          .user_header = "X-User",
                                          .trusted_proxies = {"10.0.0.0/8"}});
    static const auth::Authenticator strict(
        {.keys = {{"", auth::Algorithm::hs256, secret()}}, .issuer = "i", .audience = "a"});
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0:
            require(!who.verify(text, now_s));
            as_request(who, text);
            break;
        case 1: {
            const std::string token = sign(R"({"alg":"HS256"})", text);
            const auth::Verdict verdict = who.verify(token, now_s);
            check(verdict);
            const auth::Verdict other = strict.verify(token, now_s);
            check(other);
            require(verdict || !other);
            break;
        }
        case 2: check(who.verify(sign(text, R"({"sub":"u"})"), now_s)); break;
        default: as_address(text); break;
    }
    return 0;
}
