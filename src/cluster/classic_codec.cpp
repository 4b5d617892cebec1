#include "cluster/classic_codec.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/assert.h"
#include "cluster/decoding.h"
#include "cluster/fields.h"
#include "cluster/socket_list.h"

namespace starling::cluster {
namespace {

using Refused = base::Failure<Refusal>;

enum Type : uint8_t {
    sockets,
    all_rooms,
    remote_join,
    remote_leave,
    remote_disconnect,
    remote_fetch,
    server_side_emit,
    broadcast,
    broadcast_client_count,
    broadcast_ack,
};

// Join, leave and disconnect: with `opts`, or in the older form with `sid` and `room`.
Fault read_change(Json& request, const Limits& limits, Message& message) {
    const Json* opts = field(request, "opts");
    if (opts) {
        if (const auto fault = read_target(opts, limits, message.target)) return fault;
        if (message.kind == Kind::disconnect) {
            const Json* close = field(request, "close");
            message.close = close && close->is_bool() && close->get_bool();
            return std::nullopt;
        }
        return read_changed_rooms(field(request, "rooms"), limits, message.rooms);
    }
    auto sid = short_text(field(request, "sid"), socketio::room_bytes_max);
    if (!sid) return Refusal::malformed;
    message.sid = std::move(*sid);
    if (message.kind == Kind::disconnect) {
        const Json* close = field(request, "close");
        message.close = close && close->is_bool() && close->get_bool();
        return std::nullopt;
    }
    auto room = short_text(field(request, "room"), socketio::room_bytes_max);
    if (!room) return Refusal::malformed;
    message.rooms.push_back(std::move(*room));
    return std::nullopt;
}

Fault read_request_fields(Json& request, uint64_t type, const Limits& limits, Message& message) {
    const bool asked = !message.request_id.empty();
    switch (type) {
        case sockets:
            message.kind = Kind::list_sockets;
            if (!asked) return Refusal::malformed;
            return read_rooms(field(request, "rooms"), limits.rooms_max, message.target.rooms);
        case all_rooms:
            message.kind = Kind::list_rooms;
            return asked ? std::nullopt : Fault(Refusal::malformed);
        case remote_join: message.kind = Kind::join; return read_change(request, limits, message);
        case remote_leave: message.kind = Kind::leave; return read_change(request, limits, message);
        case remote_disconnect:
            message.kind = Kind::disconnect;
            return read_change(request, limits, message);
        case remote_fetch:
            message.kind = Kind::fetch;
            if (!asked) return Refusal::malformed;
            return read_target(field(request, "opts"), limits, message.target);
        case server_side_emit:
            message.kind = Kind::server_event;
            return read_server_event(field(request, "data"), message);
        case broadcast: {
            message.kind = Kind::ask;
            if (!asked) return Refusal::malformed;
            if (const auto fault = read_target(field(request, "opts"), limits, message.target))
                return fault;
            return read_event(field(request, "packet"), message);
        }
        default: return Refusal::unknown_type;
    }
}

// The uid and the request id, which may both be absent.
Fault read_ids(const Json& object, const Limits& limits, Message& message) {
    if (const Json* uid = field(object, "uid")) {
        auto text = short_text(uid, limits.uid_bytes_max);
        if (!text) return Refusal::malformed;
        message.uid = std::move(*text);
    }
    if (const Json* id = field(object, "requestId")) {
        auto text = short_text(id, limits.request_id_bytes_max);
        if (!text) return Refusal::malformed;
        message.request_id = std::move(*text);
    }
    return std::nullopt;
}

// An answer without a type.
Fault read_untyped(Json& response, const Limits& limits, SocketList& sockets, Message& message) {
    if (const Json* list = field(response, "sockets")) {
        const auto* items = list->if_array();
        if (items && !items->empty() && !items->front().is_object()) {
            message.kind = Kind::ids;
            return read_rooms(list, limits.answer_items_max, message.rooms);
        }
        message.kind = Kind::fetched;
        return take_sockets(list, sockets, message.sockets);
    }
    if (const Json* list = field(response, "rooms")) {
        message.kind = Kind::rooms;
        return read_rooms(list, limits.answer_items_max, message.rooms);
    }
    message.kind = Kind::done;
    return std::nullopt;
}

Fault read_response_fields(Json& response, const Limits& limits, SocketList& sockets,
                           Message& message) {
    const Json* type = field(response, "type");
    if (!type) return read_untyped(response, limits, sockets, message);
    const auto number = whole_number(type);
    if (!number) return Refusal::malformed;
    const char* value = nullptr;
    switch (*number) {
        case server_side_emit:
            message.kind = Kind::server_answer;
            value = "data";
            break;
        case broadcast_ack:
            message.kind = Kind::ask_ack;
            value = "packet";
            break;
        case broadcast_client_count: {
            message.kind = Kind::ask_count;
            const auto clients = whole_number(field(response, "clientCount"));
            if (!clients) return Refusal::malformed;
            message.clients = *clients;
            return std::nullopt;
        }
        default: return Refusal::unknown_type;
    }
    if (Json* data = field(response, value)) message.take_data(std::move(*data));
    return std::nullopt;
}

uint64_t type_of(Kind kind) {
    switch (kind) {
        case Kind::list_sockets: return sockets;
        case Kind::list_rooms: return all_rooms;
        case Kind::join: return remote_join;
        case Kind::leave: return remote_leave;
        case Kind::disconnect: return remote_disconnect;
        case Kind::fetch: return remote_fetch;
        case Kind::server_event:
        case Kind::server_answer: return server_side_emit;
        case Kind::ask: return broadcast;
        case Kind::ask_count: return broadcast_client_count;
        case Kind::ask_ack: return broadcast_ack;
        default: break;
    }
    STARLING_ASSERT(false && "a kind that the classic adapter does not have");
    return 0;
}

void write_packet(Writer& out, const Message& message) {
    out.map(3);
    out.key("type");
    out.number(2);
    out.key("data");
    out.value(message.data);
    out.key("nsp");
    out.text(message.nsp);
    out.end_map();
}

void write_emit(Writer& out, const Message& message) {
    out.array(3);
    out.text(message.uid);
    write_packet(out, message);
    write_target(out, message.target, true);
    out.end_array();
}

void write_request_id(Writer& out, const Message& message) {
    out.key("requestId");
    out.text(message.request_id);
}

void write_type(Writer& out, const Message& message) {
    out.key("type");
    out.number(type_of(message.kind));
}

// The members of a request behind uid, requestId and type.
void write_request_fields(Writer& out, const Message& message) {
    switch (message.kind) {
        case Kind::ask:
            out.key("packet");
            write_packet(out, message);
            out.key("opts");
            return write_target(out, message.target, true);
        case Kind::join:
        case Kind::leave:
            out.key("opts");
            write_target(out, message.target, false);
            out.key("rooms");
            return write_rooms(out, message.rooms);
        case Kind::disconnect:
            out.key("opts");
            write_target(out, message.target, false);
            out.key("close");
            return out.flag(message.close);
        case Kind::fetch: out.key("opts"); return write_target(out, message.target, false);
        case Kind::list_sockets:
            out.key("rooms");
            return write_target_rooms(out, message.target.rooms);
        case Kind::server_event: out.key("data"); return out.value(message.data);
        default: return;
    }
}

size_t request_members(Kind kind) {
    switch (kind) {
        case Kind::list_rooms: return 0;
        case Kind::fetch:
        case Kind::list_sockets:
        case Kind::server_event: return 1;
        default: return 2;
    }
}

void write_request(Writer& out, const Message& message) {
    out.map(1 + size_t{!message.uid.empty()} + size_t{!message.request_id.empty()} +
            request_members(message.kind));
    if (!message.uid.empty()) {
        out.key("uid");
        out.text(message.uid);
    }
    if (!message.request_id.empty()) write_request_id(out, message);
    write_type(out, message);
    write_request_fields(out, message);
    out.end_map();
}

void write_response(Writer& out, const Message& message) {
    switch (message.kind) {
        case Kind::ask_count:
        case Kind::ask_ack:
        case Kind::server_answer:
            out.map(3);
            write_type(out, message);
            write_request_id(out, message);
            if (message.kind == Kind::ask_count) {
                out.key("clientCount");
                out.number(message.clients);
            } else {
                out.key(message.kind == Kind::ask_ack ? "packet" : "data");
                out.value(message.data);
            }
            break;
        case Kind::done:
            out.map(1);
            write_request_id(out, message);
            break;
        default:
            out.map(2);
            write_request_id(out, message);
            out.key(message.kind == Kind::rooms ? "rooms" : "sockets");
            message.kind == Kind::fetched ? write_sockets(out, message.sockets)
                                          : write_rooms(out, message.rooms);
            break;
    }
    out.end_map();
}

bool sockets_have_bytes(const std::vector<RemoteSocket>& list) {
    for (const auto& socket : list)
        if (has_bytes(socket.data) || has_bytes(socket.handshake.auth)) return true;
    return false;
}

}  // namespace

Decoded read_classic_emit(std::string_view body, const Limits& limits, Arena& arena) {
    if (body.size() > limits.message_bytes_max) return Refused(Refusal::too_large);
    auto json = read_body(body, arena);
    auto* items = json ? json->if_array() : nullptr;
    // More items than three come from a version that is newer than this code.
    if (!items || items->size() < 3) return Refused(Refusal::malformed);
    Message message;
    message.kind = Kind::emit;
    auto uid = short_text(&items->at(0), limits.uid_bytes_max);
    if (!uid) return Refused(Refusal::malformed);
    message.uid = std::move(*uid);
    std::string_view nsp;
    if (const auto fault = read_target(&items->at(2), limits, message.target))
        return Refused(*fault);
    if (const auto fault = read_event(&items->at(1), message, &nsp)) return Refused(*fault);
    return message;
}

Decoded read_classic_request(std::string_view body, std::string_view nsp, const Limits& limits,
                             Arena& arena) {
    if (body.size() > limits.message_bytes_max) return Refused(Refusal::too_large);
    auto json = read_body(body, arena);
    if (!json || !json->is_object()) return Refused(Refusal::malformed);
    Message message;
    message.nsp = nsp;
    const auto type = whole_number(field(*json, "type"));
    if (!type) return Refused(Refusal::malformed);
    if (const auto fault = read_ids(*json, limits, message)) return Refused(*fault);
    if (const auto fault = read_request_fields(*json, *type, limits, message))
        return Refused(*fault);
    return message;
}

Decoded read_classic_response(std::string_view body, std::string_view nsp, const Limits& limits,
                              Arena& arena) {
    if (body.size() > limits.message_bytes_max) return Refused(Refusal::too_large);
    SocketList sockets;
    auto json = read_body(body, SocketsAt::message, limits, arena, sockets);
    if (!json || !json->is_object()) return Refused(Refusal::malformed);
    Message message;
    message.nsp = nsp;
    if (const auto fault = read_ids(*json, limits, message)) return Refused(*fault);
    message.uid.clear();  // An answer does not name its sender.
    if (message.request_id.empty()) return Refused(Refusal::malformed);
    if (const auto fault = read_response_fields(*json, limits, sockets, message))
        return Refused(*fault);
    return message;
}

std::string_view leading_request_id(std::string_view body) noexcept {
    constexpr std::string_view json = R"({"requestId":")";
    constexpr std::string_view name = "\xa9requestId";
    if (body.starts_with(json)) {
        body.remove_prefix(json.size());
        const size_t end = body.find_first_of("\"\\");
        // A text with escapes is left to the decoder.
        return end != std::string_view::npos && body[end] == '"' ? body.substr(0, end)
                                                                 : std::string_view();
    }
    // MessagePack: a map of up to 15 members, and a text of up to 255 bytes.
    if (body.empty() || (static_cast<uint8_t>(body[0]) & 0xf0) != 0x80 ||
        !body.substr(1).starts_with(name) || body.size() < 2 + name.size())
        return {};
    body.remove_prefix(1 + name.size());
    const auto head = static_cast<uint8_t>(body[0]);
    body.remove_prefix(1);
    size_t length = head & 0x1f;
    if (head == 0xd9 && !body.empty()) {
        length = static_cast<uint8_t>(body[0]);
        body.remove_prefix(1);
    } else if ((head & 0xe0) != 0xa0) {
        return {};
    }
    return length <= body.size() ? body.substr(0, length) : std::string_view();
}

bool write_classic(const Message& message, std::string& out) {
    out.clear();
    const bool always_msgpack =
        message.kind == Kind::emit || message.kind == Kind::ask || message.kind == Kind::ask_ack;
    // Node.js writes bytes in JSON as {type: "Buffer", data: [...]}, and its receivers do not turn
    // them into bytes again. It reads MessagePack as well, so bytes go in MessagePack.
    const bool msgpack =
        always_msgpack || has_bytes(message.data) || sockets_have_bytes(message.sockets);
    Writer writer(out, msgpack ? Format::msgpack : Format::json);
    if (message.kind == Kind::emit)
        write_emit(writer, message);
    else if (message.kind < Kind::fetched)
        write_request(writer, message);
    else
        write_response(writer, message);
    return writer.finish();
}

}  // namespace starling::cluster
