#include "socketio/client/socket.h"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <utility>

#include "engineio/client_request.h"
#include "socketio/client/manager.h"
#include "socketio/codec/values.h"

namespace starling::socketio::client {
namespace {

// `auth` for servers of protocol 4, as query of the namespace: "token=abc&n=1".
std::string query_of(const Json& auth) {
    std::string query;
    if (const auto* object = auth.if_object()) {
        for (const auto& member : *object) {
            const auto* text = member.value().if_string();
            Encoder encoder;
            encoder.begin(Type::connect_error, "/");
            encoder.value(member.value());
            if (!encoder.finish()) continue;
            const std::string value = text ? std::string(text->data(), text->size())
                                           : std::string(encoder.text().substr(2));
            engineio::append_query_field(query, {member.key().data(), member.key().size()}, value);
        }
    }
    return query;
}

std::string text_member(const Json& data, std::string_view name) {
    const auto* object = data.if_object();
    const Json* member = object ? object->if_contains(name) : nullptr;
    const auto* text = member ? member->if_string() : nullptr;
    return text ? std::string(text->data(), text->size()) : std::string();
}

}  // namespace

Socket::Socket(Manager& manager, std::string nsp, SocketOptions options, SocketEvents& events)
    : manager_(manager), events_(events), nsp_(std::move(nsp)), options_(std::move(options)) {}

void Socket::report(std::string_view name, Arguments args) { events_.on_own_event(name, args); }

// ---- Connecting ---------------------------------------------------------------------------------

void Socket::connect() {
    if (connected_ || (active_ && is_asking())) return;
    active_ = true;
    if (!manager_.reconnecting()) manager_.open();
    if (manager_.state() == Manager::State::open) manager_opened();
    report("connecting");
}

void Socket::manager_opened() {
    // The answer to an earlier CONNECT packet, from before disconnect(), serves this connect() too.
    if (is_asking()) return;
    entry_ = entry_ == Entry::entered ? Entry::asked_again : Entry::asked;
    // Servers of protocol 4 put every client into the namespace "/" by themselves.
    if (manager_.is_eio3() && nsp_ == "/") return;
    if (options_.auth) return ask_for_auth();
    send_connect(Json());
}

// A reply of an earlier connection, or after disconnect(), comes too late.
void Socket::ask_for_auth() {
    auth_due_ = true;
    options_.auth([weak = weak_from_this(), number = ++auth_asked_](const Json& auth) {
        const auto socket = weak.lock();
        if (!socket || number != socket->auth_asked_) return;
        if (std::exchange(socket->auth_due_, false)) socket->send_connect(auth);
    });
}

void Socket::send_connect(const Json& auth) {
    forget_early();
    Json data = sio::detail::own(auth);
    std::string nsp = nsp_;
    if (manager_.is_eio3()) {
        const std::string query = query_of(data);
        if (!query.empty()) nsp.append(1, '?').append(query);
        data = nullptr;
    } else if (!pid_.empty()) {
        boost::json::object whole;
        whole["pid"] = pid_;
        if (!offset_.empty()) whole["offset"] = offset_;
        if (const auto* members = data.if_object())
            for (const auto& member : *members) whole[member.key()] = member.value();
        data = std::move(whole);
    }
    Encoder& encoder = manager_.encoder_;
    encoder.begin(Type::connect, nsp);
    if (!data.is_null()) encoder.value(data);
    if (encoder.finish()) manager_.send(encoder, true);
}

void Socket::disconnect() {
    const bool was_connected = connected_;
    if (was_connected) leave();
    active_ = false;
    if (std::exchange(auth_due_, false))
        entry_ = entry_ == Entry::asked_again ? Entry::entered : Entry::none;
    manager_.left(*this);
    if (connected_) closed("io client disconnect", nullptr);
}

void Socket::leave() {
    Encoder& encoder = manager_.encoder_;
    encoder.begin(Type::disconnect, nsp_);
    if (encoder.finish()) manager_.send(encoder, true);
}

// The callbacks may own the last handle of this socket.
void Socket::drop() {
    const auto self = shared_from_this();
    const auto acks = std::exchange(acks_, {});
    const auto queue = std::exchange(queue_, {});
    buffer_.clear();
    id_.clear();
    connected_ = active_ = auth_due_ = false;
}

// ---- What the manager reports -------------------------------------------------------------------

void Socket::manager_failed(const Json& error) {
    if (!connected_) report("connect_error", {&error, 1});
}

void Socket::manager_closed(std::string_view reason, const Json& details) {
    closed(reason, details);
}

void Socket::closed(std::string_view reason, const Json& details) {
    connected_ = false;
    id_.clear();
    const Json args[] = {Json(reason), details};
    report("disconnect", args);
    clear_acks();
}

// ---- Packets ------------------------------------------------------------------------------------

bool Socket::take(const Packet& packet, uint64_t bytes) {
    if (!active_) {
        // disconnect() came before the answer: the server's socket must not stay.
        if (packet.type == Type::connect && is_asking()) {
            entry_ = Entry::entered;
            leave();
        } else if (packet.type == Type::connect_error) {
            entry_ = Entry::none;
        }
        return true;
    }
    switch (packet.type) {
        case Type::connect: take_connect(packet); return true;
        case Type::event:
        case Type::binary_event: return take_event(packet, bytes);
        case Type::ack:
        case Type::binary_ack: take_ack(packet); return true;
        case Type::disconnect:
            if (!connected_) return true;
            active_ = false;
            manager_.left(*this);
            closed("io server disconnect", nullptr);
            return true;
        case Type::connect_error: take_connect_error(packet); return true;
    }
    return true;
}

// A server of protocol 5 sends its sid.
void Socket::take_connect(const Packet& packet) {
    if (connected_) return;
    if (manager_.is_eio3() || !text_member(packet.data, "sid").empty()) return enter(packet.data);
    boost::json::object error;
    error["message"] = "the server speaks Socket.IO 2: choose revision 3 of Engine.IO";
    const Json whole(std::move(error));
    report("connect_error", {&whole, 1});
}

void Socket::enter(const Json& data) {
    const std::string pid = text_member(data, "pid");
    recovered_ = !pid.empty() && pid == pid_;
    // An offset belongs to a session. Node's client keeps the old one.
    if (pid != pid_) offset_.clear();
    pid_ = pid;
    if (manager_.is_eio3())
        id_ = (nsp_ == "/" ? std::string() : nsp_ + "#") + manager_.session()->sid();
    else
        id_ = text_member(data, "sid");
    entry_ = Entry::entered;
    connected_ = true;
    const uint32_t session = ++session_;
    const std::deque<Early> missed = std::exchange(early_, {});
    forget_early();
    for (const Early& one : recovered_ ? missed : std::deque<Early>())
        if (connected_ && session == session_) deliver({one.args.data(), one.args.size()}, one.id);
    if (session != session_) return;
    send_buffered();
    drain_queue();
    if (connected_ && session == session_) report("connect");
}

// Between disconnect() and the answer to the next CONNECT, events of the left session arrive. Node's
// client keeps them for the next session. Node's server sends what a recovered session has missed in
// front of its answer.
bool Socket::take_event(const Packet& packet, uint64_t bytes) {
    const auto* args = packet.data.if_array();
    if (!connected_) {
        if (entry_ != Entry::asked) return true;
        if (pid_.empty() || !args || early_.size() >= options_.buffered_events_max) return false;
        if (bytes > options_.early_bytes_max - early_bytes_) return false;
        early_bytes_ += bytes;
        early_.push_back({boost::json::array(*args, boost::json::storage_ptr()), packet.id});
        return true;
    }
    if (args) deliver({args->data(), args->size()}, packet.id);
    return true;
}

void Socket::forget_early() noexcept {
    early_.clear();
    early_bytes_ = 0;
}

void Socket::deliver(Arguments view, std::optional<uint64_t> id) {
    // Before the listeners: the next CONNECT packet, also that of a listener, must not ask for this
    // event again.
    const auto* last = view.back().if_string();
    if (!pid_.empty() && last) offset_.assign(last->data(), last->size());
    events_.on_event(view, id ? Reply(shared_from_this(), *id) : Reply());
}

void Socket::take_ack(const Packet& packet) {
    if (!packet.id) return;
    const auto* args = packet.data.if_array();
    settle_ack(*packet.id, AckResult::answered,
               args ? Arguments(args->data(), args->size()) : Arguments());
}

void Socket::take_connect_error(const Packet& packet) {
    entry_ = Entry::none;
    active_ = false;
    Json error = sio::detail::own(packet.data);
    if (!error.is_object()) {
        boost::json::object object;
        object["message"] = error;
        error = std::move(object);
    }
    manager_.left(*this);
    report("connect_error", {&error, 1});
    report("error", {&error, 1});
}

// ---- Answers ------------------------------------------------------------------------------------

Reply::Reply(const std::shared_ptr<Socket>& socket, uint64_t id)
    : state_(std::make_shared<State>(State{socket, id, socket->session_})) {}

void Reply::operator()(std::span<const sio::Value> values) const {
    if (!state_ || std::exchange(state_->sent, true)) return;
    if (const auto socket = state_->socket.lock())
        socket->answer(state_->id, state_->session, values);
}

void Socket::answer(uint64_t id, uint32_t session, std::span<const sio::Value> values) {
    if (!connected_ || session != session_) return;
    Encoder& encoder = manager_.encoder_;
    encoder.begin(Type::ack, nsp_, id);
    write_values(encoder, values);
    if (encoder.finish()) manager_.send_event(encoder, true);
}

}  // namespace starling::socketio::client
