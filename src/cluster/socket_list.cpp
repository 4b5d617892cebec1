#include "cluster/socket_list.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse_options.hpp>

#include "cluster/decoding.h"
#include "cluster/socket_list_builder.h"
#include "socketio/codec/json_events.h"
#include "socketio/codec/msgpack_events.h"

namespace starling::cluster {
namespace {

// A socket with its handshake is longer than this, as a rule.
constexpr size_t socket_bytes = 256;
// Room for so many headers is made before they are read.
constexpr size_t pairs_guess_max = 16;
constexpr uint64_t year_9999_end_ms = 253'402'300'799'999;

std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }
boost::json::string_view boost_view(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

SocketListBuilder::SocketListBuilder(boost::json::value_stack& message, Arena& arena,
                                     SocketsAt where, const Limits& limits, size_t message_bytes,
                                     SocketList& list)
    : limits_(limits),
      where_(where),
      message_bytes_(message_bytes),
      list_(list),
      message_stack_(message),
      message_(message, arena.draws()),
      value_(value_stack_, arena.draws()) {}

Json SocketListBuilder::release() {
    Json value = message_stack_.release();
    if (message_.fills()) base::drop_fillers(value);
    return value;
}

bool SocketListBuilder::on_document_begin(Error& error) {
    at_ = At::message;
    depth_ = 0;
    in_data_ = is_sockets_ = false;
    key_.clear();
    text_.clear();
    list_ = {};
    return message_.on_document_begin(error);
}

base::JsonBuilder* SocketListBuilder::target() noexcept {
    // The first item is no socket.
    if (at_ == At::list_begin) at_ = At::message;
    if (at_ == At::message) return &message_;
    return at_ == At::value ? &value_ : nullptr;
}

// ---- arrays and objects -------------------------------------------------------------------------

void SocketListBuilder::begin(bool object, Error& error) {
    switch (at_) {
        case At::list_begin:
            if (object) return begin_socket();
            [[fallthrough]];
        case At::message:
            ++depth_;
            at_ = std::exchange(is_sockets_, false) && !object ? At::list_begin : At::message;
            if (at_ == At::list_begin) list_ = {};
            object ? message_.on_object_begin(error) : message_.on_array_begin(error);
            return;
        case At::list:
            if (object) return begin_socket();
            item_is_no_socket();
            return begin_skipped();
        case At::socket:
        case At::handshake: return begin_member(object, error);
        case At::rooms: room(Json()); return begin_skipped();
        case At::pairs:
            if (!object) {
                at_ = At::pair_items;
                return;
            }
            [[fallthrough]];
        case At::pair_items: static_cast<void>(take_item()); return begin_skipped();
        case At::value:
            ++inner_depth_;
            object ? value_.on_object_begin(error) : value_.on_array_begin(error);
            return;
        case At::skipped: ++inner_depth_; return;
    }
}

void SocketListBuilder::begin_member(bool object, Error& error) {
    switch (field_) {
        case Field::data:
        case Field::auth: return begin_value(object, error);
        case Field::rooms:
            if (!object) {
                at_ = At::rooms;
                return;
            }
            rooms_fault_ = Refusal::malformed;
            break;
        case Field::handshake:
            if (!object) break;
            at_ = At::handshake;
            field_ = Field::none;
            next_field_ = 0;
            return;
        case Field::headers:
            if (object) return begin_pairs(socket().handshake.headers);
            break;
        case Field::query:
            if (object) return begin_pairs(socket().handshake.query);
            break;
        case Field::xdomain: socket().handshake.xdomain = true; break;
        case Field::secure: socket().handshake.secure = true; break;
        default: break;
    }
    begin_skipped();
}

void SocketListBuilder::begin_value(bool object, Error& error) {
    after_ = at_;
    at_ = At::value;
    inner_depth_ = 1;
    value_stack_.reset();
    value_.on_document_begin(error);
    object ? value_.on_object_begin(error) : value_.on_array_begin(error);
}

void SocketListBuilder::begin_pairs(Pairs& pairs) {
    at_ = At::pairs;
    pairs_ = &pairs;
    // The clients of an application have the same headers.
    pairs.reserve(std::min(field_ == Field::headers ? headers_ : query_, pairs_guess_max));
}

void SocketListBuilder::begin_socket() {
    if (at_ == At::list_begin) {
        items_ = 0;
        list_.sockets.reserve(
            std::min(message_bytes_ / socket_bytes + 1, limits_.answer_items_max));
    }
    at_ = At::list;
    if (list_.fault) return begin_skipped();
    is_over_ = false;
    if (!take_item()) {
        list_.fault = Refusal::too_large;
        return begin_skipped();
    }
    at_ = At::socket;
    field_ = Field::none;
    has_handshake_ = false;
    rooms_fault_ = std::nullopt;
    list_.sockets.emplace_back();
}

void SocketListBuilder::begin_skipped() {
    after_ = at_;
    at_ = At::skipped;
    inner_depth_ = 1;
}

void SocketListBuilder::end(bool object, size_t count, Error& error) {
    switch (at_) {
        case At::message:
            --depth_;
            object ? message_.on_object_end(count, error) : message_.on_array_end(count, error);
            return;
        case At::list_begin:
        case At::list: return end_list(error);
        case At::socket: return end_socket();
        case At::rooms:
        case At::handshake: at_ = At::socket; return;
        case At::pairs:
            at_ = At::handshake;
            (field_ == Field::headers ? headers_ : query_) = pairs_->size();
            return;
        case At::pair_items: at_ = At::pairs; return;
        case At::value:
            object ? value_.on_object_end(count, error) : value_.on_array_end(count, error);
            if (--inner_depth_ == 0) end_value();
            return;
        case At::skipped:
            if (--inner_depth_ == 0) at_ = after_;
            return;
    }
}

void SocketListBuilder::end_list(Error& error) {
    at_ = At::message;
    --depth_;
    message_.on_array_end(0, error);
}

void SocketListBuilder::end_socket() {
    at_ = At::list;
    if (socket().id.empty())
        list_.fault = Refusal::malformed;
    else if (is_over_)
        list_.fault = Refusal::too_large;
    else
        list_.fault = rooms_fault_;
}

void SocketListBuilder::end_value() {
    at_ = after_;
    Json value = value_stack_.release();
    if (value_.fills()) base::drop_fillers(value);
    (field_ == Field::data ? socket().data : socket().handshake.auth) = std::move(value);
}

// ---- names --------------------------------------------------------------------------------------

bool SocketListBuilder::on_key_part(View part, size_t size, Error& error) {
    if (base::JsonBuilder* const json = target()) json->on_key_part(part, size, error);
    key_.append(part.data(), part.size());
    return true;
}

bool SocketListBuilder::on_key(View part, size_t size, Error& error) {
    if (base::JsonBuilder* const json = target()) json->on_key(part, size, error);
    if (key_.empty()) {
        key(view(part));
    } else {
        key_.append(part.data(), part.size());
        key(key_);
        key_.clear();
    }
    return true;
}

void SocketListBuilder::key(std::string_view name) {
    switch (at_) {
        case At::message:
            is_sockets_ = name == "sockets" &&
                          (where_ == SocketsAt::message ? depth_ == 1 : depth_ == 2 && in_data_);
            if (depth_ == 1) in_data_ = name == "data";
            return;
        case At::socket: return socket_key(name);
        case At::handshake: return handshake_key(name);
        case At::pairs: name_ = name; return;
        default: return;
    }
}

// If the name is there again, only what follows it counts.
void SocketListBuilder::socket_key(std::string_view name) {
    field_ = Field::none;
    if (name == "id") {
        field_ = Field::id;
        socket().id.clear();
    } else if (name == "rooms") {
        field_ = Field::rooms;
        socket().rooms.clear();
        rooms_fault_ = std::nullopt;
    } else if (name == "data") {
        field_ = Field::data;
        socket().data = nullptr;
    } else if (name == "handshake") {
        field_ = Field::handshake;
        if (std::exchange(has_handshake_, true)) socket().handshake = {};
    }
}

void SocketListBuilder::handshake_key(std::string_view name) {
    // In the order in which nodes write them, so that mostly the next one is it.
    static constexpr std::array<std::pair<std::string_view, Field>, 10> fields{{
        {"headers", Field::headers},
        {"time", Field::none},
        {"address", Field::address},
        {"xdomain", Field::xdomain},
        {"secure", Field::secure},
        {"issued", Field::issued},
        {"url", Field::url},
        {"query", Field::query},
        {"auth", Field::auth},
        {"user", Field::user},
    }};
    if (next_field_ >= fields.size() || fields[next_field_].first != name) {
        const auto* const found =
            std::ranges::find(fields, name, &std::pair<std::string_view, Field>::first);
        next_field_ = static_cast<size_t>(found - fields.begin());
    }
    field_ = next_field_ < fields.size() ? fields[next_field_].second : Field::none;
    ++next_field_;
    sio::Handshake& to = socket().handshake;
    switch (field_) {
        case Field::headers: to.headers.clear(); return;
        case Field::query: to.query.clear(); return;
        case Field::url: to.url.clear(); return;
        case Field::address: to.address.clear(); return;
        case Field::user: to.user.clear(); return;
        case Field::xdomain: to.xdomain = false; return;
        case Field::secure: to.secure = false; return;
        case Field::issued: to.issued_ms = 0; return;
        case Field::auth: to.auth = nullptr; return;
        default: return;
    }
}

// ---- other values -------------------------------------------------------------------------------

bool SocketListBuilder::on_string_part(View part, size_t size, Error& error) {
    if (base::JsonBuilder* const json = target()) return json->on_string_part(part, size, error);
    text_.append(part.data(), part.size());
    return true;
}

bool SocketListBuilder::on_string(View part, size_t size, Error& error) {
    if (base::JsonBuilder* const json = target()) return json->on_string(part, size, error);
    if (text_.empty()) return text(view(part)), true;
    text_.append(part.data(), part.size());
    text(text_);
    text_.clear();
    return true;
}

bool SocketListBuilder::on_int64(int64_t number, View text, Error& error) {
    if (base::JsonBuilder* const json = target()) return json->on_int64(number, text, error);
    return scalar(Json(number)), true;
}

bool SocketListBuilder::on_uint64(uint64_t number, View text, Error& error) {
    if (base::JsonBuilder* const json = target()) return json->on_uint64(number, text, error);
    return scalar(Json(number)), true;
}

bool SocketListBuilder::on_double(double number, View text, Error& error) {
    if (base::JsonBuilder* const json = target()) return json->on_double(number, text, error);
    value_stack_.reset();
    value_.on_double(number, text, error);
    return scalar(value_stack_.release()), true;
}

bool SocketListBuilder::on_bool(bool flag, Error& error) {
    if (base::JsonBuilder* const json = target()) return json->on_bool(flag, error);
    return scalar(Json(flag)), true;
}

bool SocketListBuilder::on_null(Error& error) {
    if (base::JsonBuilder* const json = target()) return json->on_null(error);
    return scalar(Json()), true;
}

void SocketListBuilder::text(std::string_view text) {
    switch (at_) {
        case At::list: return item_is_no_socket();
        case At::rooms:
            if (take_item()) socket().rooms.emplace_back(text);
            return;
        case At::pairs:
        case At::pair_items:
            if (take_item()) pairs_->emplace_back(name_, text);
            return;
        case At::socket:
        case At::handshake: break;
        default: return;
    }
    sio::Handshake& handshake = socket().handshake;
    switch (field_) {
        case Field::id:
            if (text.size() <= socketio::room_bytes_max) socket().id = text;
            return;
        case Field::rooms: rooms_fault_ = Refusal::malformed; return;
        case Field::data: socket().data = boost_view(text); return;
        case Field::url: handshake.url = text; return;
        case Field::address: handshake.address = text; return;
        case Field::user: handshake.user = text; return;
        case Field::xdomain: handshake.xdomain = !text.empty(); return;
        case Field::secure: handshake.secure = !text.empty(); return;
        case Field::auth: handshake.auth = boost_view(text); return;
        default: return;
    }
}

// null, true, false, or a number.
void SocketListBuilder::scalar(const Json& value) {
    switch (at_) {
        case At::list: return item_is_no_socket();
        case At::rooms: return room(value);
        case At::pairs:
        case At::pair_items: static_cast<void>(take_item()); return;
        case At::socket:
        case At::handshake: break;
        default: return;
    }
    sio::Handshake& handshake = socket().handshake;
    switch (field_) {
        case Field::rooms:
            if (!value.is_null()) rooms_fault_ = Refusal::malformed;
            return;
        case Field::data: socket().data = value; return;
        case Field::xdomain: handshake.xdomain = !value.is_null() && truthy(&value); return;
        case Field::secure: handshake.secure = !value.is_null() && truthy(&value); return;
        case Field::issued:
            handshake.issued_ms =
                static_cast<int64_t>(std::min(whole_number(&value).value_or(0), year_9999_end_ms));
            return;
        case Field::auth: handshake.auth = value; return;
        default: return;
    }
}

void SocketListBuilder::room(const Json& value) {
    if (!take_item()) return;
    auto name = room_name(value);
    if (name)
        socket().rooms.push_back(std::move(*name));
    else
        rooms_fault_ = Refusal::malformed;
}

void SocketListBuilder::item_is_no_socket() {
    if (!list_.fault) list_.fault = take_item() ? Refusal::malformed : Refusal::too_large;
}

bool SocketListBuilder::take_item() noexcept {
    if (items_ >= limits_.answer_items_max) is_over_ = true;
    items_ += is_over_ ? 0 : 1;
    return !is_over_;
}

// ---- the whole message --------------------------------------------------------------------------

std::optional<Json> read_body(std::string_view body, SocketsAt where, const Limits& limits,
                              Arena& arena, SocketList& list) {
    // Few messages have sockets, and a second parser costs more than a glance. An escape may stand
    // for a letter of the name.
    const bool is_json = body.starts_with('{');
    if (body.find("sockets") == std::string_view::npos &&
        !(is_json && body.find("\\u") != std::string_view::npos))
        return read_body(body, arena);
    arena.clear();
    boost::json::value_stack& stack = arena.stack(body.size());
    SocketListBuilder builder(stack, arena, where, limits, body.size(), list);
    if (!is_json) {
        using Reader = socketio::MsgpackReader<SocketListBuilder>;
        Reader reader(body, arena.limits().depth_max, socketio::MsgpackFrom::node, builder);
        if (!reader.read()) return std::nullopt;
        return builder.release();
    }
    boost::json::parse_options options;
    options.max_depth = arena.limits().depth_max;
    boost::json::basic_parser<SocketListBuilder> parser(options, stack, arena, where, limits,
                                                        body.size(), list);
    const bool is_valid = socketio::accept_json(body, [&](std::string_view attempt) {
        static_cast<void>(arena.stack(attempt.size()));
        parser.reset();
        boost::json::error_code error;
        return parser.write_some(false, attempt.data(), attempt.size(), error) == attempt.size() &&
               !error;
    });
    if (!is_valid) return std::nullopt;
    return parser.handler().release();
}

Fault take_sockets(const Json* value, SocketList& list, std::vector<RemoteSocket>& sockets) {
    const auto* const items = value ? value->if_array() : nullptr;
    // A list with items here has a first one that is no socket.
    if (!items || !items->empty()) return Refusal::malformed;
    if (list.fault) return list.fault;
    sockets = std::move(list.sockets);
    return std::nullopt;
}

}  // namespace starling::cluster
