#include "auth/token.h"

#include <utility>

#include "auth/json_object.h"
#include "base/base64.h"

namespace starling::auth {

std::optional<Token> parse_token(std::string_view text) {
    const size_t first = text.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const size_t second = text.find('.', first + 1);
    // A third dot fails as a character outside base64url. A token of five parts is encrypted (JWE).
    if (second == std::string_view::npos) return std::nullopt;

    const auto header_json = base::base64url_decode(text.substr(0, first));
    auto claims = base::base64url_decode(text.substr(first + 1, second - first - 1));
    auto signature = base::base64url_decode(text.substr(second + 1));
    if (!header_json || !claims || !signature) return std::nullopt;
    auto header = read_json_object(*header_json);
    if (!header || header->contains("crit")) return std::nullopt;

    Token token{.signed_part = text.substr(0, second),
                .signature = std::move(*signature),
                .claims = std::move(*claims),
                .algorithm = {},
                .key_id = {}};
    const auto algorithm = header->find("alg");
    if (algorithm == header->end() || algorithm->second.kind != JsonMember::Kind::text)
        return std::nullopt;
    token.algorithm = std::move(algorithm->second.text);
    if (const auto id = header->find("kid"); id != header->end()) {
        if (id->second.kind != JsonMember::Kind::text) return std::nullopt;
        token.key_id = std::move(id->second.text);
    }
    return token;
}

}  // namespace starling::auth
