#include "cluster/node_codec.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <tuple>

#include "base/base64.h"
#include "base/text.h"
#include "cluster/decoding.h"
#include "cluster/fields.h"
#include "cluster/socket_list.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::cluster {
namespace {

using Refused = base::Failure<Refusal>;

constexpr size_t begin_bytes_max = 41;  // Two numbers of 64 bits.
constexpr size_t user_bytes_max = 65'536;

struct TypeRow {
    Kind kind;
    uint64_t type;
};

// ask and emit are one type: an ask has a requestId.
constexpr std::array<TypeRow, 14> types{{
    {Kind::hello, 1},
    {Kind::heartbeat, 2},
    {Kind::emit, 3},
    {Kind::ask, 3},
    {Kind::join, 4},
    {Kind::leave, 5},
    {Kind::disconnect, 6},
    {Kind::fetch, 7},
    {Kind::fetched, 8},
    {Kind::server_event, 9},
    {Kind::server_answer, 10},
    {Kind::ask_count, 11},
    {Kind::ask_ack, 12},
    {Kind::bye, 13},
}};

std::optional<uint64_t> type_of(Kind kind) {
    for (const auto& row : types)
        if (row.kind == kind) return row.type;
    return std::nullopt;
}

bool has_data(Kind kind) {
    return kind != Kind::hello && kind != Kind::heartbeat && kind != Kind::bye;
}

// Node.js gives no meaning to the requestId of a join, a leave or a disconnect.
bool may_have_request_id(Kind kind) {
    return kind != Kind::join && kind != Kind::leave && kind != Kind::disconnect;
}

bool needs_request_id(Kind kind) { return kind == Kind::fetch || kind >= Kind::fetched; }

// The members of `data` that depend on the kind.
Fault read_kind(Json& data, const Limits& limits, SocketList& sockets, Message& message) {
    switch (message.kind) {
        case Kind::emit:
        case Kind::ask:
            if (const auto fault = read_target(field(data, "opts"), limits, message.target))
                return fault;
            return read_event(field(data, "packet"), message);
        case Kind::join:
        case Kind::leave:
            if (const auto fault = read_target(field(data, "opts"), limits, message.target))
                return fault;
            return read_changed_rooms(field(data, "rooms"), limits, message.rooms);
        case Kind::disconnect: {
            const Json* close = field(data, "close");
            message.close = close && close->is_bool() && close->get_bool();
            return read_target(field(data, "opts"), limits, message.target);
        }
        case Kind::fetch: return read_target(field(data, "opts"), limits, message.target);
        case Kind::fetched: return take_sockets(field(data, "sockets"), sockets, message.sockets);
        case Kind::server_event: return read_server_event(field(data, "packet"), message);
        case Kind::ask_count: {
            const auto clients = whole_number(field(data, "clientCount"));
            if (!clients) return Refusal::malformed;
            message.clients = *clients;
            return std::nullopt;
        }
        default:  // ask_ack, server_answer
            if (Json* value = field(data, "packet")) message.take_data(std::move(*value));
            return std::nullopt;
    }
}

// `data`: null if the message has none.
Fault read_data(uint64_t type, Json* data, const Limits& limits, SocketList& sockets,
                Message& message) {
    const auto row = std::ranges::find(types, type, &TypeRow::type);
    if (row == types.end()) return Refusal::unknown_type;
    message.kind = row->kind;
    if (!has_data(message.kind)) return std::nullopt;
    if (!data || !data->is_object()) return Refusal::malformed;
    const Json* const id = field(*data, "requestId");
    if (id && may_have_request_id(message.kind)) {
        auto text = short_text(id, limits.request_id_bytes_max);
        if (!text) return Refusal::malformed;
        message.request_id = std::move(*text);
        if (message.kind == Kind::emit) message.kind = Kind::ask;
    } else if (needs_request_id(message.kind)) {
        return Refusal::malformed;
    }
    return read_kind(*data, limits, sockets, message);
}

Fault read_sender(const Json* uid, const Json* nsp, const Limits& limits, Message& message) {
    auto sender = short_text(uid, limits.uid_bytes_max);
    auto name = short_text(nsp, socketio::DecodeLimits{}.nsp_bytes_max);
    if (!sender || !name) return Refusal::malformed;
    message.uid = std::move(*sender);
    message.nsp = std::move(*name);
    return std::nullopt;
}

void write_id(Writer& out, const Message& message) {
    out.key("requestId");
    out.text(message.request_id);
}

void write_packet(Writer& out, const Message& message) {
    out.key("packet");
    out.map(2);
    out.key("type");
    out.number(2);
    out.key("data");
    out.value(message.data);
    out.end_map();
}

void write_opts(Writer& out, const Message& message) {
    out.key("opts");
    write_target(out, message.target, true);
}

// The order of the members is that of Node.js.
void write_data(Writer& out, const Message& message) {
    const bool asks = !message.request_id.empty();
    switch (message.kind) {
        case Kind::emit:
        case Kind::ask:
            out.map(message.kind == Kind::ask ? 3 : 2);
            write_packet(out, message);
            if (message.kind == Kind::ask) write_id(out, message);
            write_opts(out, message);
            break;
        case Kind::join:
        case Kind::leave:
        case Kind::disconnect:
            out.map(2);
            write_opts(out, message);
            out.key(message.kind == Kind::disconnect ? "close" : "rooms");
            message.kind == Kind::disconnect ? out.flag(message.close)
                                             : write_rooms(out, message.rooms);
            break;
        case Kind::fetch:
            out.map(2);
            write_opts(out, message);
            write_id(out, message);
            break;
        case Kind::server_event:
            out.map(asks ? 2 : 1);
            if (asks) write_id(out, message);
            out.key("packet");
            out.value(message.data);
            break;
        default:  // The answers.
            out.map(2);
            write_id(out, message);
            out.key(message.kind == Kind::fetched     ? "sockets"
                    : message.kind == Kind::ask_count ? "clientCount"
                                                      : "packet");
            if (message.kind == Kind::fetched)
                write_sockets(out, message.sockets);
            else if (message.kind == Kind::ask_count)
                out.number(message.clients);
            else
                out.value(message.data);
            break;
    }
    out.end_map();
}

bool holds_bytes(const Message& message) {
    return has_bytes(message.data) || std::ranges::any_of(message.sockets, [](const auto& socket) {
               return has_bytes(socket.data) || has_bytes(socket.handshake.auth);
           });
}

}  // namespace

