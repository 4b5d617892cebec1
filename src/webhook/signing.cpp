#include "webhook/signing.h"

#include "base/base64.h"
#include "base/digest.h"

namespace starling::webhook {

std::string webhook_id(std::string_view conn_id, uint32_t sequence) {
    // Contains no full stop, because that separates the parts of the signed text.
    return std::string(conn_id).append("-").append(std::to_string(sequence));
}

base::Result<SigningKey> SigningKey::read(std::string_view text) {
    constexpr std::string_view prefix = "whsec_";
    if (text.empty()) return base::Failure("the signing key is empty");
    if (!text.starts_with(prefix)) return SigningKey(std::string(text));
    std::string secret;
    if (!base::base64_decode(text.substr(prefix.size()), secret) || secret.empty())
        return base::Failure("the signing key: base64 is wanted behind whsec_");
    return SigningKey(std::move(secret));
}

std::string SigningKey::sign(std::string_view id, int64_t unix_s, std::string_view body) const {
    const auto mac = base::hmac_sha256(secret_, {id, ".", std::to_string(unix_s), ".", body});
    std::string out = "v1,";
    base::base64_append(out, {mac.data(), mac.size()});
    return out;
}

}  // namespace starling::webhook
