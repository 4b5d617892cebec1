// base/tokens.h: characters and comma-separated lists of RFC 9110 section 5.6. Pure functions, any
// thread; views alias their argument.
#pragma once

#include <array>
#include <string_view>

#include "base/text.h"

namespace starling::base {

namespace detail {

// A table: every byte of every method and field name is looked up.
inline constexpr auto token_chars = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < table.size(); ++c) table[c] = is_alphanumeric(static_cast<char>(c));
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

}  // namespace detail

// tchar, RFC 9110 section 5.6.2.
[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
    return detail::token_chars[static_cast<unsigned char>(c)];
}

[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
    for (const char c : text)
        if (!is_token_char(c)) return false;
    return !text.empty();
}

// field-content with its inner whitespace, RFC 9110 section 5.5: no control character but HTAB.
[[nodiscard]] constexpr bool is_field_char(char c) noexcept {
    const auto u = static_cast<unsigned char>(c);
    return (u >= 0x20 && u != 0x7f) || u == '\t';
}

// Removes the next element from a comma-separated list and trims it. False at the end. Empty
// elements are skipped (RFC 9110 section 5.6.1.2). Commas inside quoted strings do not separate.
[[nodiscard]] constexpr bool next_element(std::string_view& list,
                                          std::string_view& element) noexcept {
    while (!list.empty()) {
        size_t end = 0;
        bool quoted = false;
        for (; end < list.size() && (quoted || list[end] != ','); ++end) {
            if (list[end] == '"') quoted = !quoted;
            if (quoted && list[end] == '\\' && end + 1 < list.size()) ++end;
        }
        element = trim(list.substr(0, end));
        list.remove_prefix(end < list.size() ? end + 1 : list.size());
        if (!element.empty()) return true;
    }
    return false;
}

[[nodiscard]] constexpr bool list_has(std::string_view list, std::string_view token) noexcept {
    std::string_view element;
    while (next_element(list, element))
        if (iequals(element, token)) return true;
    return false;
}

}  // namespace starling::base
