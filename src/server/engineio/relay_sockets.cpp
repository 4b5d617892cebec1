// WebSockets at the owner of their sessions, whose clients are at other nodes.
#include "server/engineio/relay_sockets.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/exception_text.h"
#include "base/text.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/relay_part.h"
#include "ws/endpoint.h"

namespace starling::server {
namespace {

namespace relay = engineio::relay;
using relay::Type;

relay::Head head_of(Type type, uint64_t id) noexcept {
    return {.type = type, .worker = static_cast<uint16_t>(id >> 48), .id = id};
}

}  // namespace

// ---- RelayedSocket ------------------------------------------------------------------------------

RelayedSocket::RelayedSocket(RelayPart& part, const EngineSession& session, uint64_t serial,
                             Client client)
    : part_(part), host_(session.host()), serial_(serial), client_(std::move(client)) {
    ++host_.websockets;
}

RelayedSocket::~RelayedSocket() {
    --host_.websockets;
    if (session_) session_->untie();
}

void RelayedSocket::attach(EngineSession& session) {
    if (session.websocket_) return close(ws::close_code::normal);
    session_ = &session;
    session.websocket_opened(SessionWebSocket(static_cast<FarWebSocket&>(*this)));
}

void RelayedSocket::received(ws::Message message) {
    if (session_) session_->on_frame(message.bytes(), message.is_binary());
}

void RelayedSocket::ended(engineio::Session::Event event) {
    if (session_) session_->websocket_ended(event);
}

void RelayedSocket::send(ws::Message message, bool compress) {
    if (is_open_) part_.send_frame(*this, message, compress);
}

void RelayedSocket::pause(bool pauses) {
    is_paused_ = pauses;
    if (is_open_ && !pauses) part_.resumed(*this);
}

void RelayedSocket::close(uint16_t code) {
    if (is_open_) part_.close(*this, code);
}

// ---- from the client ----------------------------------------------------------------------------

RelayedSocket* RelayPart::find_relayed(Nodes::Id from, uint64_t id) const {
    const auto serial = served_of_.find({from, id});
    if (serial == served_of_.end()) return nullptr;
    const auto found = relayed_.find(serial->second);
    return found != relayed_.end() && !found->second->is_told_ ? found->second.get() : nullptr;
}

void RelayPart::accept(EngineSession& session, RelayedSocket::Client client, size_t bytes) {
    start_timer();
    const uint64_t serial = next_serial();
    const std::pair key(client.node, client.id);
    std::unique_ptr<RelayedSocket> made(
        new (worker_.slabs()) RelayedSocket(*this, session, serial, std::move(client)));
    RelayedSocket& socket = *made;
    const auto numbered = served_of_.emplace(key, serial).first;
    try {
        relayed_.emplace(serial, std::move(made));
    } catch (...) {
        served_of_.erase(numbered);
        throw;
    }
    ++relayed_count_;
    socket.received_.arrived = socket.received_.held = static_cast<uint32_t>(bytes);
    send_credit(key.first, head_of(Type::credit, key.second), true, socket.received_, false);
    socket.attach(session);
}

void RelayPart::give_frame(RelayedSocket& socket, const relay::Frame& frame, size_t bytes) {
    socket.received_.arrived += static_cast<uint32_t>(bytes);
    socket.received_.held += static_cast<uint32_t>(bytes);
    credit_soon(socket.serial_, true, socket.received_);
    socket.received(frame.binary ? ws::Message(base::bytes_of(frame.bytes))
                                 : ws::Message(frame.bytes));
}

void RelayPart::resumed(RelayedSocket& socket) {
    if (socket.received_.held != 0) credit_soon(socket.serial_, true, socket.received_);
}

// ---- to the client ------------------------------------------------------------------------------

// As in WsConnection::send(): a queue over its limit ends the WebSocket.
void RelayPart::send_frame(RelayedSocket& socket, ws::Message message, bool compress) {
    const size_t bytes = relay::frame_head_bytes + message.size();
    if (bytes > RelayBounds::message_bytes_max)
        return fail(socket, ws::close_code::message_too_big);
    if (!ws::fits_queue(socket.buffered_amount(), bytes,
                        socket.host_.engine.options().send_queue_bytes_max)) {
        worker_.counters().messages_dropped.add();
        return fail(socket, ws::close_code::policy_violation);
    }
    std::string text = relay::encode(head_of(Type::frame, socket.client_.id),
                                     relay::Frame{.binary = message.is_binary(),
                                                  .compress = compress,
                                                  .bytes = base::text_of(message.bytes())});
    if (socket.waiting_.empty() && !is_full(socket.client_.node))
        return publish_frame(socket, std::move(text));
    waiting_.emplace(socket.client_.node, socket.serial_);
    socket.waiting_bytes_ += bytes;
    socket.waiting_.push_back(std::move(text));
}

void RelayPart::publish_frame(RelayedSocket& socket, std::string message) {
    const size_t bytes = message.size();
    socket.on_way_ += bytes;
    socket.untaken_ += bytes;
    add_on_way(socket.client_.node, bytes);
    if (!send(socket.client_.node, std::move(message)))
        fail(socket, ws::close_code::try_again_later);
}

void RelayPart::flush(RelayedSocket& socket) {
    if (!socket.waiting_.empty()) {
        std::string message = std::move(socket.waiting_.front());
        socket.waiting_.pop_front();
        socket.waiting_bytes_ -= message.size();
        publish_frame(socket, std::move(message));
    }
    if (!socket.waiting_.empty())
        waiting_.emplace(socket.client_.node, socket.serial_);
    else if (!socket.is_open_ && !socket.is_told_)
        tell_end(socket);
}

void RelayPart::take_credit(RelayedSocket& socket, const relay::Credit& credit) {
    const Nodes::Id node = socket.client_.node;
    const size_t arrived = std::min<size_t>(credit.arrived, socket.on_way_);
    socket.on_way_ -= arrived;
    socket.untaken_ -= std::min<size_t>(credit.taken, socket.untaken_);
    subtract_on_way(node, arrived);
    flush_waiting(node);
}

// ---- the end ------------------------------------------------------------------------------------

bool RelayPart::knows_of_end(Nodes::Id from, uint64_t id) const {
    return served_of_.contains({from, id}) || answers_.contains({from, id});
}

void RelayPart::end_client(Nodes::Id from, uint64_t id, uint16_t code) {
    tell(from, relay::encode(head_of(Type::end, id), relay::End{.code = code}));
}

// What waits for room leaves before the end.
void RelayPart::close(RelayedSocket& socket, uint16_t code) {
    socket.is_open_ = false;
    socket.close_code_ = code;
    if (socket.waiting_.empty()) tell_end(socket);
}

void RelayPart::tell_end(RelayedSocket& socket) {
    try {
        end_client(socket.client_.node, socket.client_.id, socket.close_code_);
        socket.is_told_ = true;
        // Its functions may be on the call stack.
        worker_.loop().post([this, serial = socket.serial_] { end_closed(serial); });
    } catch (...) {  // Out of memory: the timer goes on.
        are_ends_left_ = true;
        worker_.log_exception("cluster", base::describe_current_exception());
    }
}

void RelayPart::end_closed(uint64_t serial) {
    const auto found = relayed_.find(serial);
    if (found != relayed_.end()) end(*found->second, engineio::Session::Event::websocket_closed);
}

void RelayPart::end_left() {
    if (!are_ends_left_) return;
    std::vector<uint64_t> told, untold;
    for (const auto& [serial, socket] : relayed_)
        if (!socket->is_open_ && socket->waiting_.empty())
            (socket->is_told_ ? told : untold).push_back(serial);
    are_ends_left_ = false;
    for (const uint64_t serial : untold) {
        const auto found = relayed_.find(serial);
        if (found != relayed_.end()) tell_end(*found->second);
    }
    for (const uint64_t serial : told) end_closed(serial);
}

// What waits for room is lost.
void RelayPart::fail(RelayedSocket& socket, uint16_t code) {
    if (socket.is_told_) return;
    ++lost_sockets_;
    socket.waiting_.clear();
    socket.waiting_bytes_ = 0;
    close(socket, code);
}

// After RelayedSocket::close() there is no session that is told.
void RelayPart::end(RelayedSocket& socket, engineio::Session::Event how) {
    socket.is_open_ = false;
    socket.is_told_ = true;
    socket.ended(how);
    const std::pair key(socket.client_.node, socket.client_.id);
    waiting_.erase({key.first, socket.serial_});
    served_of_.erase(key);
    // Its frames may lie in the queue of the node: their bytes count until the node says `taken`.
    if (!socket.is_node_lost_) answers_.emplace(key, socket.on_way_);
    relayed_.erase(socket.serial_);
}

}  // namespace starling::server
