#include "cluster/fields.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "socketio/codec/decoder.h"
#include "socketio/codec/json_writer.h"

namespace starling::cluster {
namespace {

using socketio::ack_id_max;

std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }
boost::json::string_view key_of(std::string_view name) { return {name.data(), name.size()}; }

// The number that JavaScript prints as `room`, if it is a whole one.
std::optional<uint64_t> number_of(std::string_view room) {
    if (room.empty() || room.size() > 16 || (room.size() > 1 && room.front() == '0'))
        return std::nullopt;
    uint64_t number = 0;
    const char* const end = room.data() + room.size();
    const auto read = std::from_chars(room.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number > ack_id_max) return std::nullopt;
    return number;
}

void read_flags(const Json* flags, socketio::Flags& out) {
    if (!flags || !flags->is_object()) return;
    out.volatile_packet = truthy(field(*flags, "volatile"));
    if (const Json* compress = field(*flags, "compress")) out.compress = truthy(compress);
    out.timeout_ms = whole_number(field(*flags, "timeout")).value_or(0);
}

void write_flags(Writer& out, const socketio::Flags& flags) {
    const size_t members =
        size_t{flags.volatile_packet} + size_t{!flags.compress} + size_t{flags.timeout_ms != 0};
    out.map(members);
    if (flags.volatile_packet) {
        out.key("volatile");
        out.flag(true);
    }
    if (!flags.compress) {
        out.key("compress");
        out.flag(false);
    }
    if (flags.timeout_ms != 0) {
        out.key("timeout");
        out.number(flags.timeout_ms);
    }
    out.end_map();
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Clients choose how many query parameters there are.
void write_many_pairs(Writer& out, const Pairs& pairs) {
    boost::json::object object;
    for (const auto& [name, text] : pairs) {
        Json& value = object[key_of(name)];
        if (value.is_null())
            value = text;
        else if (value.is_array())
            value.get_array().emplace_back(text);
        else
            value = boost::json::array{value, text};
    }
    out.value(object);
}

// A name that occurs several times gets an array, as in Node.js.
void write_pairs(Writer& out, const Pairs& pairs) {
    constexpr size_t compared_max = 32;
    if (pairs.size() > compared_max) return write_many_pairs(out, pairs);
    // How many later pairs have the name of this one; `repeated`: it is one of them itself.
    std::array<uint8_t, compared_max> later{};
    constexpr uint8_t repeated = 0xff;
    size_t names = 0;
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (later[i] == repeated) continue;
        ++names;
        for (size_t j = i + 1; j < pairs.size(); ++j) {
            if (pairs[j].first != pairs[i].first) continue;
            ++later[i];
            later[j] = repeated;
        }
    }
    out.map(names);
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (later[i] == repeated) continue;
        out.key(pairs[i].first);
        if (later[i] == 0) {
            out.text(pairs[i].second);
            continue;
        }
        out.array(size_t{1} + later[i]);
        for (size_t j = i; j < pairs.size(); ++j)
            if (pairs[j].first == pairs[i].first) out.text(pairs[j].second);
        out.end_array();
    }
    out.end_map();
}

// Null as {}, as on a Node.js server: an application there reads members without a look.
void write_object(Writer& out, const Json& value) {
    if (!value.is_null()) return out.value(value);
    out.map(0);
    out.end_map();
}

void write_handshake(Writer& out, const sio::Handshake& handshake) {
    const bool user = !handshake.user.empty();
    out.map(user ? 10 : 9);
    out.key("headers");
    write_pairs(out, handshake.headers);
    out.key("time");
    out.text(handshake.time());
    out.key("address");
    out.text(handshake.address);
    out.key("xdomain");
    out.flag(handshake.xdomain);
    out.key("secure");
    out.flag(handshake.secure);
    out.key("issued");
    out.number(handshake.issued_ms < 0 ? 0 : static_cast<uint64_t>(handshake.issued_ms));
    out.key("url");
    out.text(handshake.url);
    out.key("query");
    write_pairs(out, handshake.query);
    out.key("auth");
    write_object(out, handshake.auth);
    if (user) {
        out.key("user");
        out.text(handshake.user);
    }
    out.end_map();
}

}  // namespace

const Json* field(const Json& object, std::string_view name) noexcept {
    const auto* members = object.if_object();
    const Json* value = members ? members->if_contains(key_of(name)) : nullptr;
    return value && !value->is_null() ? value : nullptr;
}

Json* field(Json& object, std::string_view name) noexcept {
    return const_cast<Json*>(field(std::as_const(object), name));
}

std::optional<uint64_t> whole_number(const Json* value) noexcept {
    if (!value) return std::nullopt;
    if (value->is_int64() && value->get_int64() >= 0) {
        const auto number = static_cast<uint64_t>(value->get_int64());
        return number <= ack_id_max ? std::optional(number) : std::nullopt;
    }
    if (!value->is_double()) return std::nullopt;
    const double number = value->get_double();
    if (!(number >= 0 && number <= static_cast<double>(ack_id_max)) || number != std::trunc(number))
        return std::nullopt;
    return static_cast<uint64_t>(number);
}

