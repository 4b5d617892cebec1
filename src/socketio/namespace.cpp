#include "socketio/namespace.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "socketio/adapter.h"
#include "socketio/cluster_link.h"
#include "socketio/connection.h"
#include "socketio/observer.h"
#include "socketio/server.h"

namespace starling::socketio {
namespace {

constexpr size_t rooms_max = 1'000'000;  // Rooms of one socket; the application chooses the rooms.

// One message of a packet, with the encodings that its receivers share.
struct Part {
    Part(std::string_view nsp, std::string_view bytes, bool binary, bool compress)
        : message{nsp, base::bytes_of(bytes), binary} {
        publication.compress = compress;
    }
    hub::Message message;
    hub::Publication publication{message};
};

}  // namespace

Namespace::Namespace(Server& server, NamespaceSetup& setup, std::string name)
    : server_(server),
      setup_(setup),
      name_(std::move(name)),
      quota_(setup.own ? nullptr : setup.adapter.quota_of(name_)),
      rooms_(*this) {}

Namespace::~Namespace() = default;

const Socket& Namespace::in_slot(uint32_t slot) const noexcept {
    return *server_.sockets().object_at(slot);
}

void Namespace::add(Socket& socket) {
    by_id_.reserve_one([this](uint32_t slot) { return in_slot(slot).id_hash(); });
    sockets_.push_back(&socket);
    by_id_.insert(socket.slot_key().slot, socket.id_hash());
    socket.index = static_cast<uint32_t>(sockets_.size() - 1);
    --waiting;
    setup_.connected.fetch_add(1, std::memory_order_relaxed);
    if (ClusterLink* const cluster = setup_.adapter.cluster())
        cluster->room_opened(name_, socket.id_text().view(), true);
    const SocketId::Text id = socket.id_text();
    note(RoomEvent::Kind::created, id.view());
    note(RoomEvent::Kind::joined, id.view(), id.view());
    if (server_.observer()) server_.observer()->room_joined(*this, id.view(), id.view());
    tell_hooks();
}

void Namespace::note(RoomEvent::Kind kind, std::string_view room, std::string_view id) {
    const bool wanted = kind == RoomEvent::Kind::created ? static_cast<bool>(setup_.on_create_room)
                        : kind == RoomEvent::Kind::deleted
                            ? static_cast<bool>(setup_.on_delete_room)
                        : kind == RoomEvent::Kind::joined ? static_cast<bool>(setup_.on_join_room)
                                                          : static_cast<bool>(setup_.on_leave_room);
    if (wanted) untold_.push_back({kind, std::string(room), std::string(id)});
}

// If a room hook itself changes rooms, the hooks for those changes run after the current one. A
// hook that throws does not undo a join or leave.
void Namespace::tell_hooks() {
    if (untold_.empty() || std::exchange(telling_, true)) return;
    for (; !untold_.empty(); untold_.pop_front()) {
        const RoomEvent& event = untold_.front();
        server_.log_if_throws("room", [&] {
            switch (event.kind) {
                case RoomEvent::Kind::created: return setup_.on_create_room(event.room);
                case RoomEvent::Kind::deleted: return setup_.on_delete_room(event.room);
                case RoomEvent::Kind::joined: return setup_.on_join_room(event.room, event.id);
                case RoomEvent::Kind::left: return setup_.on_leave_room(event.room, event.id);
            }
        });
    }
    telling_ = false;
}

void Namespace::remove(Socket& socket) {
    if (setup_.on_leave_room || server_.observer())
        for (const auto& room : rooms_.topics_of(socket)) leave_quietly(socket, room);
    rooms_.leave_all(socket);
    unlist(socket);
    const SocketId::Text id = socket.id_text();
    note(RoomEvent::Kind::left, id.view(), id.view());
    if (server_.observer()) server_.observer()->room_left(*this, id.view(), id.view());
    note(RoomEvent::Kind::deleted, id.view());
    tell_hooks();
}

void Namespace::unlist(Socket& socket) noexcept {
    by_id_.remove(socket.slot_key().slot, socket.id_hash(),
                  [this](uint32_t slot) { return in_slot(slot).id_hash(); });
    // The list's last socket takes the place of the removed socket.
    sockets_.back()->index = socket.index;
    sockets_[socket.index] = sockets_.back();
    sockets_.pop_back();
    socket.index = Socket::nowhere;
    setup_.connected.fetch_sub(1, std::memory_order_relaxed);
    if (ClusterLink* const cluster = setup_.adapter.cluster())
        cluster->room_closed(name_, socket.id_text().view());
}

void Namespace::abandon(Socket& socket) noexcept {
    try {
        rooms_.leave_all(socket);
    } catch (...) {  // Each room is left before its hook is noted; go on with the next room.
        return abandon(socket);
    }
    unlist(socket);
}

void Namespace::forget(Socket& socket) {
    rooms_.leave_all(socket);
    tell_hooks();
    --waiting;
}

void Namespace::join(Socket& socket, std::string_view room) {
    if (socket.has_id(room)) return;
    const bool limited = quota_ && quota_->limits.rooms_max != 0;
    const auto result = rooms_.join(socket, room, limited ? quota_->limits.rooms_max : rooms_max);
    if (limited && result == hub::Hub::Join::too_many) Quota::count(quota_->refused_rooms);
    if (result != hub::Hub::Join::joined) return;
    server_.session_changed(socket);
    const SocketId::Text id = socket.id_text();
    note(RoomEvent::Kind::joined, room, id.view());
    if (server_.observer()) server_.observer()->room_joined(*this, room, id.view());
    tell_hooks();
}

void Namespace::leave(Socket& socket, std::string_view room) {
    leave_quietly(socket, room);
    server_.session_changed(socket);
    tell_hooks();
}

void Namespace::leave_quietly(Socket& socket, std::string_view room) {
    // Report each leaver first, then the room's deletion if that was its last member.
    if ((setup_.on_leave_room || server_.observer()) && rooms_.is_member(socket, room)) {
        const SocketId::Text id = socket.id_text();
        note(RoomEvent::Kind::left, room, id.view());
        if (server_.observer()) server_.observer()->room_left(*this, room, id.view());
    }
    rooms_.leave(socket, room);
}

std::vector<std::string> Namespace::rooms_of(const Socket& socket) const {
    std::vector<std::string> rooms = rooms_.topics_of(socket);
    rooms.insert(rooms.begin(), socket.id());
    return rooms;
}

// The hub reports a room's first member, and that the last member left.
void Namespace::subscribers_changed(const base::HashedText& changed, int change) {
    const std::string_view room = changed.text;
    if (rooms_.subscribers(room) != (change > 0 ? 1 : 0)) return;
    if (ClusterLink* const cluster = setup_.adapter.cluster())
        change > 0 ? cluster->room_opened(name_, room, false) : cluster->room_closed(name_, room);
    note(change > 0 ? RoomEvent::Kind::created : RoomEvent::Kind::deleted, room);
}

template <class F>
void Namespace::each_member(std::string_view room, F&& call) {
    const uint32_t own = by_id_.find(SocketId::hash_of(room),
                                     [&](uint32_t slot) { return in_slot(slot).has_id(room); });
    if (own != IdIndex::none) call(*server_.sockets().object_at(own));
    for (hub::Subscriber* member : rooms_.members(room)) call(static_cast<Socket&>(*member));
}

void Namespace::collect(const Target& target, std::vector<Socket*>& to) {
    if (++mark_ == 0) {  // The number has wrapped around: clear the old marks.
        sockets_.each([](Socket* socket) { socket->mark = 0; });
        mark_ = 1;
    }
    // A marked socket was already visited: it is in `to`, or it was excluded.
    for (const auto& room : target.except)
        each_member(room, [this](Socket& socket) { socket.mark = mark_; });
    const auto take = [&](Socket& socket) {
        if (std::exchange(socket.mark, mark_) != mark_ &&
            socket.state() == Socket::State::connected)
            to.push_back(&socket);
    };
    if (target.rooms.empty()) sockets_.each([&](Socket* socket) { take(*socket); });
    for (const auto& room : target.rooms) each_member(room, take);
}

void Namespace::broadcast(const Encoded& packet, const Flags& flags,
                          std::span<Socket* const> sockets) {
    Part first(name_, packet.text, packet.text_is_binary, flags.compress);
    std::vector<std::unique_ptr<Part>> attachments;
    attachments.reserve(packet.attachments.size());
    for (const auto& bytes : packet.attachments)
        attachments.push_back(std::make_unique<Part>(name_, bytes, true, flags.compress));
    for (Socket* socket : sockets) {
        // An outgoing listener may have ended a socket that comes later in the list.
        if (socket->state() != Socket::State::connected) continue;
        if (flags.volatile_packet && !socket->connection().transport().writable()) continue;
        if (!flags.untold && socket->watches_outgoing() && !server_.log_if_throws("outgoing", [&] {
                socket->notify_outgoing(packet.text, packet.text_is_binary, packet.attachments);
            }))
            socket->connection().handler_threw();  // Ends this client; the others get the packet.
        socket->deliver(first.publication);
        for (const auto& part : attachments) socket->deliver(part->publication);
    }
    hub::Hub::Traffic& traffic = server_.traffic();
    if (server_.index() == 0) ++traffic.publications;
    traffic.deliveries += first.publication.taken;
}

}  // namespace starling::socketio
