#include "socketio/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "socketio/namespace.h"
#include "socketio/server.h"

namespace starling::socketio {
namespace {

constexpr uint64_t packet_timeout_ms = 10'000;  // Time for all attachments of a packet to arrive.

// Never 0, because 0 means that no deadline is set.
uint32_t cut(uint64_t ms) noexcept { return std::max<uint32_t>(static_cast<uint32_t>(ms), 1); }

}  // namespace

Connection::Connection() noexcept = default;

Connection::~Connection() { STARLING_ASSERT(!open_); }

// A handler's exception ends the connection of the handler's client; other clients are not
// affected.
template <class F>
void Connection::guarded(F&& call) {
    Server& server = this->server();
    const Server::CallScope entry(server);
    if (!server.log_if_throws("socket.io", [&] { call(server); })) handler_threw();
}

void Connection::handler_threw() { end_for(End::forced_server_close, "a handler threw"); }

void Connection::threw(std::string_view handler, std::string_view what) {
    server().runtime().log_exception(handler, what);
    handler_threw();
}

void Connection::opened() {
    guarded([this](Server& server) {
        set_deadline(server.settings().connect_timeout_ms);
        // Clients before 3.0 join "/" without a CONNECT packet.
        if (revision() == 3) server.connect(*this, Packet{});
    });
}

// Only a packet that is incomplete leaves a decoder behind.
template <class F>
void Connection::decode(const Server& server, F&& add, size_t packet_bytes) {
    if (has_pending()) [[unlikely]] {
        Decoder decoder = std::move(*extras_->decoder);
        extras_->decoder.reset();
        return decode_with(decoder, add, decoder.pending_bytes() + packet_bytes);
    }
    Decoder decoder(server.settings().codec);
    decode_with(decoder, add, packet_bytes);
}

template <class F>
void Connection::decode_with(Decoder& decoder, F& add, size_t packet_bytes) {
    const Outcome outcome = add(decoder);
    if (decoder.pending()) extras().decoder = std::move(decoder);
    handle(outcome, packet_bytes);
}

void Connection::on_text(std::string_view text) {
    guarded([&](Server& server) {
        decode(
            server, [&](Decoder& decoder) { return decoder.add_text(text, server.arena()); },
            text.size());
    });
}

void Connection::on_bytes(std::span<const std::byte> bytes) {
    guarded([&](Server& server) {
        decode(
            server, [&](Decoder& decoder) { return decoder.add_bytes(bytes, server.arena()); },
            bytes.size());
    });
}

void Connection::handle(const Outcome& outcome, size_t packet_bytes) {
    if (!open_) return;
    if (joined_ && outcome.kind != Outcome::Kind::pending) due_ms_ = 0;
    switch (outcome.kind) {
        case Outcome::Kind::packet: return on_packet(outcome.packet, packet_bytes);
        case Outcome::Kind::pending:
            if (due_ms_ == 0) set_deadline(packet_timeout_ms);
            return;
        case Outcome::Kind::fault: return end_for(End::forced_close, outcome.reason);
    }
}

void Connection::on_packet(const Packet& packet, size_t packet_bytes) {
    Socket* const socket = find(packet.nsp);
    if (packet.type == Type::connect && !socket) return on_connect(packet);
    // Refuse packets for a namespace that the client has not joined yet, a second CONNECT, and
    // CONNECT_ERROR, which only a server sends.
    const bool mine = socket && socket->state() == Socket::State::connected;
    if (!mine) return end_for(End::forced_server_close, "a packet for a namespace not joined");
    const bool counts = packet.type == Type::event || packet.type == Type::ack;
    if (counts && !socket->within_quota(packet_bytes)) return;
    switch (packet.type) {
        case Type::event: return socket->on_event(packet);
        case Type::ack:
            if (packet.id) socket->on_ack(*packet.id, packet.data);
            return;
        case Type::disconnect: return socket->closed("client namespace disconnect");
        default: return end_for(End::forced_server_close, "a packet that only servers send");
    }
}

void Connection::on_connect(const Packet& packet) {
    Server& server = this->server();
    if (sockets() >= server.settings().namespaces_max)
        return server.refuse(*this, packet.nsp, Runtime::Refusal::too_many,
                             {.message = "too many namespaces"});
    server.connect(*this, packet);
}

void Connection::closed(std::string_view reason) {
    if (!open_) return;
    open_ = false;
    Server& server = this->server();
    const Server::CallScope entry(server);
    // A socket that is already leaving is finished by Server::leave(). A listener of one socket may
    // end another socket of this client, so the loop looks up each key again.
    const std::vector<base::SlotKey> keys = socket_keys();
    for (auto key = keys.rbegin(); key != keys.rend(); ++key)
        if (Socket* socket = server.find(*key)) socket->closed(reason);
}

size_t Connection::sockets() const noexcept {
    return (first_ ? 1 : 0) + (extras_ ? extras_->more.size() : 0);
}

void Connection::pause() {
    if (++pauses_ == 1) pause_reading();
}

void Connection::resume() {
    if (--pauses_ == 0) resume_reading();
}

limits::Bucket& Connection::messages_of(const Quota& quota) {
    auto& buckets = extras().buckets;
    for (auto& [of, bucket] : buckets)
        if (of == &quota) return bucket;
    return buckets.emplace_back(&quota, limits::Bucket()).second;
}

Connection::Extras& Connection::extras() {
    if (!extras_) extras_ = std::make_unique<Extras>();
    return *extras_;
}

std::vector<base::SlotKey> Connection::socket_keys() const {
    std::vector<base::SlotKey> keys;
    if (first_) keys.push_back(first_->slot_key());
    if (extras_)
        for (const auto& socket : extras_->more) keys.push_back(socket->slot_key());
    return keys;
}

// ---- its sockets --------------------------------------------------------------------------------

Socket* Connection::find(std::string_view nsp) const noexcept {
    if (first_ && first_->nsp().name() == nsp) return first_.get();
    if (!extras_) return nullptr;
    for (const auto& socket : extras_->more)
        if (socket->nsp().name() == nsp) return socket.get();
    return nullptr;
}

Socket& Connection::add(Socket::Owned socket) {
    if (!joined_) {
        joined_ = true;
        due_ms_ = 0;
        if (has_pending())
            set_deadline(packet_timeout_ms);
        else
            cancel_timer();
    }
    Socket& added = *socket;
    if (!first_) {
        first_ = std::move(socket);
        return added;
    }
    extras().more.push_back(std::move(socket));
    return added;
}

Socket::Owned Connection::release(Socket& socket) {
    if (first_.get() == &socket) return std::move(first_);
    if (!extras_) return nullptr;
    auto& more = extras_->more;
    const auto found = std::ranges::find(more, &socket, &Socket::Owned::get);
    if (found == more.end()) return nullptr;
    Socket::Owned released = std::move(*found);
    more.erase(found);
    return released;
}

void Connection::disconnect() {
    if (!open_) return;
    Server& server = this->server();
    const Server::CallScope entry(server);
    for (const auto key : socket_keys())
        if (Socket* socket = server.find(key)) socket->disconnect(false);
    end(End::forced_server_close);
}

void Connection::drop() {
    if (!open_) return;
    const Server::CallScope entry(server());
    end(End::forced_server_close);
}

void Connection::timed_out() {
    if (!open_) return;
    if (due_ms_ == 0) return;
    const auto left_ms = static_cast<int32_t>(due_ms_ - cut(server().runtime().now_ms()));
    if (left_ms > 0) return set_timer(static_cast<uint64_t>(left_ms));
    if (!joined_) return end_for(End::forced_server_close, "no namespace joined in time");
    // A paused connection reads no attachments, so it waits longer.
    if (pauses_ > 0) return set_deadline(packet_timeout_ms);
    if (extras_)
        extras_->decoder.reset();  // Frees the attachments; the client may stay for a while.
    end_for(End::forced_close, "attachments did not come in time");
}

void Connection::set_deadline(uint64_t delay_ms) {
    due_ms_ = std::max(cut(server().runtime().now_ms() + delay_ms), 1u);
    set_timer(delay_ms);
}

void Connection::end_for(End how, std::string_view why) {
    if (!open_) return;
    const std::array<log::Field, 2> fields{{{"reason", why}, {"address", info().address()}}};
    Server& server = this->server();
    server.runtime().log(log::Level::debug, "a client was disconnected", fields);
    server.warn("clients were disconnected; the latest", fields);
    end(how);
}

void Connection::send_packet(Type type, std::string_view nsp, const Json* data) {
    Encoder& encoder = server().encoder();
    encoder.begin(server().settings().codec, type, nsp);
    if (data) encoder.value(*data);
    if (encoder.finish())
        send(encoder.text(), encoder.text_is_binary(), encoder.attachments(), true);
}

}  // namespace starling::socketio
