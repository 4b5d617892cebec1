// events/text.h: the texts of server events, as they stand on the wire. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::events {

constexpr std::string_view event_prefix = "WS Server Event:";
constexpr std::string_view echo_prefix = "WS echo from server:";

// "Index Viewd 9/9/2016 15:22:53", in UTC.
[[nodiscard]] std::string index_viewed(int64_t unix_time_s);

// {"token":"..."}: the token; nothing for any other text.
[[nodiscard]] std::optional<std::string> token_of(std::string_view message);

// An event of text/event-stream: a data line for each of its lines (WHATWG HTML section 9.2.6).
void append_stream_event(std::string& out, std::string_view text);

}  // namespace starling::events
