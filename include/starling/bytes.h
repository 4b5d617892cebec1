// <starling/bytes.h>: the types that count as bytes when they are sent.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>

namespace starling {

// Contiguous bytes: std::vector, std::array, std::span and similar types of std::byte, unsigned
// char, signed char or char. Text does not count as bytes: std::string, std::string_view, literals,
// boost::json::string, and every other type that converts to std::string_view.
template <class Range>
concept ByteRange =
    std::ranges::contiguous_range<const Range> && std::ranges::sized_range<const Range> &&
    !std::convertible_to<const Range&, std::string_view> &&
    (std::same_as<std::ranges::range_value_t<const Range>, std::byte> ||
     std::same_as<std::ranges::range_value_t<const Range>, unsigned char> ||
     std::same_as<std::ranges::range_value_t<const Range>, signed char> ||
     std::same_as<std::ranges::range_value_t<const Range>, char>);

// A view of the bytes of `range`, valid as long as `range`.
template <ByteRange Range>
[[nodiscard]] std::string_view view_of(const Range& range) noexcept {
    return {reinterpret_cast<const char*>(std::ranges::data(range)), std::ranges::size(range)};
}

}  // namespace starling
