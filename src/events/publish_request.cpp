#include "events/publish_request.h"

#include <starling/json.h>

#include <boost/json.hpp>

#include <utility>

#include "base/utf8.h"

namespace starling::events {
namespace {

namespace json = boost::json;

constexpr size_t depth_max = 3;  // An object in an array, and one level of a wrong value.

struct Parser {
    const Table& table;
    const PublishLimits& limits;
    PublishRequest request;

    bool fail(int status, std::string problem) {
        request = {};
        request.status = status;
        request.problem = std::move(problem);
        return false;
    }

    // `place` is "" or "[2]".
    bool item(const json::value& value, const std::string& place) {
        const std::string dot = place.empty() ? "" : place + ".";
        const auto* object = value.if_object();
        if (!object)
            return fail(400, (place.empty() ? "the body" : place) +
                                 ": must be an object with 'channel' and 'event'");
        for (const auto& member : *object)
            if (member.key() != "channel" && member.key() != "event")
                return fail(400, dot + shown(member.key()) + ": is not known");
        PublishItem item;
        if (!text(*object, "channel", dot, item.channel)) return false;
        if (!text(*object, "event", dot, item.event)) return false;
        if (!is_channel_name(item.channel))
            return fail(400, dot + "channel: must be 1 to 255 bytes without control characters");
        if (item.event.size() > limits.event_bytes_max)
            return fail(413, dot + "event: larger than " + std::to_string(limits.event_bytes_max) +
                                 " bytes");
        if (!table.find(item.channel).rule)
            return fail(404, dot + "channel: no channel '" + item.channel + "' is declared");
        request.items.push_back(std::move(item));
        return true;
    }

    bool text(const json::object& object, std::string_view key, const std::string& dot,
              std::string& out) {
        const json::value* value = object.if_contains(key);
        if (!value) return fail(400, dot + std::string(key) + ": is missing");
        if (!value->is_string()) return fail(400, dot + std::string(key) + ": must be text");
        out = std::string_view(value->get_string());
        return true;
    }

    static std::string shown(std::string_view key) {
        return "'" + std::string(base::utf8_cut(key, 64)) + "'";
    }
};

}  // namespace

PublishRequest parse_publish_request(std::string_view body, const Table& table,
                                     const PublishLimits& limits) {
    Parser parser{table, limits, {}};
    const auto value = parse_json(body, depth_max);
    if (!value) {
        parser.fail(400, "the body: is not JSON");
        return std::move(parser.request);
    }
    const auto* array = value->if_array();
    if (!array) {
        parser.item(*value, "");
        return std::move(parser.request);
    }
    if (array->size() > limits.batch_events_max) {
        parser.fail(400,
                    "the body: more than " + std::to_string(limits.batch_events_max) + " events");
        return std::move(parser.request);
    }
    parser.request.array = true;
    for (size_t i = 0; i < array->size(); ++i)
        if (!parser.item((*array)[i], "[" + std::to_string(i) + "]")) break;
    return std::move(parser.request);
}

}  // namespace starling::events
