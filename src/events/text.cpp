#include "events/text.h"

#include <starling/json.h>

#include <boost/json/object.hpp>

#include <array>
#include <chrono>
#include <cstdio>

namespace starling::events {
namespace {

constexpr size_t refresh_bytes_max = 16 * 1024;

}  // namespace

std::string index_viewed(int64_t unix_time_s) {
    const std::chrono::sys_seconds time{std::chrono::seconds(unix_time_s)};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::array<char, 96> text;
    const int size = std::snprintf(text.data(), text.size(), "Index Viewd %u/%u/%d %02d:%02d:%02d",
                                   unsigned(date.month()), unsigned(date.day()), int(date.year()),
                                   int(clock.hours().count()), int(clock.minutes().count()),
                                   int(clock.seconds().count()));
    return {text.data(), size_t(size)};
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
    for (;;) {
        const size_t end = text.find_first_of("\r\n");
        out.append("data: ").append(text.substr(0, end)).append("\n");
        if (end == text.npos) break;
        const bool both = text.substr(end).starts_with("\r\n");
        text.remove_prefix(end + (both ? 2 : 1));
    }
    out += '\n';
}

}  // namespace starling::events
