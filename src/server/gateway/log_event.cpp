#include "server/gateway/log_event.h"

#include <algorithm>

#include "base/base64.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace starling::server {
namespace {

constexpr std::string_view hidden = "***";

// The beginning of `value`. A secret that begins before the cut is hidden as a whole.
std::string without(std::string_view value, std::string_view secret) {
    constexpr size_t bytes_max = LogEvent::text_bytes_max;
    const std::string_view searched = value.substr(0, bytes_max + secret.size());
    std::string shown;
    size_t at = 0;
    for (size_t found = 0; at < bytes_max; at = found + secret.size()) {
        found = searched.find(secret, at);
        if (found >= bytes_max) {
            const std::string_view beginning = base::utf8_cut(value, bytes_max);
            return shown.append(beginning.substr(std::min(at, beginning.size())));
        }
        shown.append(value.substr(at, found - at)).append(hidden);
    }
    return shown;
}

}  // namespace

LogEvent::LogEvent(std::string_view type, int64_t time_ms) {
    json_.push_back('{');
    text("type", type).number("time_ms", time_ms);
}

void LogEvent::key(std::string_view name) {
    if (json_.size() > 1) json_.push_back(',');
    base::append_json_string(json_, name);
    json_.push_back(':');
}

LogEvent& LogEvent::text(std::string_view name, std::string_view value) {
    key(name);
    base::append_json_string(json_, base::utf8_cut(value, text_bytes_max));
    return *this;
}

LogEvent& LogEvent::number(std::string_view name, int64_t value) {
    key(name);
    json_.append(std::to_string(value));
    return *this;
}

LogEvent& LogEvent::flag(std::string_view name, bool value) {
    key(name);
    json_.append(value ? "true" : "false");
    return *this;
}

LogEvent& LogEvent::names(std::string_view name, const webhook::NameSet& values) {
    if (values.empty()) return *this;
    key(name);
    json_.push_back('[');
    for (size_t i = 0; i < std::min(values.size(), names_max); ++i) {
        if (i != 0) json_.push_back(',');
        base::append_json_string(json_, base::utf8_cut(values[i], text_bytes_max));
    }
    json_.push_back(']');
    if (values.size() <= names_max) return *this;
    return number(std::string(name) + "_number", static_cast<int64_t>(values.size()));
}

LogEvent& LogEvent::data(std::string_view value, std::string_view secret) {
    if (secret.empty())
        text("data", value);
    else
        text("data", without(value, secret));
    return number("data_bytes", static_cast<int64_t>(value.size()));
}

LogEvent& LogEvent::binary(std::string_view bytes) {
    constexpr size_t shown_bytes = text_bytes_max / 4 * 3;
    std::string base64;
    base::base64_append(base64, bytes.substr(0, shown_bytes));
    return flag("binary", true)
        .text("data", base64)
        .number("data_bytes", static_cast<int64_t>(bytes.size()));
}

LogEvent& LogEvent::payload(const webhook::Payload& payload) {
    return payload.binary ? binary(payload.bytes) : data(payload.bytes);
}

LogEvent& LogEvent::emitted(const webhook::Event& event) {
    return text("event", event.name).data(event.args.json);
}

LogEvent& LogEvent::selector(const webhook::Selector& selector) {
    names("conn_ids", selector.conns).names("users", selector.users);
    if (!selector.tokens.empty())
        number("tokens_number", static_cast<int64_t>(selector.tokens.size()));
    if (selector.access != webhook::Access::all)
        number("users_access_type", static_cast<int64_t>(selector.access));
    return *this;
}

std::string_view LogEvent::finish() {
    json_.push_back('}');
    return json_;
}

}  // namespace starling::server
