#include "cluster/writer.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/json_text.h"
#include "socketio/codec/json_writer.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::cluster {

namespace msgpack = socketio::msgpack;

void Writer::separate() {
    if (comma_) out_ += ',';
    comma_ = true;
}

void Writer::map(size_t members) {
    if (format_ == Format::msgpack) return msgpack::append_map(out_, members);
    separate();
    out_ += '{';
    comma_ = false;
}

void Writer::end_map() {
    if (format_ == Format::msgpack) return;
    out_ += '}';
    comma_ = true;
}

void Writer::array(size_t items) {
    if (format_ == Format::msgpack) return msgpack::append_array(out_, items);
    separate();
    out_ += '[';
    comma_ = false;
}

void Writer::end_array() {
    if (format_ == Format::msgpack) return;
    out_ += ']';
    comma_ = true;
}

void Writer::key(std::string_view name) {
    if (format_ == Format::msgpack) return msgpack::append_text(out_, name);
    separate();
    base::append_json_string(out_, name);
    out_ += ':';
    comma_ = false;
}

void Writer::text(std::string_view text) {
    if (format_ == Format::msgpack) return msgpack::append_text(out_, text);
    separate();
    base::append_json_string(out_, text);
}

void Writer::number(uint64_t number) {
    if (format_ == Format::msgpack) return msgpack::append_unsigned(out_, number);
    separate();
    out_ += std::to_string(number);
}

void Writer::flag(bool flag) {
    if (format_ == Format::msgpack) return msgpack::append_byte(out_, flag ? 0xc3 : 0xc2);
    separate();
    out_ += flag ? "true" : "false";
}

void Writer::value(const sio::Json& json) {
    if (format_ == Format::msgpack) {
        if (!msgpack::append_value(out_, json, 1)) good_ = false;
        return;
    }
    separate();
    if (!socketio::append_json(out_, json)) good_ = false;
}

bool has_bytes(const sio::Json& json) noexcept {
    if (const auto* array = json.if_array()) return std::ranges::any_of(*array, has_bytes);
    const auto* object = json.if_object();
    if (!object) return false;
    if (sio::Binary::view(json)) return true;
    return std::ranges::any_of(*object,
                               [](const auto& member) { return has_bytes(member.value()); });
}

}  // namespace starling::cluster
