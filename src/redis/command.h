// redis/command.h: writes commands as a Redis server reads them: an array of bulk strings, the same in
// RESP2 and RESP3. Pure. Thread: any.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace starling::redis {

namespace detail {

inline void append_header(std::string& to, char type, size_t number) {
    char text[24];
    text[0] = type;
    char* end = std::to_chars(text + 1, text + sizeof text - 2, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    to.append(text, static_cast<size_t>(end - text));
}

}  // namespace detail

inline void append_argument(std::string& to, std::string_view argument) {
    detail::append_header(to, '$', argument.size());
    to.append(argument);
    to.append("\r\n", 2);
}

// Appends `*arguments`, without the arguments.
inline void append_count(std::string& to, size_t arguments) {
    detail::append_header(to, '*', arguments);
}

// The name of the command is the first argument. There must be one.
inline void append_command(std::string& to, std::span<const std::string_view> arguments) {
    append_count(to, arguments.size());
    for (const std::string_view argument : arguments) append_argument(to, argument);
}
inline void append_command(std::string& to, std::initializer_list<std::string_view> arguments) {
    append_command(to, std::span(arguments.begin(), arguments.size()));
}

[[nodiscard]] inline std::string command(std::initializer_list<std::string_view> arguments) {
    constexpr size_t header_bytes_max = 16;
    size_t bytes = header_bytes_max;
    for (const std::string_view argument : arguments) bytes += argument.size() + header_bytes_max;
    std::string text;
    text.reserve(bytes);
    append_command(text, arguments);
    return text;
}

}  // namespace starling::redis
