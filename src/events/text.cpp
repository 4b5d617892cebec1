#include "events/text.h"

#include <starling/json.h>

#include <boost/json/object.hpp>

#include "base/date.h"

namespace starling::events {
namespace {

constexpr size_t refresh_bytes_max = 16 * 1024;

}  // namespace

std::string index_viewed(int64_t unix_time_s) {
    const base::DateTime time = base::utc_time(unix_time_s * 1000);
    std::string text = "Index Viewd " + std::to_string(time.month) + "/" +
                       std::to_string(time.day) + "/" + std::to_string(time.year) + " ";
    base::append_clock(text, time);
    return text;
}

std::optional<std::string> token_of(std::string_view message) {
    if (message.size() > refresh_bytes_max || !message.starts_with('{')) return std::nullopt;
    const auto value = parse_json(message, 2);
    const auto* object = value ? value->if_object() : nullptr;
    const auto* token = object ? object->if_contains("token") : nullptr;
    if (!token || !token->is_string()) return std::nullopt;
    return std::string(std::string_view(token->get_string()));
}

void append_stream_event(std::string& out, std::string_view text) {
    append_stream_event(out, text, {});
}

void append_stream_event(std::string& out, std::string_view text, std::string_view id) {
    if (!id.empty()) out.append("id: ").append(id).append("\n");
    for (;;) {
        const size_t end = text.find_first_of("\r\n");
        out.append("data: ").append(text.substr(0, end)).append("\n");
        if (end == std::string_view::npos) break;
        const bool both = text.substr(end).starts_with("\r\n");
        text.remove_prefix(end + (both ? 2 : 1));
    }
    out += '\n';
}

void append_stream_id(std::string& out, std::string_view id) {
    out.append("id: ").append(id).append("\n\n");
}

void append_stream_retry(std::string& out, uint32_t retry_ms) {
    out.append("retry: ").append(std::to_string(retry_ms)).append("\n\n");
}

void append_typed_event(std::string& out, std::string_view type, std::string_view text) {
    out.append("event: ").append(type).append("\n");
    append_stream_event(out, text);
}

void append_stream_gap(std::string& out, std::string_view id) {
    out += "event: gap\n";
    append_stream_event(out, "events were lost", id);
}

}  // namespace starling::events
