#include "socketio/codec/msgpack_reader.h"

#include <boost/json/object.hpp>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/date.h"
#include "base/text.h"
#include "socketio/codec/msgpack_events.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::socketio {
namespace {

// Builds the value of one whole message in the memory of the arena.
std::optional<Json> read_value(std::string_view bytes, size_t depth_max, MsgpackFrom from,
                               Arena& arena) {
    arena.clear();
    boost::json::value_stack& stack = arena.stack(bytes.size());
    base::JsonBuilder builder(stack, arena.draws());
    if (!MsgpackReader(bytes, depth_max, from, builder).read()) return std::nullopt;
    Json value = stack.release();
    if (builder.fills()) base::drop_fillers(value);
    return value;
}

// Reads a member as a whole number from 0 to `max`. 1.0 counts as 1, as in JavaScript.
std::optional<uint64_t> whole_number(const Json* value, uint64_t max) {
    if (!value) return std::nullopt;
    uint64_t number = 0;
    if (value->is_int64() && value->get_int64() >= 0) {
        number = static_cast<uint64_t>(value->get_int64());
    } else if (value->is_double() && value->get_double() >= 0 &&
               value->get_double() <= static_cast<double>(max) &&
               value->get_double() == std::trunc(value->get_double())) {
        number = static_cast<uint64_t>(value->get_double());
    } else {
        return std::nullopt;
    }
    return number <= max ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<std::string> date_text(int64_t ms) {
    constexpr int64_t year_9999_end_ms = 253'402'300'800'000;
    constexpr int64_t year_0_begin_ms = -62'167'219'200'000;
    if (ms < year_0_begin_ms || ms >= year_9999_end_ms) return std::nullopt;
    std::string text;
    base::append_timestamp(text, base::utc_time(ms));
    return text;
}

std::optional<Json> read_msgpack_value(std::span<const std::byte> bytes, Arena& arena,
                                       MsgpackFrom from) {
    return read_value(base::text_of(bytes), arena.limits().depth_max, from, arena);
}

Outcome read_msgpack(std::span<const std::byte> bytes, Arena& arena) {
    // depth_max applies to `data`; the packet's map around it adds one level.
    std::optional<Json> message =
        read_value(base::text_of(bytes), arena.limits().depth_max + 1, MsgpackFrom::client, arena);
    if (!message) return fault("invalid MessagePack");
    auto* members = message->if_object();
    if (!members) return fault("MessagePack that is no map");

    Packet packet;
    const auto type =
        whole_number(members->if_contains("type"), static_cast<uint64_t>(Type::connect_error));
    if (!type) return fault("unknown packet type");
    packet.type = static_cast<Type>(*type);

    const Json* nsp = members->if_contains("nsp");
    if (!nsp || !nsp->is_string() || !nsp->get_string().starts_with('/'))
        return fault("invalid namespace");
    // Copy: a short string is stored inside its value, which does not live as long as the Arena.
    packet.nsp = arena.keep({nsp->get_string().data(), nsp->get_string().size()});
    split_query(packet);
    if (packet.nsp.size() > arena.limits().nsp_bytes_max) return fault("namespace too long");

    if (const Json* id = members->if_contains("id")) {
        packet.id = whole_number(id, ack_id_max);
        if (!packet.id) return fault("invalid ack id");
    }
    Json* data = members->if_contains("data");
    // Node's MessagePack parser, unlike its JSON parser, requires the data of an ack.
    const bool lacks_data = !data && packet.type == Type::ack;
    if (lacks_data || !shape_is_valid(packet.type, data, arena.limits()))
        return fault("invalid payload");
    if (data) packet.take_data(std::move(*data));
    return {Outcome::Kind::packet, {}, std::move(packet)};
}

}  // namespace starling::socketio
