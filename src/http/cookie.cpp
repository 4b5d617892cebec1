#include "http/cookie.h"

#include <algorithm>
#include <stdexcept>

#include "base/tokens.h"

namespace starling::http {
namespace {

// cookie-octet: excludes control characters, whitespace, double quote, comma, semicolon and
// backslash.
bool is_cookie_octet(char c) {
    return c > 0x20 && c < 0x7f && std::string_view("\",;\\").find(c) == std::string_view::npos;
}

bool is_attribute_char(char c) { return c >= 0x20 && c < 0x7f && c != ';'; }

}  // namespace

std::optional<std::string_view> find_cookie(std::string_view field,
                                            std::string_view name) noexcept {
    while (!field.empty()) {
        const auto pair = field.substr(0, field.find(';'));
        field.remove_prefix(std::min(pair.size() + 1, field.size()));
        const size_t equals = pair.find('=');
        if (equals == std::string_view::npos || base::trim(pair.substr(0, equals)) != name)
            continue;
        auto value = base::trim(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        return value;
    }
    return std::nullopt;
}

std::string format_cookie(std::string_view name, std::string_view value,
                          const CookieOptions& options) {
    if (!base::is_token(name)) throw std::invalid_argument("cookie name is not a token");
    if (!std::ranges::all_of(value, is_cookie_octet))
        throw std::invalid_argument("cookie value needs encoding");
    for (const auto& attribute : {options.path, options.domain})
        if (!std::ranges::all_of(attribute, is_attribute_char))
            throw std::invalid_argument("cookie path or domain is malformed");
    std::string out(name);
    out.append("=").append(value);
    if (!options.path.empty()) out.append("; Path=").append(options.path);
    if (!options.domain.empty()) out.append("; Domain=").append(options.domain);
    if (options.max_age_s) out.append("; Max-Age=").append(std::to_string(*options.max_age_s));
    if (options.secure || options.same_site == SameSite::none) out += "; Secure";
    if (options.http_only) out += "; HttpOnly";
    switch (options.same_site) {
        case SameSite::unset: break;
        case SameSite::lax: out += "; SameSite=Lax"; break;
        case SameSite::strict: out += "; SameSite=Strict"; break;
        case SameSite::none: out += "; SameSite=None"; break;
    }
    return out;
}

}  // namespace starling::http
