// MessagePack of the messages: {_source: "_eio", senderId, recipientId?, requestId?, type, data}.
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "cluster/engine/message.h"
#include "cluster/fields.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::cluster::engine {
namespace {

namespace msgpack = socketio::msgpack;

constexpr std::string_view source = "_eio";

// By engineio::Type.
constexpr std::array<std::string_view, 7> packet_names = {"open",    "close",   "ping", "pong",
                                                          "message", "upgrade", "noop"};

constexpr bool has_request(Type type) noexcept {
    return type == Type::acquire_lock || type == Type::lock_answer || type == Type::upgrade ||
           type == Type::upgrade_answer;
}
constexpr bool has_sid(Type type) noexcept {
    return type != Type::lock_answer && type != Type::upgrade_answer;
}

std::optional<std::string_view> text_of(const Json* value) noexcept {
    const auto* const text = value ? value->if_string() : nullptr;
    if (!text) return std::nullopt;
    return std::string_view(text->data(), text->size());
}

std::optional<bool> flag_of(const Json* value) noexcept {
    if (!value || !value->is_bool()) return std::nullopt;
    return value->get_bool();
}

std::optional<engineio::Type> packet_type(std::string_view name) noexcept {
    // What the parser of Node.js makes of a body that it cannot read. To a session it is what a packet
    // is that no client may send: a protocol error.
    if (name == "error") return engineio::Type::open;
    for (size_t i = 0; i < packet_names.size(); ++i)
        if (packet_names[i] == name) return static_cast<engineio::Type>(i);
    return std::nullopt;
}

// A ping without data has none on the wire; bytes are for messages alone.
std::optional<Packet> read_packet(const Json& value) {
    const auto name = text_of(field(value, "type"));
    const auto type = name ? packet_type(*name) : std::nullopt;
    if (!type) return std::nullopt;
    Packet packet{.type = *type, .data = {}};
    const Json* const data = field(value, "data");
    if (!data) return packet;
    if (const auto text = text_of(data)) {
        if (!base::utf8_is_valid(*text)) return std::nullopt;
        packet.data = *text;
    } else if (const auto bytes = Binary::view(*data);
               bytes && packet.type == engineio::Type::message) {
        packet.binary = true;
        packet.data = *bytes;
    } else {
        return std::nullopt;
    }
    return packet;
}

std::optional<Refusal> read_packets(const Json* list, const Limits& limits,
                                    std::vector<Packet>& packets) {
    const auto* const array = list ? list->if_array() : nullptr;
    if (!array) return Refusal::malformed;
    if (array->size() > limits.packets_max) return Refusal::too_large;
    packets.reserve(array->size());
    for (const Json& each : *array) {
        auto packet = read_packet(each);
        if (!packet) return Refusal::malformed;
        packets.push_back(*std::move(packet));
    }
    return std::nullopt;
}

Carrier carrier_of(std::string_view name) noexcept {
    if (name == "polling") return Carrier::polling;
    return name == "websocket" ? Carrier::websocket : Carrier::other;
}

// The fields of the type, without the session's id.
std::optional<Refusal> read_data(const Json& data, const Limits& limits, Message& message) {
    switch (message.type) {
        case Type::acquire_lock: {
            const auto carrier = text_of(field(data, "transportName"));
            const auto access = text_of(field(data, "type"));
            if (!carrier || (access != "read" && access != "write")) return Refusal::malformed;
            message.carrier = carrier_of(*carrier);
            message.access = access == "read" ? Access::read : Access::write;
            return std::nullopt;
        }
        case Type::lock_answer:
        case Type::upgrade: {
            const auto success = flag_of(field(data, "success"));
            if (!success) return Refusal::malformed;
            message.success = *success;
            return std::nullopt;
        }
        case Type::drain: return read_packets(field(data, "packets"), limits, message.packets);
        case Type::packet: {
            const Json* const value = field(data, "packet");
            auto packet = value ? read_packet(*value) : std::nullopt;
            if (!packet) return Refusal::malformed;
            message.packets.push_back(*std::move(packet));
            return std::nullopt;
        }
        case Type::upgrade_answer: {
            const auto take_over = flag_of(field(data, "takeOver"));
            if (!take_over) return Refusal::malformed;
            message.take_over = *take_over;
            return read_packets(field(data, "packets"), limits, message.packets);
        }
        case Type::close: break;
    }
    auto reason = short_text(field(data, "reason"), Limits::name_bytes_max);
    if (!reason) return Refusal::malformed;
    message.reason = *std::move(reason);
    return std::nullopt;
}

void put(std::string& out, std::string_view key, std::string_view text) {
    msgpack::append_text(out, key);
    msgpack::append_text(out, text);
}

void put(std::string& out, std::string_view key, bool flag) {
    msgpack::append_text(out, key);
    msgpack::append_byte(out, flag ? 0xc3 : 0xc2);
}

void put_packet(std::string& out, const Packet& packet) {
    const bool has_data = packet.binary || !packet.data.empty();
    msgpack::append_map(out, has_data ? 2 : 1);
    put(out, "type", packet_names[static_cast<size_t>(packet.type)]);
    if (!has_data) return;
    msgpack::append_text(out, "data");
    packet.binary ? msgpack::append_bytes(out, packet.data)
                  : msgpack::append_text(out, packet.data);
}

void put_packets(std::string& out, const std::vector<Packet>& packets) {
    msgpack::append_text(out, "packets");
    msgpack::append_array(out, packets.size());
    for (const Packet& packet : packets) put_packet(out, packet);
}

void put_data(std::string& out, const Message& message) {
    // Members besides the id.
    constexpr std::array<size_t, 7> members = {2, 1, 1, 1, 1, 2, 1};
    msgpack::append_map(out, members[static_cast<size_t>(message.type)] + has_sid(message.type));
    if (has_sid(message.type)) put(out, "sid", message.sid);
    switch (message.type) {
        case Type::acquire_lock:
            put(out, "transportName",
                message.carrier == Carrier::polling ? std::string_view("polling") : "websocket");
            return put(out, "type",
                       message.access == Access::read ? std::string_view("read") : "write");
        case Type::lock_answer:
        case Type::upgrade: return put(out, "success", message.success);
        case Type::drain: return put_packets(out, message.packets);
        case Type::packet:
            msgpack::append_text(out, "packet");
            return put_packet(out, message.packets.front());
        case Type::upgrade_answer:
            put(out, "takeOver", message.take_over);
            return put_packets(out, message.packets);
        case Type::close: return put(out, "reason", std::string_view(message.reason));
    }
}

}  // namespace

