#include "http/target.h"

#include <algorithm>

#include "base/text.h"

namespace starling::http {
namespace {

bool is_hex(char c) {
    return base::is_digit(c) || (base::lower(c) >= 'a' && base::lower(c) <= 'f');
}

// unreserved / sub-delims, RFC 3986 sections 2.2 and 2.3.
bool is_name_char(char c) {
    const char l = base::lower(c);
    return base::is_digit(c) || (l >= 'a' && l <= 'z') ||
           (c != 0 && std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos);
}

bool is_port(std::string_view text) {
    return text.size() <= 5 && std::ranges::all_of(text, base::is_digit);
}

Target split_query(std::string_view rest) {
    Target result;
    const size_t question = rest.find('?');
    result.path = rest.substr(0, question);
    if (question != std::string_view::npos) result.query = rest.substr(question + 1);
    return result;
}

}  // namespace

bool is_valid_host(std::string_view text, bool empty_allowed) {
    if (text.empty()) return empty_allowed;
    size_t end = 0;
    if (text.front() == '[') {  // IP-literal, RFC 3986 section 3.2.2.
        end = text.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        const auto inner = text.substr(1, end - 1);
        if (!std::ranges::all_of(inner, [](char c) { return is_name_char(c) || c == ':'; }))
            return false;
        ++end;
    } else {
        for (; end < text.size() && text[end] != ':'; ++end) {
            if (is_name_char(text[end])) continue;
            if (text[end] != '%' || end + 2 >= text.size() || !is_hex(text[end + 1]) ||
                !is_hex(text[end + 2]))
                return false;
        }
        if (end == 0) return false;
    }
    if (end == text.size()) return true;
    return text[end] == ':' && is_port(text.substr(end + 1));
}

std::optional<Target> split_target(std::string_view method, std::string_view target) {
    if (target.empty()) return std::nullopt;
    if (target.front() == '/') return split_query(target);
    if (target == "*") {
        if (method != "OPTIONS") return std::nullopt;
        Target result;
        result.path = target;
        return result;
    }
    const size_t colon = target.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    const auto scheme = target.substr(0, colon);
    if (!base::iequals(scheme, "http") && !base::iequals(scheme, "https")) return std::nullopt;
    const auto rest = target.substr(colon + 3);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    const auto authority = rest.substr(0, end);
    if (!is_valid_host(authority, false)) return std::nullopt;
    Target result = split_query(rest.substr(end));
    // RFC 9110 section 4.2.3: an empty path is "/". RFC 9112 section 3.2.4: for OPTIONS it is "*".
    if (result.path.empty()) result.path = method == "OPTIONS" && end == rest.size() ? "*" : "/";
    result.authority = authority;
    result.absolute = true;
    return result;
}

}  // namespace starling::http
