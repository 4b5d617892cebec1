// The methods of sio::Socket, Emitter and Ack: on the socket's own thread a direct call, from
// elsewhere a posted one.
#include <starling/socketio.h>

#include <stdexcept>
#include <utility>

#include "socketio/broadcast_target.h"
#include "socketio/codec/values.h"
#include "socketio/connection.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

namespace starling::sio {
namespace {

base::SlotKey slot_key(uint64_t key) noexcept { return {uint32_t(key >> 32), uint32_t(key)}; }

constexpr size_t small_bytes = 64;  // Of a call that carries nothing.

}  // namespace

socketio::Socket* Socket::here() const {
    return server_ && server_->runtime().here() ? server_->find(slot_key(key_)) : nullptr;
}

// `call` works on the socket now, or on its own thread.
template <class F>
void Socket::run(F&& call) const {
    if (!server_) return;
    if (!server_->runtime().here())
        return server_->post_to(slot_key(key_), std::forward<F>(call), small_bytes);
    const socketio::Server::CallScope entry(*server_);
    if (auto* socket = here()) call(*socket);
}

std::string Socket::id() const {
    const auto* mine = here();
    return mine ? mine->id() : std::string();
}

bool Socket::connected() const {
    if (!server_) return false;
    if (!server_->runtime().here()) return server_->alive(slot_key(key_));
    const auto* mine = here();
    return mine && mine->state() == socketio::Socket::State::connected;
}

// ---- sending --------------------------------------------------------------------------------------

void Socket::emit_values(std::string_view name, std::span<const Value> values) const {
    emit_flagged(name, values, {}, nullptr);
}

void Socket::ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const {
    emit_flagged(name, values, {}, std::move(done));
}

void Socket::emit_flagged(std::string_view name, std::span<const Value> values,
                          const socketio::Flags& flags, OnAnswer done) const {
    if (auto* mine = here()) {
        const socketio::Server::CallScope entry(*server_);
        return mine->emit(name, values, flags, std::move(done));
    }
    if (!connected()) {
        if (done) done({.status = Answer::Status::disconnected});
        return;
    }
    // What cannot be sent is said to the caller, not to a log elsewhere.
    socketio::Encoder encoder(server_->settings().codec);
    socketio::encode_event(encoder, server_->settings().codec, "/", name, values);
    auto args = std::make_shared<const boost::json::array>(socketio::to_array(values));
    server_->post_to(
        slot_key(key_),
        [name = std::string(name), args, flags, done](socketio::Socket& socket) {
            socket.emit(name, socketio::to_values(*args), flags, done);
        },
        small_bytes + socketio::size_of(values),
        [done] {
            if (done) done({.status = Answer::Status::disconnected});
        });
}

void Ack::send(std::span<const Value> values) const {
    if (!wanted_) return;
    if (sink_) return (*sink_)(socketio::to_array(values));
    if (auto* mine = socket_.here()) {
        const socketio::Server::CallScope entry(mine->server());
        return mine->ack(id_, values);
    }
    if (!socket_.server_) return;
    auto args = std::make_shared<const boost::json::array>(socketio::to_array(values));
    socket_.server_->post_to(
        slot_key(socket_.key_),
        [id = id_, args](socketio::Socket& socket) { socket.ack(id, socketio::to_values(*args)); },
        small_bytes + socketio::size_of(values));
}

Emitter Socket::volatile_() const { return Emitter(*this).volatile_(); }
Emitter Socket::compress(bool on) const { return Emitter(*this).compress(on); }
Emitter Socket::timeout(std::chrono::milliseconds ack_timeout) const {
    return Emitter(*this).timeout(ack_timeout);
}

Emitter Emitter::volatile_() const {
    Emitter copy = *this;
    copy.volatile_flag_ = true;
    return copy;
}
Emitter Emitter::compress(bool on) const {
    Emitter copy = *this;
    copy.compress_flag_ = on;
    return copy;
}
Emitter Emitter::timeout(std::chrono::milliseconds ack_timeout) const {
    Emitter copy = *this;
    copy.timeout_ = ack_timeout;
    return copy;
}
void Emitter::emit_values(std::string_view name, std::span<const Value> values) const {
    ask_values(name, values, nullptr);
}
void Emitter::ask_values(std::string_view name, std::span<const Value> values,
                         OnAnswer done) const {
    socket_.emit_flagged(name, values,
                         {.volatile_packet = volatile_flag_,
                          .compress = compress_flag_,
                          .timeout_ms = uint64_t(timeout_.count())},
                         std::move(done));
}

// ---- to others ------------------------------------------------------------------------------------

Broadcast Socket::broadcast() const {
    Broadcast::Target all;
    if (const auto* mine = here()) {
        auto& nsp = mine->nsp();
        all = {&nsp.setup().adapter, &nsp.setup(), nsp.name(), {}};
        all.who.except.push_back(mine->id());
    }
    return Broadcast(std::make_shared<const Broadcast::Target>(std::move(all)));
}

Broadcast Socket::to(std::string_view room) const { return broadcast().to(room); }
Broadcast Socket::to(std::vector<std::string> rooms) const {
    return broadcast().to(std::move(rooms));
}
Broadcast Socket::except(std::string_view room) const { return broadcast().except(room); }
Broadcast Socket::local() const { return broadcast().local(); }

// ---- rooms, the end -------------------------------------------------------------------------------

void Socket::join(std::string_view room) const {
    if (room.empty() || room.size() > socketio::room_bytes_max) return;
    if (auto* mine = here()) return mine->join(room);
    run([name = std::string(room)](socketio::Socket& socket) { socket.join(name); });
}

void Socket::leave(std::string_view room) const {
    if (auto* mine = here()) return mine->leave(room);
    run([name = std::string(room)](socketio::Socket& socket) { socket.leave(name); });
}

std::vector<std::string> Socket::rooms() const {
    const auto* mine = here();
    return mine ? mine->rooms() : std::vector<std::string>();
}

void Socket::disconnect(bool close) const {
    run([close](socketio::Socket& socket) { socket.disconnect(close); });
}

// ---- listeners ------------------------------------------------------------------------------------

void Socket::add_listener(std::string_view name, detail::Listener listener, bool once) const {
    if (auto* mine = here())
        mine->listeners().add(server_->names().of(name), std::move(listener), once);
}

void Socket::off(std::string_view name) const {
    auto* mine = here();
    const uint32_t number = mine ? server_->names().find(name) : socketio::Names::none;
    if (number != socketio::Names::none) mine->listeners().remove(number);
}

void Socket::off() const {
    if (auto* mine = here()) mine->listeners().clear();
}

void Socket::on_any(Any call) const {
    if (auto* mine = here()) mine->on_any(std::move(call), false);
}
void Socket::prepend_any(Any call) const {
    if (auto* mine = here()) mine->on_any(std::move(call), true);
}
void Socket::off_any() const {
    if (auto* mine = here()) mine->off_any();
}
void Socket::on_any_outgoing(Any call) const {
    if (auto* mine = here()) mine->on_any_outgoing(std::move(call));
}
void Socket::off_any_outgoing() const {
    if (auto* mine = here()) mine->off_any_outgoing();
}
void Socket::use(PacketMiddleware guard) const {
    if (auto* mine = here()) mine->use(std::move(guard));
}

// ---- about it -------------------------------------------------------------------------------------

Handshake Socket::handshake() const {
    const auto* mine = here();
    return mine ? mine->handshake() : Handshake{};
}
bool Socket::recovered() const {
    const auto* mine = here();
    return mine && mine->recovered();
}
std::string Socket::nsp() const {
    const auto* mine = here();
    return mine ? mine->nsp().name() : std::string();
}
std::string Socket::user() const {
    const auto* mine = here();
    return mine ? std::string(mine->user()) : std::string();
}
std::string Socket::transport() const {
    const auto* mine = here();
    return mine ? std::string(mine->connection().transport().name()) : std::string();
}

Json& Socket::data() const {
    auto* mine = here();
    if (!mine) throw std::logic_error("data: the socket is gone, or another thread's");
    return mine->data();
}
void Socket::set_object(std::shared_ptr<void> object, const void* tag) const {
    auto* mine = here();
    if (!mine) throw std::logic_error("emplace_data: the socket is gone, or another thread's");
    mine->set_object(std::move(object), tag);
}
void* Socket::get_object(const void* tag) const {
    const auto* mine = here();
    return mine ? mine->object(tag) : nullptr;
}

}  // namespace starling::sio