Decoded read_node_message(std::string_view body, const Limits& limits, Arena& arena) {
    if (body.size() > limits.message_bytes_max) return Refused(Refusal::too_large);
    SocketList sockets;
    auto json = read_body(body, SocketsAt::data, limits, arena, sockets);
    if (!json || !json->is_object()) return Refused(Refusal::malformed);
    Message message;
    if (const auto fault = read_sender(field(*json, "uid"), field(*json, "nsp"), limits, message))
        return Refused(*fault);
    const auto type = whole_number(field(*json, "type"));
    if (!type) return Refused(Refusal::malformed);
    if (const auto fault = read_data(*type, field(*json, "data"), limits, sockets, message))
        return Refused(*fault);
    return message;
}

bool write_node_message(const Message& message, std::string& out) {
    return write_node_message(message, holds_bytes(message) ? Format::msgpack : Format::json, out);
}

bool write_node_message(const Message& message, Format format, std::string& out) {
    out.clear();
    const auto type = type_of(message.kind);
    if (!type) return false;
    Writer writer(out, format);
    const bool data = has_data(message.kind);
    writer.map(data ? 4 : 3);
    writer.key("type");
    writer.number(*type);
    if (data) {
        writer.key("data");
        write_data(writer, message);
    }
    writer.key("uid");
    writer.text(message.uid);
    writer.key("nsp");
    writer.text(message.nsp);
    writer.end_map();
    return writer.finish();
}

