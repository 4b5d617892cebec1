#include "server/gateway/sio_text.h"

#include <algorithm>

#include "base/base64.h"
#include "base/json_text.h"
#include "socketio/codec/json_writer.h"

namespace starling::server {
namespace {

// Clients' values are at most socketio::DecodeLimits::depth_max deep.
void append(std::string& out, const sio::Json& value) {
    using Kind = boost::json::kind;
    if (const auto bytes = sio::Binary::view(value)) {
        out += "{\"base64\":\"";
        base::base64_append(out, *bytes);
        out += "\"}";
        return;
    }
    switch (value.kind()) {
        case Kind::null: out += "null"; return;
        case Kind::bool_: out += value.get_bool() ? "true" : "false"; return;
        case Kind::int64: out += std::to_string(value.get_int64()); return;
        case Kind::uint64: out += std::to_string(value.get_uint64()); return;
        case Kind::double_: return socketio::append_json_number(out, value.get_double());
        case Kind::string: return base::append_json_string(out, value.get_string());
        case Kind::array: break;
        case Kind::object: {
            char separator = '{';
            for (const auto& member : value.get_object()) {
                out += separator;
                base::append_json_string(out, member.key());
                out += ':';
                append(out, member.value());
                separator = ',';
            }
            if (separator == '{') out += '{';
            out += '}';
            return;
        }
    }
    out += '[';
    for (const sio::Json& item : value.get_array()) {
        if (&item != &value.get_array().front()) out += ',';
        append(out, item);
    }
    out += ']';
}

}  // namespace

std::string json_text(const sio::Json& value) {
    std::string out;
    append(out, value);
    return out;
}

std::string event_json(const sio::Json& array) {
    const auto& items = array.get_array();
    std::string out = "{\"event\":";
    if (items.front().is_string()) {
        append(out, items.front());
    } else {
        out += '"';
        append(out, items.front());
        out += '"';
    }
    out += ",\"data\":[";
    for (size_t i = 1; i < items.size(); ++i) {
        if (i > 1) out += ',';
        append(out, items[i]);
    }
    return out += "]}";
}

std::vector<http::Field> header_fields(std::string_view head) {
    std::vector<http::Field> fields;
    head.remove_prefix(std::min(head.find('\n') + 1, head.size()));  // The request's target.
    while (!head.empty()) {
        const std::string_view line = head.substr(0, head.find('\n'));
        const size_t colon = line.find(": ");
        if (colon != std::string_view::npos)
            fields.push_back({line.substr(0, colon), line.substr(colon + 2)});
        head.remove_prefix(std::min(line.size() + 1, head.size()));
    }
    return fields;
}

}  // namespace starling::server
