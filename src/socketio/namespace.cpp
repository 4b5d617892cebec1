#include "socketio/namespace.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "socketio/connection.h"
#include "socketio/server.h"

namespace starling::socketio {
namespace {

constexpr size_t rooms_max = 1'000'000;  // Of one socket: the application chooses them.

// One message of a packet, and what its receivers have encoded it to.
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
    : server_(server), setup_(setup), name_(std::move(name)), rooms_(*this) {}

Namespace::~Namespace() = default;

void Namespace::add(Socket& socket) {
    socket.index = uint32_t(sockets_.size());
    sockets_.push_back(&socket);
    by_id_.insert(&socket);
    setup_.connected.fetch_add(1, std::memory_order_relaxed);
    tell(setup_.on_create_room, socket.id());
    tell(setup_.on_join_room, socket.id(), socket.id());
}

// A hook that throws hinders nobody's coming and going.
template <class Call, class... Names>
void Namespace::tell(const Call& call, const Names&... names) {
    if (call) server_.log_if_throws("room", [&] { call(names...); });
}

void Namespace::remove(Socket& socket) {
    if (setup_.on_leave_room)
        for (const auto& room : rooms_.topics_of(socket)) leave(socket, room);
    rooms_.leave_all(socket);
    by_id_.erase(&socket);
    // The last one takes its place.
    sockets_.back()->index = socket.index;
    sockets_[socket.index] = sockets_.back();
    sockets_.pop_back();
    socket.index = Socket::nowhere;
    tell(setup_.on_leave_room, socket.id(), socket.id());
    tell(setup_.on_delete_room, socket.id());
    setup_.connected.fetch_sub(1, std::memory_order_relaxed);
}

void Namespace::forget(Socket& socket) {
    rooms_.leave_all(socket);
    --waiting;
}

void Namespace::join(Socket& socket, std::string_view room) {
    if (room == socket.id()) return;
    if (rooms_.join(socket, room, rooms_max) != hub::Hub::Join::joined) return;
    tell(setup_.on_join_room, room, socket.id());
}

void Namespace::leave(Socket& socket, std::string_view room) {
    // First who leaves, then, where it was the last, that the room is gone.
    if (setup_.on_leave_room && rooms_.is_member(socket, room))
        tell(setup_.on_leave_room, room, socket.id());
    rooms_.leave(socket, room);
}

std::vector<std::string> Namespace::rooms_of(const Socket& socket) const {
    std::vector<std::string> rooms = rooms_.topics_of(socket);
    rooms.insert(rooms.begin(), socket.id());
    return rooms;
}

// As the hub counts its members: the first of a room, and the last.
void Namespace::subscribers_changed(std::string_view room, int change) {
    const auto& call = change > 0 ? setup_.on_create_room : setup_.on_delete_room;
    if (call && rooms_.subscribers(room) == (change > 0 ? 1 : 0)) tell(call, room);
}

template <class F>
void Namespace::each_member(std::string_view room, F&& call) {
    const auto found = by_id_.find(room);
    if (found != by_id_.end()) call(**found);
    for (hub::Subscriber* member : rooms_.members(room)) call(static_cast<Socket&>(*member));
}

void Namespace::collect(const Target& target, std::vector<Socket*>& to) {
    if (++mark_ == 0) {  // Once around: no old mark may look like a new one.
        for (Socket* socket : sockets_) socket->mark = 0;
        mark_ = 1;
    }
    // Whoever bears the mark has been met: is in `to`, or must not be.
    for (const auto& room : target.except)
        each_member(room, [this](Socket& socket) { socket.mark = mark_; });
    const auto take = [&](Socket& socket) {
        if (std::exchange(socket.mark, mark_) != mark_ &&
            socket.state() == Socket::State::connected)
            to.push_back(&socket);
    };
    if (target.rooms.empty())
        for (Socket* socket : sockets_) take(*socket);
    for (const auto& room : target.rooms) each_member(room, take);
}

void Namespace::broadcast(const Encoded& packet, const Flags& flags,
                          std::span<Socket* const> sockets) {
    Part first(name_, packet.text, packet.text_is_binary, flags.compress);
    std::vector<std::unique_ptr<Part>> attachments;
    for (const auto& bytes : packet.attachments)
        attachments.push_back(std::make_unique<Part>(name_, bytes, true, flags.compress));
    for (Socket* socket : sockets) {
        // A listener of what goes out may have ended one of those behind it.
        if (socket->state() != Socket::State::connected) continue;
        if (flags.volatile_packet && !socket->connection().transport().writable()) continue;
        if (socket->watches_outgoing() && !server_.log_if_throws("outgoing", [&] {
                socket->notify_outgoing(packet.text, packet.text_is_binary, packet.attachments);
            }))
            socket->connection().handler_threw();  // Its own affair: the others get theirs.
        socket->deliver(first.publication);
        for (const auto& part : attachments) socket->deliver(part->publication);
    }
}

}  // namespace starling::socketio
