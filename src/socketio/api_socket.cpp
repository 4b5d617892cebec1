// The methods of sio::Socket, Emitter and Ack: on the socket's own thread a direct call, from
// another thread a posted call.
#include <starling/socketio.h>
#include <starling/socketio_limits.h>

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

using Use = base::Lifetime<socketio::Server>::Use;

constexpr size_t small_bytes = 64;  // Counted for a call without values.

}  // namespace

socketio::Socket* Socket::here() const {
    socketio::Server* const server = server_ ? server_->own() : nullptr;
    return server ? server->find(base::unpack(key_)) : nullptr;
}

// The socket, for calls that only its own thread may make. Null if the socket is gone.
socketio::Socket* Socket::own(const char* what) const {
    if (server_ && !server_->here() && server_->is_open())
        throw std::logic_error(std::string(what) + ": the socket belongs to another thread");
    return here();
}

// Calls `call` with the socket: at once on the socket's own thread, else posted to that thread.
template <class F>
void Socket::run(F&& call) const {
    if (!server_) return;
    if (socketio::Server* const own = server_->own()) {
        const socketio::Server::CallScope entry(*own);
        if (auto* socket = own->find(base::unpack(key_))) call(*socket);
        return;
    }
    const Use server(server_);
    if (server) server->post_to(base::unpack(key_), std::forward<F>(call), small_bytes);
}

// Reads members that do not change while the socket lives. Any thread.
template <class F>
auto Socket::read(F&& call) const -> decltype(call(std::declval<const socketio::Socket&>())) {
    if (const auto* mine = here()) return call(*mine);
    if (!server_ || server_->here()) return {};
    const Use server(server_);
    if (!server) return {};
    const auto lock = server_->lock();
    // A socket leaves the table under this lock.
    const auto* socket = server->sockets().find(base::unpack(key_));
    if (!socket) return {};
    return call(*socket);
}

std::string Socket::id() const {
    return read([](const socketio::Socket& socket) { return socket.id(); });
}

bool Socket::connected() const {
    if (const auto* mine = here()) return mine->state() == socketio::Socket::State::connected;
    if (!server_ || server_->here()) return false;
    const Use server(server_);
    return server && server->alive(base::unpack(key_));
}

// ---- sending ------------------------------------------------------------------------------------

void Socket::emit_values(std::string_view name, std::span<const Value> values) const {
    emit_flagged(name, values, {}, nullptr);
}

void Socket::ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const {
    emit_flagged(name, values, {}, std::move(done));
}

void Socket::emit_flagged(std::string_view name, std::span<const Value> values,
                          const detail::Flags& flags, OnAnswer done) const {
    const auto gone = [done] {
        if (done) done({.status = Answer::Status::disconnected});
    };
    if (socketio::Server* const own = server_ ? server_->own() : nullptr) {
        const socketio::Server::CallScope entry(*own);
        if (auto* mine = own->find(base::unpack(key_)))
            return mine->emit(name, values, flags, std::move(done));
        return done ? own->call_later(gone) : void();
    }
    const Use server(server_);
    if (!server) return gone();
    // Encode here, so that values that cannot be sent throw at the caller.
    socketio::Encoder encoder(server->settings().codec, server->settings().decode.attachments_max);
    socketio::encode_event(encoder, server->settings().codec, "/", name, values);
    auto args = std::make_shared<const boost::json::array>(socketio::to_array(values));
    server->post_to(
        base::unpack(key_),
        [name = std::string(name), args, flags, done](socketio::Socket& socket) {
            socket.emit(name, socketio::to_values(*args), flags, done);
        },
        small_bytes + socketio::size_of(values), done ? gone : std::function<void()>());
}

void Ack::send(std::span<const Value> values) const {
    if (!wanted_) return;
    if (sink_) return (*sink_)(socketio::to_array(values));
    if (auto* mine = socket_.here()) {
        const socketio::Server::CallScope entry(mine->server());
        return mine->ack(id_, values);
    }
    const Use server(socket_.server_);
    if (!server) return;
    auto args = std::make_shared<const boost::json::array>(socketio::to_array(values));
    server->post_to(
        base::unpack(socket_.key_),
        [id = id_, args](socketio::Socket& socket) { socket.ack(id, socketio::to_values(*args)); },
        small_bytes + socketio::size_of(values));
}