bool truthy(const Json* value) noexcept {
    if (!value) return false;
    if (value->is_bool()) return value->get_bool();
    if (const auto number = whole_number(value)) return *number != 0;
    return !value->is_string() || !value->get_string().empty();
}

std::optional<std::string> room_name(const Json& room) {
    if (room.is_string()) return std::string(view(room.get_string()));
    if (!room.is_number()) return std::nullopt;
    std::string text;
    if (!socketio::append_json(text, room)) return std::nullopt;
    return text;
}

std::optional<std::string> short_text(const Json* value, size_t bytes_max) {
    if (!value || !value->is_string()) return std::nullopt;
    const std::string_view text = view(value->get_string());
    if (text.empty() || text.size() > bytes_max) return std::nullopt;
    return std::string(text);
}

Fault read_rooms(const Json* list, size_t rooms_max, std::vector<std::string>& rooms) {
    if (!list) return std::nullopt;
    const auto* items = list->if_array();
    if (!items) return Refusal::malformed;
    if (items->size() > rooms_max) return Refusal::too_large;
    rooms.reserve(items->size());
    for (const Json& item : *items) {
        auto room = room_name(item);
        if (!room) return Refusal::malformed;
        rooms.push_back(std::move(*room));
    }
    return std::nullopt;
}

Fault read_target(const Json* opts, const Limits& limits, Target& target) {
    if (!opts || !opts->is_object()) return Refusal::malformed;
    if (const auto fault = read_rooms(field(*opts, "rooms"), limits.rooms_max, target.rooms))
        return fault;
    if (const auto fault = read_rooms(field(*opts, "except"), limits.rooms_max, target.except))
        return fault;
    read_flags(field(*opts, "flags"), target.flags);
    return std::nullopt;
}

Fault read_changed_rooms(const Json* list, const Limits& limits, std::vector<std::string>& rooms) {
    if (!list) return Refusal::malformed;
    if (const auto fault = read_rooms(list, limits.rooms_max, rooms)) return fault;
    for (const auto& room : rooms)
        if (room.size() > socketio::room_bytes_max) return Refusal::too_large;
    return std::nullopt;
}

Fault read_event(Json* packet, Message& message, std::string_view* nsp) {
    if (!packet || !packet->is_object()) return Refusal::malformed;
    const auto type = whole_number(field(*packet, "type"));
    if (!type) return Refusal::malformed;
    // 5, BINARY_EVENT: of older nodes, whose parsers had the sender find the bytes.
    if (*type != 2 && *type != 5) return Refusal::unknown_type;
    if (nsp) {
        const Json* name = field(*packet, "nsp");
        if (name && !name->is_string()) return Refusal::malformed;
        *nsp = name ? view(name->get_string()) : std::string_view("/");
        message.nsp = *nsp;
        *nsp = message.nsp;
    }
    Json* const data = field(*packet, "data");
    if (!data || !socketio::shape_is_valid(socketio::Type::event, data, {}))
        return Refusal::malformed;
    message.take_data(std::move(*data));
    return std::nullopt;
}

Fault read_server_event(Json* arguments, Message& message) {
    const auto* items = arguments ? arguments->if_array() : nullptr;
    if (!items || items->empty() || !items->front().is_string()) return Refusal::malformed;
    message.take_data(std::move(*arguments));
    return std::nullopt;
}

void write_rooms(Writer& out, std::span<const std::string> rooms) {
    out.array(rooms.size());
    for (const auto& room : rooms) out.text(room);
    out.end_array();
}

void write_target_rooms(Writer& out, std::span<const std::string> rooms) {
    size_t numbers = 0;
    for (const auto& room : rooms) numbers += number_of(room) ? 1 : 0;
    out.array(rooms.size() + numbers);
    for (const auto& room : rooms) {
        out.text(room);
        if (const auto number = number_of(room)) out.number(*number);
    }
    out.end_array();
}

void write_target(Writer& out, const Target& target, bool flags) {
    out.map(flags ? 3 : 2);
    out.key("rooms");
    write_target_rooms(out, target.rooms);
    out.key("except");
    write_target_rooms(out, target.except);
    if (flags) {
        out.key("flags");
        write_flags(out, target.flags);
    }
    out.end_map();
}

void write_sockets(Writer& out, std::span<const RemoteSocket> sockets) {
    out.array(sockets.size());
    const size_t begin = out.size();
    for (const RemoteSocket& socket : sockets) {
        // The first one says how large the others are, roughly.
        if (&socket == &sockets.front() + 1)
            out.reserve((out.size() - begin) * sockets.size() / 8 * 9);
        out.map(4);
        out.key("id");
        out.text(socket.id);
        out.key("handshake");
        write_handshake(out, socket.handshake);
        out.key("rooms");
        write_rooms(out, socket.rooms);
        out.key("data");
        write_object(out, socket.data);
        out.end_map();
    }
    out.end_array();
}

}  // namespace starling::cluster
