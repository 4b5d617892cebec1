// base/log_format.h: the format of a log line. Pure: the time is an argument.
//
//     text, local time   2026-11-21 14:00:00.123 info  message key=value key="with space"
//     JSON, UTC          {"time":"2026-11-21T14:00:00.123Z","level":"info","msg":"message","k":1}
//
// A line is made in two steps. The caller of write() makes the body, because message and fields are
// views of the caller's memory. The writer's thread makes the head, because it has time for that.
// Bytes of a message or field cannot end a line, start a second one, or reach a terminal as a
// control sequence. Owner: the log sink. Thread: any.
#pragma once

#include <starling/log.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace starling::base {

// Limit of one message or value; the rest is cut.
inline constexpr size_t log_text_bytes_max = 4096;
// Fields that begin beyond this size are left out.
inline constexpr size_t log_body_bytes_max = 32768;

// For people: control characters become \n, \t or \x1b, bytes that are not UTF-8 become \xff.
// `quoted`: the quote and the backslash are escaped, too.
void append_text_escaped(std::string& out, std::string_view text, bool quoted);
// RFC 8259 section 7, without the quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_escaped(std::string& out, std::string_view text);

[[nodiscard]] std::string log_body(log::Format format, std::string_view message,
                                   std::span<const log::Field> fields);

// Everything before the body. `colour`: the level in ANSI colours, for terminals.
[[nodiscard]] std::string log_head(log::Format format, log::Level level,
                                   std::chrono::system_clock::time_point now, bool colour);
// Everything after the body, including the line feed.
[[nodiscard]] std::string_view log_tail(log::Format format) noexcept;

}  // namespace starling::base