void Emitter::emit_values(std::string_view name, std::span<const Value> values) const {
    ask_values(name, values, nullptr);
}
void Emitter::ask_values(std::string_view name, std::span<const Value> values,
                         OnAnswer done) const {
    socket_.emit_flagged(name, values, flags_, std::move(done));
}

Broadcast Broadcast::from(const Socket& socket) {
    auto others = socket.read([](const socketio::Socket& mine) {
        const socketio::Namespace& nsp = mine.nsp();
        Target target{&nsp.setup().adapter.lifetime(), &nsp.setup(), nsp.name(), {}};
        target.who.except.push_back(mine.id());
        return target;
    });
    return Broadcast(std::make_shared<Target>(std::move(others)));
}

Broadcast Socket::broadcast() const { return Broadcast::from(*this); }

// ---- rooms, the end -----------------------------------------------------------------------------

void Socket::join(std::string_view room) const {
    if (room.empty() || room.size() > socketio::room_bytes_max) return;
    if (auto* mine = here()) return mine->join(room);
    run([name = std::string(room)](socketio::Socket& socket) { socket.join(name); });
}

void Socket::leave(std::string_view room) const {
    if (auto* mine = here()) return mine->leave(room);
    run([name = std::string(room)](socketio::Socket& socket) { socket.leave(name); });
}

bool takes_join(const Socket& socket) {
    const auto* const mine = socketio::Socket::of(socket, "takes_join");
    return mine && mine->connection().transport().takes_join();
}

std::vector<std::string> Socket::rooms() const {
    const auto* mine = own("rooms");
    return mine ? mine->rooms() : std::vector<std::string>();
}

void Socket::disconnect(bool close) const {
    run([close](socketio::Socket& socket) { socket.disconnect(close); });
}

// ---- listeners ----------------------------------------------------------------------------------

void Socket::add_listener(std::string_view name, detail::Listener listener, bool once) const {
    if (auto* mine = own("on"))
        mine->listeners().add(mine->server().names().of(name), std::move(listener), once);
}

void Socket::off(std::string_view name) const {
    auto* mine = own("off");
    const uint32_t number = mine ? mine->server().names().find(name) : socketio::Names::none;
    if (number != socketio::Names::none) mine->listeners().remove(number);
}

void Socket::off() const {
    if (auto* mine = own("off")) mine->listeners().clear();
}

void Socket::on_any(Any call) const {
    if (auto* mine = own("on_any")) mine->on_any(std::move(call), false);
}
void Socket::prepend_any(Any call) const {
    if (auto* mine = own("prepend_any")) mine->on_any(std::move(call), true);
}
void Socket::off_any() const {
    if (auto* mine = own("off_any")) mine->off_any();
}
void Socket::on_any_outgoing(Any call) const {
    if (auto* mine = own("on_any_outgoing")) mine->on_any_outgoing(std::move(call));
}
void Socket::off_any_outgoing() const {
    if (auto* mine = own("off_any_outgoing")) mine->off_any_outgoing();
}
void Socket::use(PacketMiddleware guard) const {
    if (auto* mine = own("use")) mine->use(std::move(guard));
}

// ---- about it -----------------------------------------------------------------------------------

Handshake Socket::handshake() const {
    const auto* mine = own("handshake");
    return mine ? mine->handshake() : Handshake{};
}
bool Socket::recovered() const {
    const auto* mine = own("recovered");
    return mine && mine->recovered();
}
std::string Socket::nsp() const {
    return read([](const socketio::Socket& socket) { return socket.nsp().name(); });
}
std::string Socket::user() const {
    return read([](const socketio::Socket& socket) { return std::string(socket.user()); });
}
std::string Socket::transport() const {
    const auto* mine = own("transport");
    return mine ? std::string(mine->connection().transport().name()) : std::string();
}

Json& Socket::data() const {
    auto* mine = own("data");
    if (!mine) throw std::logic_error("data: the socket is gone");
    return mine->data();
}
void Socket::set_object(std::shared_ptr<void> object, const void* tag) const {
    auto* mine = own("emplace_data");
    if (!mine) throw std::logic_error("emplace_data: the socket is gone");
    mine->set_object(std::move(object), tag);
}
void* Socket::get_object(const void* tag) const {
    const auto* mine = own("data_as");
    return mine ? mine->object(tag) : nullptr;
}

}  // namespace starling::sio
