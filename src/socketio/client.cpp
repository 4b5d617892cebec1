#include "socketio/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "socketio/core.h"
#include "socketio/space.h"

namespace starling::socketio {

Client::Client(Core& core, Link& link)
    : core_(core), link_(link), decoder_(core.settings().codec) {}

Client::~Client() { closed("forced server close"); }

// A handler's exception costs its own client the connection and nobody else anything.
template <class F>
void Client::guarded(F&& call) {
    const Core::Entry entry(core_);
    if (!core_.shielded("socket.io", call)) handler_threw();
}

void Client::handler_threw() { end(Link::End::forced_server_close, "a handler threw"); }

void Client::threw(std::string_view handler, std::string_view what) {
    core_.host().log_exception(handler, what);
    handler_threw();
}

void Client::opened() {
    guarded([this] {
        link_.set_timer(core_.settings().connect_timeout_ms);
        // Clients before 3.0 are in "/" without asking.
        if (link_.revision() == 3) core_.connect(*this, Packet{});
    });
}

void Client::on_text(std::string_view text) {
    guarded([&] { handle(decoder_.add_text(text, core_.arena())); });
}

void Client::on_bytes(std::span<const std::byte> bytes) {
    guarded([&] { handle(decoder_.add_bytes(bytes, core_.arena())); });
}

void Client::handle(const Outcome& outcome) {
    if (!open_) return;
    switch (outcome.kind) {
        case Outcome::Kind::packet: return on_packet(outcome.packet);
        case Outcome::Kind::pending: return;
        case Outcome::Kind::fault: return end(Link::End::forced_close, outcome.reason);
    }
}

void Client::on_packet(const Packet& packet) {
    Socket* const socket = find(packet.nsp);
    if (packet.type == Type::connect && !socket) return on_connect(packet);
    // Not joined, or not yet; or a second CONNECT, or a CONNECT_ERROR, which is the server's to send.
    const bool mine = socket && socket->state() == Socket::State::connected;
    if (!mine) return end(Link::End::forced_server_close, "a packet for a namespace not joined");
    switch (packet.type) {
        case Type::event: return socket->on_event(packet.data, packet.id);
        case Type::ack:
            if (packet.id) socket->on_ack(*packet.id, packet.data);
            return;
        case Type::disconnect: return socket->closed("client namespace disconnect");
        default: return end(Link::End::forced_server_close, "a packet that only servers send");
    }
}

void Client::on_connect(const Packet& packet) {
    const size_t joined = (first_ ? 1 : 0) + (more_ ? more_->size() : 0);
    if (joined >= core_.settings().namespaces_max)
        return core_.refuse(*this, packet.nsp, {.message = "too many namespaces"});
    core_.connect(*this, packet);
}

void Client::closed(std::string_view reason) {
    if (!std::exchange(open_, false)) return;
    const Core::Entry entry(core_);
    while (more_ && !more_->empty()) more_->back()->closed(reason);
    if (first_) first_->closed(reason);
}

// ---- its sockets ----------------------------------------------------------------------------------

Socket* Client::find(std::string_view nsp) const noexcept {
    if (first_ && first_->space().name() == nsp) return first_.get();
    if (!more_) return nullptr;
    for (const auto& socket : *more_)
        if (socket->space().name() == nsp) return socket.get();
    return nullptr;
}

Socket& Client::add(std::unique_ptr<Socket> socket) {
    joined_ = true;
    Socket& added = *socket;
    if (!first_) {
        first_ = std::move(socket);
        return added;
    }
    if (!more_) more_ = std::make_unique<std::vector<std::unique_ptr<Socket>>>();
    more_->push_back(std::move(socket));
    return added;
}

std::unique_ptr<Socket> Client::release(Socket& socket) {
    if (first_.get() == &socket) return std::move(first_);
    if (!more_) return nullptr;
    const auto found = std::ranges::find(*more_, &socket, &std::unique_ptr<Socket>::get);
    if (found == more_->end()) return nullptr;
    std::unique_ptr<Socket> released = std::move(*found);
    more_->erase(found);
    return released;
}

void Client::disconnect() {
    if (!open_) return;
    const Core::Entry entry(core_);
    // A listener of one may end another.
    std::vector<base::SlotKey> keys;
    if (first_) keys.push_back(first_->slot_key());
    if (more_)
        for (const auto& socket : *more_) keys.push_back(socket->slot_key());
    for (const auto key : keys)
        if (Socket* socket = core_.find(key)) socket->disconnect(false);
    link_.end(Link::End::forced_server_close);
}

void Client::connect_timed_out() {
    if (open_ && !joined_) end(Link::End::forced_server_close, "no namespace joined in time");
}

void Client::end(Link::End how, std::string_view why) {
    if (!open_) return;
    const std::array<log::Field, 2> fields{{{"reason", why}, {"address", link_.info().address()}}};
    core_.warn("a client was disconnected", fields);
    link_.end(how);
}

void Client::send_packet(Type type, std::string_view nsp, const Json* data) {
    Encoder& encoder = core_.encoder();
    encoder.begin(core_.settings().codec, type, nsp);
    if (data) encoder.value(*data);
    if (encoder.finish())
        link_.send(encoder.text(), encoder.text_is_binary(), encoder.attachments(), true);
}

}  // namespace starling::socketio
