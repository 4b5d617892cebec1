// ws/text.h: the few pieces of HTTP grammar that handshake headers need (RFC 9110 section 5.6, and
// RFC 2616 section 2.1, which RFC 6455 builds on). Pure, any thread; views alias their argument.
#pragma once

#include <cstddef>
#include <string_view>

namespace starling::ws {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    }
    return true;
}

[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
    if (is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z')) return true;
    return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
    if (text.empty()) return false;
    for (const char c : text) {
        if (!is_token_char(c)) return false;
    }
    return true;
}

[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Takes the first element off a comma-separated list; it may be empty, which counts for nothing.
[[nodiscard]] constexpr std::string_view take_element(std::string_view& list) noexcept {
    const size_t comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    return element;
}

[[nodiscard]] constexpr bool list_contains(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        if (equals_ignoring_case(take_element(list), token)) return true;
    }
    return false;
}

}  // namespace starling::ws