Decoded read_entry(const Entry& entry, const Limits& limits, Arena& arena) {
    const auto value = [&](std::string_view name) -> const std::string* {
        const auto found = std::ranges::find(entry, name, &Entry::value_type::first);
        return found == entry.end() ? nullptr : &found->second;
    };
    const std::string* const uid = value("uid");
    const std::string* const nsp = value("nsp");
    const std::string* const type = value("type");
    const std::string* const data = value("data");
    if (!uid || !nsp || !type) return Refused(Refusal::malformed);
    if (data && data->size() > limits.message_bytes_max) return Refused(Refusal::too_large);
    Message message;
    const Json sender(*uid);
    const Json name(*nsp);
    if (const auto fault = read_sender(&sender, &name, limits, message)) return Refused(*fault);
    uint64_t number = 0;
    const char* const end = type->data() + type->size();
    const auto read = std::from_chars(type->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return Refused(Refusal::malformed);

    SocketList sockets;
    std::optional<Json> json;
    std::string bytes;
    if (data && (data->starts_with('{') || base::base64_decode(*data, bytes)))
        json = read_body(data->starts_with('{') ? *data : bytes, SocketsAt::message, limits, arena,
                         sockets);
    if (data && !data->empty() && !json) return Refused(Refusal::malformed);
    if (const auto fault = read_data(number, json ? &*json : nullptr, limits, sockets, message))
        return Refused(*fault);
    return message;
}

bool write_entry(const Message& message, Entry& out) {
    out.clear();
    const auto type = type_of(message.kind);
    if (!type) return false;
    out.emplace_back("uid", message.uid);
    out.emplace_back("nsp", message.nsp);
    out.emplace_back("type", std::to_string(*type));
    if (!has_data(message.kind)) return true;
    const bool bytes = holds_bytes(message);
    std::string text;
    Writer writer(text, bytes ? Format::msgpack : Format::json);
    write_data(writer, message);
    const bool good = writer.finish();
    if (!bytes) {
        out.emplace_back("data", std::move(text));
    } else {
        std::string encoded;
        base::base64_append(encoded, text);
        out.emplace_back("data", std::move(encoded));
    }
    return good;
}

bool is_ephemeral(Kind kind, bool has_request_id) noexcept {
    return kind == Kind::ask || kind == Kind::fetch || kind == Kind::server_event ||
           kind >= Kind::fetched || (kind == Kind::emit && has_request_id);
}

base::Result<Session, Refusal> read_session(std::string_view value, const Limits& limits,
                                            Arena& arena) {
    if (value.size() > limits.message_bytes_max) return Refused(Refusal::too_large);
    std::string bytes;
    if (!base::base64_decode(value, bytes)) return Refused(Refusal::malformed);
    auto json =
        socketio::read_msgpack_value(base::bytes_of(bytes), arena, socketio::MsgpackFrom::node);
    if (!json || !json->is_object()) return Refused(Refusal::malformed);
    Session session;
    auto sid = short_text(field(*json, "sid"), socketio::room_bytes_max);
    auto pid = short_text(field(*json, "pid"), socketio::room_bytes_max);
    if (!sid || !pid) return Refused(Refusal::malformed);
    session.sid = std::move(*sid);
    session.pid = std::move(*pid);
    if (const auto fault = read_changed_rooms(field(*json, "rooms"), limits, session.rooms))
        return Refused(*fault);
    if (const Json* data = field(*json, "data")) session.data = sio::detail::own(*data);
    for (const auto& [name, bytes_max, member] :
         {std::tuple{"nsp", socketio::DecodeLimits{}.nsp_bytes_max, &Session::nsp},
          {"user", user_bytes_max, &Session::user},
          {"begin", begin_bytes_max, &Session::begin}}) {
        const Json* const found = field(*json, name);
        if (!found) continue;
        auto text = short_text(found, bytes_max);
        if (!text) return Refused(Refusal::malformed);
        session.*member = std::move(*text);
    }
    return session;
}

bool write_session(const Session& session, std::string& out) {
    std::string bytes;
    Writer writer(bytes, Format::msgpack);
    writer.map(4 + size_t{!session.nsp.empty()} + size_t{!session.user.empty()} +
               size_t{!session.begin.empty()});
    writer.key("sid");
    writer.text(session.sid);
    writer.key("pid");
    writer.text(session.pid);
    writer.key("rooms");
    write_rooms(writer, session.rooms);
    writer.key("data");
    writer.value(session.data);
    if (!session.nsp.empty()) {
        writer.key("nsp");
        writer.text(session.nsp);
    }
    if (!session.user.empty()) {
        writer.key("user");
        writer.text(session.user);
    }
    if (!session.begin.empty()) {
        writer.key("begin");
        writer.text(session.begin);
    }
    const bool good = writer.finish();
    out.clear();
    base::base64_append(out, bytes);
    return good;
}

bool is_for(const std::vector<std::string>& rooms, const Target& target) noexcept {
    const auto in = [&](const std::vector<std::string>& list) {
        return std::ranges::any_of(
            rooms, [&](const auto& room) { return std::ranges::find(list, room) != list.end(); });
    };
    return (target.rooms.empty() || in(target.rooms)) && !in(target.except);
}

}  // namespace starling::cluster
