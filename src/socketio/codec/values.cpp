#include "socketio/codec/values.h"

#include <stdexcept>
#include <string>

#include "socketio/codec/reserved.h"

namespace starling::socketio {
namespace {

using sio::Value;

constexpr size_t name_bytes_max = 255;

void write_value(Encoder& encoder, const Value& value) {
    switch (value.kind()) {
        case Value::Kind::null: return encoder.value(nullptr);
        case Value::Kind::boolean: return encoder.value(value.boolean());
        case Value::Kind::int64: return encoder.value(value.int64());
        case Value::Kind::uint64: return encoder.value(value.uint64());
        case Value::Kind::real: return encoder.value(value.real());
        case Value::Kind::text: return encoder.value(value.text());
        case Value::Kind::bytes: return encoder.value(Binary(std::string(value.text())));
        case Value::Kind::json: return encoder.value(value.json());
    }
}

Json to_json(const Value& value) {
    switch (value.kind()) {
        case Value::Kind::null: return nullptr;
        case Value::Kind::boolean: return value.boolean();
        case Value::Kind::int64: return value.int64();
        case Value::Kind::uint64: return value.uint64();
        case Value::Kind::real: return value.real();
        case Value::Kind::text: return Json(value.text());
        case Value::Kind::bytes: return Binary(std::string(value.text()));
        case Value::Kind::json: return value.json();
    }
    return nullptr;
}

}  // namespace

void require_event_of_clients(std::string_view name) {
    if (name == "connection" || is_reserved_event(name))
        throw std::invalid_argument("socket.io: clients do not send \"" + std::string(name) +
                                    "\": see on_connection(sio::Socket), "
                                    "on_disconnect(sio::Socket, std::string_view), and the same "
                                    "events of a socket");
}

void write_values(Encoder& encoder, std::span<const Value> values) {
    for (const Value& value : values) write_value(encoder, value);
}

void encode_event(Encoder& encoder, Codec codec, std::string_view nsp, std::string_view name,
                  std::span<const Value> values, std::optional<uint64_t> ack_id,
                  std::string_view offset) {
    if (is_reserved_event(name))
        throw std::invalid_argument("\"" + std::string(name) + "\" is a reserved event name");
    if (name.size() > name_bytes_max)
        throw std::invalid_argument("an event name has at most 255 bytes");
    encoder.begin(codec, Type::event, nsp, ack_id);
    encoder.value(name);
    write_values(encoder, values);
    if (!offset.empty()) encoder.value(offset);
    if (!encoder.finish())
        throw std::invalid_argument(
            "emit: the arguments cannot be sent: too deep, more attachments than max_attachments, "
            "or "
            "an object that looks like a placeholder beside binary");
}

boost::json::array to_array(std::span<const Value> values, std::string_view name) {
    boost::json::array array;
    array.reserve(values.size() + 1);
    if (!name.empty()) array.emplace_back(name);
    for (const Value& value : values) array.push_back(to_json(value));
    return array;
}

std::vector<Json> own_values(std::span<const Json> values) {
    std::vector<Json> copies;
    copies.reserve(values.size());
    for (const Json& value : values) copies.push_back(sio::detail::own(value));
    return copies;
}

bool ends_in_text(std::span<const Value> values) noexcept {
    if (values.empty()) return true;
    const Value& last = values.back();
    return last.kind() == Value::Kind::text ||
           (last.kind() == Value::Kind::json && last.json().is_string());
}

std::vector<Value> to_values(const boost::json::array& array, size_t from) {
    std::vector<Value> values;
    values.reserve(array.size());
    for (size_t i = from; i < array.size(); ++i) values.emplace_back(array[i]);
    return values;
}

size_t size_of(std::span<const Value> values) noexcept {
    size_t sum = 0;
    for (const Value& value : values) {
        sum += 16;
        if (value.kind() == Value::Kind::text || value.kind() == Value::Kind::bytes)
            sum += value.text().size();
        else if (value.kind() == Value::Kind::json && value.json().is_string())
            sum += value.json().get_string().size();
        else if (value.kind() == Value::Kind::json)
            sum += 256;
    }
    return sum;
}

}  // namespace starling::socketio
