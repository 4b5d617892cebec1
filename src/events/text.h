// events/text.h: the wire format of server events. Pure functions, any thread.
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

// The token of {"token":"..."}; nothing for any other text.
[[nodiscard]] std::optional<std::string> token_of(std::string_view message);

// The event in the text that listeners of /ws/ServerEvent and /sse/ServerEvent get.
[[nodiscard]] constexpr std::string_view event_of(std::string_view text) noexcept {
    return text.starts_with(event_prefix) ? text.substr(event_prefix.size()) : text;
}

// Appends an event of text/event-stream, with one data line for each line of `text` (WHATWG HTML
// section 9.2.6).
void append_stream_event(std::string& out, std::string_view text);
// The same with an id, which an EventSource sends as Last-Event-ID when it connects again. "": none.
void append_stream_event(std::string& out, std::string_view text, std::string_view id);
// An event of that type, without an id: the id of the EventSource stays.
void append_typed_event(std::string& out, std::string_view type, std::string_view text);
// Sets the id of an EventSource without an event.
void append_stream_id(std::string& out, std::string_view id);
// How long an EventSource waits from now on before it connects again.
void append_stream_retry(std::string& out, uint32_t retry_ms);
// An event of the type "gap": events before `id` are lost. "": the id stays.
void append_stream_gap(std::string& out, std::string_view id);

}  // namespace starling::events
