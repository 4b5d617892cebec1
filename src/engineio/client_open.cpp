#include "engineio/client_open.h"

#include <starling/json.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

namespace starling::engineio {
namespace {

using boost::json::value;

constexpr size_t depth_max = 8;
constexpr uint64_t payload_bytes_max = 9'007'199'254'740'991;  // 2^53 - 1.

// The number in `member`, without its fraction; nullopt: no number, or outside `min` to `max`.
std::optional<uint64_t> read_number(const value* member, uint64_t min, uint64_t max) {
    if (!member || !member->is_number()) return std::nullopt;
    const auto number = member->to_number<double>();
    // Also false for NaN. Both limits are exact as doubles.
    if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max)))
        return std::nullopt;
    return static_cast<uint64_t>(number);
}

// The sid becomes part of the target of each request.
bool is_sid(std::string_view text) {
    return !text.empty() && text.size() <= open_sid_bytes_max &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::optional<ClientOpen> read_open(std::string_view data) {
    if (data.size() > open_bytes_max) return std::nullopt;
    const auto json = parse_json(data, depth_max);
    const auto* object = json ? json->if_object() : nullptr;
    if (!object) return std::nullopt;

    const value* const sid = object->if_contains("sid");
    const value* const upgrades = object->if_contains("upgrades");
    if (!sid || !sid->is_string() || !upgrades || !upgrades->is_array()) return std::nullopt;
    ClientOpen open{.sid = std::string(sid->get_string().data(), sid->get_string().size())};
    if (!is_sid(open.sid)) return std::nullopt;
    open.upgrade_to_websocket = std::ranges::any_of(upgrades->get_array(), [](const value& one) {
        return one.is_string() && one.get_string() == "websocket";
    });

    const auto interval = read_number(object->if_contains("pingInterval"), 1, open_time_ms_max);
    const auto timeout = read_number(object->if_contains("pingTimeout"), 0, open_time_ms_max);
    if (!interval || !timeout) return std::nullopt;
    open.ping_interval_ms = *interval;
    open.ping_timeout_ms = *timeout;
    if (const value* const limit = object->if_contains("maxPayload"); limit && !limit->is_null()) {
        const auto bytes = read_number(limit, 0, payload_bytes_max);
        if (!bytes) return std::nullopt;
        open.max_payload_bytes = *bytes;
    }
    return open;
}

}  // namespace starling::engineio
