// base/text.h: small text helpers shared by every layer. ASCII only, no locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

namespace starling::base {

[[nodiscard]] constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

namespace detail {

// lower() of eight characters at once.
[[nodiscard]] constexpr uint64_t lower8(uint64_t word) noexcept {
    constexpr uint64_t ones = 0x0101010101010101u, tops = ones * 0x80;
    const uint64_t low = word & ~tops;
    const uint64_t from_a = low + ones * (0x80 - 'A'), after_z = low + ones * (0x7f - 'Z');
    return word | ((from_a ^ after_z) & ~word & tops) >> 2;
}

[[nodiscard]] inline bool iequals8(const char* a, const char* b) noexcept {
    uint64_t left = 0, right = 0;
    std::memcpy(&left, a, sizeof left);
    std::memcpy(&right, b, sizeof right);
    return lower8(left) == lower8(right);
}

}  // namespace detail

[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    if (!std::is_constant_evaluated() && a.size() >= 8) {
        for (size_t i = 0; i + 8 < a.size(); i += 8)
            if (!detail::iequals8(a.data() + i, b.data() + i)) return false;
        return detail::iequals8(a.data() + a.size() - 8, b.data() + b.size() - 8);
    }
    for (size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
    return std::as_bytes(std::span(text.data(), text.size()));
}

[[nodiscard]] inline std::string_view text_of(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// For maps that are searched by std::string_view.
struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

}  // namespace starling::base
