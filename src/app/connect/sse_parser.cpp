#include "app/connect/sse_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace starling::app::connect {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr uint64_t retry_ms_max = 86'400'000;

}  // namespace

SseParser::SseParser(std::string last_id, size_t event_bytes_max)
    : event_bytes_max_(event_bytes_max), id_(last_id), last_id_(std::move(last_id)) {}

bool SseParser::feed(std::string_view bytes, const std::function<void(const SseEvent&)>& on_event) {
    while (!bytes.empty() && !failed_) {
        if (mark_bytes_ < byte_order_mark.size()) {
            if (bytes.front() == byte_order_mark[mark_bytes_]) {
                ++mark_bytes_;
                bytes.remove_prefix(1);
                continue;
            }
            line_.assign(byte_order_mark.substr(0, mark_bytes_));  // It was no mark.
            mark_bytes_ = 3;
        }
        if (std::exchange(after_return_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const size_t end = bytes.find_first_of("\r\n");
        line_.append(bytes.substr(0, end));
        if (line_.size() + data_.size() > event_bytes_max_) {
            failed_ = true;
            break;
        }
        if (end == std::string_view::npos) break;
        after_return_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        on_line(std::exchange(line_, {}), on_event);
    }
    return !failed_;
}

void SseParser::on_line(std::string_view line,
                        const std::function<void(const SseEvent&)>& on_event) {
    if (!line.empty()) {
        const size_t colon = line.find(':');
        if (colon == 0) return;  // A comment.
        const std::string_view name = line.substr(0, colon);
        std::string_view value =
            colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        return on_field(name, value);
    }
    last_id_ = id_;
    const std::string data = std::exchange(data_, {}), type = std::exchange(type_, {});
    if (data.empty()) return;
    on_event({type.empty() ? std::string_view("message") : std::string_view(type),
              std::string_view(data).substr(0, data.size() - 1), last_id_});
}

void SseParser::on_field(std::string_view name, std::string_view value) {
    if (name == "data") {
        data_.append(value).append("\n");
    } else if (name == "event") {
        type_ = value;
    } else if (name == "id") {
        if (value.find('\0') == std::string_view::npos) id_ = value;
    } else if (name == "retry") {
        const bool digits = !value.empty() &&
                            std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
        uint64_t ms = retry_ms_max;
        if (!digits) return;
        std::from_chars(value.data(), value.data() + value.size(), ms);
        retry_ms_ = std::min(ms, retry_ms_max);
    }
}

}  // namespace starling::app::connect