base::Result<Message, Refusal> decode(std::string_view bytes, const Limits& limits, Arena& arena) {
    if (bytes.size() > limits.message_bytes_max) return base::Failure(Refusal::too_large);
    const auto whole =
        socketio::read_msgpack_value(base::bytes_of(bytes), arena, socketio::MsgpackFrom::node);
    if (!whole || !whole->is_object() || text_of(field(*whole, "_source")) != source)
        return base::Failure(Refusal::malformed);
    const auto type = whole_number(field(*whole, "type"));
    auto sender = short_text(field(*whole, "senderId"), Limits::name_bytes_max);
    const Json* const data = field(*whole, "data");
    if (!type || !sender || !data || !data->is_object()) return base::Failure(Refusal::malformed);
    if (*type > static_cast<uint64_t>(Type::close)) return base::Failure(Refusal::unknown_type);
    Message message;
    message.type = static_cast<Type>(*type);
    message.sender = *std::move(sender);
    if (const Json* const to = field(*whole, "recipientId")) {
        auto recipient = short_text(to, Limits::name_bytes_max);
        if (!recipient) return base::Failure(Refusal::malformed);
        message.recipient = *std::move(recipient);
    }
    if (has_request(message.type)) {
        const auto request = whole_number(field(*whole, "requestId"));
        if (!request) return base::Failure(Refusal::malformed);
        message.request = *request;
    }
    if (has_sid(message.type)) {
        auto sid = short_text(field(*data, "sid"), Limits::name_bytes_max);
        if (!sid) return base::Failure(Refusal::malformed);
        message.sid = *std::move(sid);
    }
    if (const auto refusal = read_data(*data, limits, message)) return base::Failure(*refusal);
    return message;
}

std::string encode(const Message& message) {
    std::string out;
    size_t bytes = 160;
    for (const Packet& packet : message.packets) bytes += packet.data.size() + 24;
    out.reserve(bytes);
    msgpack::append_map(out, size_t{4} + has_request(message.type) + !message.recipient.empty());
    if (has_request(message.type)) {
        msgpack::append_text(out, "requestId");
        msgpack::append_unsigned(out, message.request);
    }
    put(out, "senderId", message.sender);
    if (!message.recipient.empty()) put(out, "recipientId", message.recipient);
    msgpack::append_text(out, "type");
    msgpack::append_unsigned(out, static_cast<uint64_t>(message.type));
    msgpack::append_text(out, "data");
    put_data(out, message);
    put(out, "_source", source);
    return out;
}

std::string channel_of_all(std::string_view prefix) { return std::string(prefix) + '#'; }

std::string channel_of(std::string_view prefix, std::string_view node) {
    return std::string(prefix).append("#").append(node).append("#");
}

}  // namespace starling::cluster::engine
