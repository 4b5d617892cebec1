// The node that owns a session: polls and WebSockets of clients at other nodes.
#include <utility>

#include "base/exception_text.h"
#include "base/text.h"
#include "engineio/payload.h"
#include "http/request_parts.h"
#include "server/engineio/engine.h"
#include "server/engineio/engine_worker.h"
#include "server/node_engine/peers_part.h"
#include "ws/endpoint.h"

namespace starling::server {
namespace {

using namespace cluster::engine;

// Of a packet that waits for the end of the tick.
constexpr size_t packet_bytes = 32;

EngineClose reason_of(std::string_view text) noexcept {
    if (text == engineio::reason_text(EngineClose::transport_close))
        return EngineClose::transport_close;
    return text == engineio::reason_text(EngineClose::parse_error) ? EngineClose::parse_error
                                                                   : EngineClose::transport_error;
}

// An answer that has no packets ends the poll nevertheless.
std::vector<Packet> packets_of(const http::Response& response) {
    std::vector<Packet> packets;
    if (response.status() != 200) return {{engineio::Type::close, false, {}}};
    engineio::PayloadReader reader(response.body(), engineio::Revision::eio4,
                                   engineio::PayloadKind::text, {.packets_max = SIZE_MAX});
    while (reader.next() == engineio::PayloadReader::Step::packet) {
        const engineio::Packet& packet = reader.packet();
        packets.push_back({packet.type, packet.binary, std::string(packet.data)});
    }
    if (packets.empty()) packets.push_back({engineio::Type::noop, false, {}});
    return packets;
}

}  // namespace

EngineSession* PeersPart::session_of(std::string_view sid) const {
    return engine_.host(worker_).find(sid);
}

// A generation of 0 is that of no key.
uint64_t PeersPart::next_serial() noexcept {
    if ((++last_serial_ & UINT32_MAX) == 0) ++last_serial_;
    return last_serial_;
}

// ---- locks --------------------------------------------------------------------------------------

bool PeersPart::grants(const EngineSession& session, const Message& message) const {
    if (message.carrier == Carrier::websocket)
        return ForeignAccess::may_upgrade(session) && !sockets_of_sessions_.contains(message.sid);
    if (message.carrier != Carrier::polling) return false;
    return message.access == Access::read ? ForeignAccess::may_poll(session)
                                          : ForeignAccess::may_post(session);
}

// A node answers for its own sessions alone.
void PeersPart::on_acquire_lock(const Message& message) {
    EngineSession* const session = session_of(message.sid);
    if (!session) return;
    Message answer{
        .type = Type::lock_answer, .recipient = message.sender, .request = message.request};
    answer.success = !worker_.stopping() && grants(*session, message);
    if (!answer.success) {
        send(std::move(answer));
        ++denied_count_;
        return;
    }
    if (message.carrier == Carrier::websocket)
        return serve_upgrade(*session, message, std::move(answer));
    if (message.access == Access::read) return serve_poll(*session, message, std::move(answer));
    (void)grant(std::move(answer));
}

// What holds the lock is there before: without memory it is not granted.
bool PeersPart::grant(Message answer) {
    const bool leaves = send(std::move(answer)) != 0;
    ++(leaves ? served_count_ : denied_count_);
    return leaves;
}

// ---- polls --------------------------------------------------------------------------------------

void PeersPart::serve_poll(EngineSession& session, const Message& message, Message answer) {
    const uint64_t serial = next_serial();
    const base::SlotKey key{
        static_cast<uint32_t>(serial >> 32) | relayed_slot_bit | foreign_slot_bit,
        static_cast<uint32_t>(serial)};
    const auto served =
        served_
            .emplace(serial, Served{{.part = *this, .key = key, .from = 0, .answer_head = {}},
                                    message.sid,
                                    message.sender})
            .first;
    RelayedRequest& poll = served->second.request;
    const http::RequestParts parts{.query = "EIO=4&transport=polling"};
    bool is_granted = false;
    try {
        is_granted = grant(std::move(answer));
        if (!is_granted) return void(served_.erase(served));
        ForeignAccess::poll(session, poll, http::Request(parts));
    } catch (...) {
        if (!is_granted) served_.erase(served);
        if (!is_granted) throw;
        worker_.log_exception("cluster", base::describe_current_exception());
        poll.response = http::Response();
        poll.response.status(500);
    }
    poll.is_answering = false;
    if (!poll.response.deferred()) finish(poll);
}

RelayedRequest* PeersPart::find(base::SlotKey key) noexcept {
    const uint64_t serial = static_cast<uint64_t>(key.slot & ~(relayed_slot_bit | foreign_slot_bit))
                                << 32 |
                            key.generation;
    const auto found = served_.find(serial);
    return found == served_.end() ? nullptr : &found->second.request;
}

void PeersPart::finish(RelayedRequest& request) {
    const auto node = served_.extract(
        static_cast<uint64_t>(request.key.slot & ~(relayed_slot_bit | foreign_slot_bit)) << 32 |
        request.key.generation);
    const uint64_t serial = node.key();
    const Served& served = node.mapped();
    bool leaves = false;
    try {
        drained_.emplace(serial, served.sid);
        Message message{.type = Type::drain, .recipient = served.peer, .sid = served.sid};
        message.packets = packets_of(served.request.response);
        leaves = send(std::move(message), {.of = PeerReceipt::Of::poll, .id = serial}) != 0;
    } catch (...) {
        worker_.log_exception("cluster", base::describe_current_exception());
    }
    if (!leaves) drained_.erase(serial);
    EngineWorker* const host = served.request.host;
    if (!host) return;
    host->request_ended(served.request.session, served.request.key, RequestEnd::answered);
    if (!leaves) host->drop_soon(served.request.session);
}

// The packets of the answer are lost if its node is gone, and with them the session.
void PeersPart::poll_confirmed(uint64_t serial, PeerReach reach) {
    const auto node = drained_.extract(serial);
    if (node.empty() || reach == PeerReach::reached) return;
    ++lost_count_;
    EngineSession* const session = session_of(node.mapped());
    if (session && ForeignAccess::may_post(*session))
        ForeignAccess::drop(*session, EngineClose::transport_error);
}

void PeersPart::forget_poll(std::string_view sid, std::string_view peer) {
    std::erase_if(served_, [&](const auto& each) {
        return each.second.sid == sid && each.second.peer == peer;
    });
}

// ---- what the client sends ----------------------------------------------------------------------

PeerSocket* PeersPart::socket_of(std::string_view sid, std::string_view peer) const {
    const auto serial = sockets_of_sessions_.find(sid);
    if (serial == sockets_of_sessions_.end()) return nullptr;
    PeerSocket* const socket = sockets_.at(serial->second).get();
    return socket->peer_ == peer ? socket : nullptr;
}

void PeersPart::on_packet(const Message& message) {
    EngineSession* const session = session_of(message.sid);
    if (!session) return;
    const engineio::Packet packet = message.packets.front().view();
    const PeerSocket* const socket = socket_of(message.sid, message.sender);
    const bool is_of_websocket = socket && socket->is_upgraded_ && socket->is_open_;
    // For example of a POST that was slower than an upgrade.
    if (!is_of_websocket && !ForeignAccess::may_post(*session)) return strange();
    try {
        (void)ForeignAccess::take(
            *session, is_of_websocket ? engineio::Link::websocket : engineio::Link::post, packet);
    } catch (...) {  // Out of memory: the packet is missing, so the session ends.
        worker_.log_exception("cluster", base::describe_current_exception());
        if (EngineSession* const left = session_of(message.sid))
            ForeignAccess::drop(*left, EngineClose::transport_error);
    }
}

void PeersPart::on_close(const Message& message) {
    EngineSession* const session = session_of(message.sid);
    if (!session) return;
    if (PeerSocket* const socket = socket_of(message.sid, message.sender);
        socket && socket->is_upgraded_) {
        const bool is_fault = reason_of(message.reason) != EngineClose::transport_close;
        return end(*socket, is_fault ? engineio::Session::Event::websocket_error
                                     : engineio::Session::Event::websocket_closed);
    }
    // A session that is on a WebSocket has no polling request that counts.
    if (!ForeignAccess::may_post(*session)) return strange();
    forget_poll(message.sid, message.sender);
    ForeignAccess::drop(*session, reason_of(message.reason));
}

// ---- WebSockets ---------------------------------------------------------------------------------

PeerSocket::PeerSocket(PeersPart& part, EngineWorker& host, EngineSession& session, uint64_t serial,
                       std::string sid, std::string peer)
    : session_(&session),
      part_(part),
      host_(host),
      serial_(serial),
      sid_(std::move(sid)),
      peer_(std::move(peer)) {
    ++host_.websockets;
}

PeerSocket::~PeerSocket() {
    --host_.websockets;
    if (session_) ForeignAccess::untie(*session_);
}

// The node that was asked answers the probe itself.
void PeerSocket::send(ws::Message message, bool) {
    if (!is_open_ || !is_upgraded_) return;
    const size_t bytes = packet_bytes + message.size();
    if (!ws::fits_queue(buffered_amount(), bytes, part_.queue_bytes_max())) {
        host_.worker.counters().messages_dropped.add();
        return part_.closed(*this);
    }
    const std::string_view text = base::text_of(message.bytes());
    if (message.is_binary())
        pending_.push_back({engineio::Type::message, true, std::string(text)});
    else
        pending_.push_back(
            {engineio::Type(text.front() - '0'), false, std::string(text.substr(1))});
    pending_bytes_ += bytes;
    part_.flush_soon(*this);
}

// Before the upgrade there is no word for it: the other node's question stays without an answer.
void PeerSocket::close(uint16_t) {
    if (!is_open_) return;
    // It leaves with what waits, before the end. Without memory for it, the client's time-out tells.
    if (is_upgraded_) {
        try {
            pending_.push_back({engineio::Type::close, false, {}});
            pending_bytes_ += packet_bytes;
        } catch (...) {
            host_.worker.log_exception("cluster", base::describe_current_exception());
        }
    }
    part_.closed(*this);
}

size_t PeersPart::queue_bytes_max() const noexcept {
    return engine_.options().send_queue_bytes_max;
}

void PeersPart::serve_upgrade(EngineSession& session, const Message& message, Message answer) {
    start_timer();
    const uint64_t serial = next_serial();
    auto made = std::make_unique<PeerSocket>(*this, engine_.host(worker_), session, serial,
                                             message.sid, message.sender);
    PeerSocket& socket = *made;
    const auto take_back = [&] {
        sockets_of_sessions_.erase(message.sid);
        sockets_.erase(serial);
    };
    try {
        sockets_of_sessions_.emplace(message.sid, serial);
        sockets_.emplace(serial, std::move(made));
        if (!grant(std::move(answer))) return take_back();
    } catch (...) {
        take_back();
        throw;
    }
    try {
        ForeignAccess::attach(session, socket);
        // From here on polls are answered soon, as the client waits for the end of its last one.
        (void)ForeignAccess::take(session, engineio::Link::websocket,
                                  {engineio::Type::ping, false, "probe"});
    } catch (...) {
        if (sockets_.contains(serial)) end(socket, engineio::Session::Event::websocket_closed);
        throw;
    }
}

void PeersPart::on_upgrade(const Message& message) {
    PeerSocket* socket = socket_of(message.sid, message.sender);
    if (!socket || socket->is_upgraded_ || !socket->is_open_ || !socket->session_) return strange();
    if (!message.success) return end(*socket, engineio::Session::Event::websocket_closed);
    socket->is_upgraded_ = true;
    (void)ForeignAccess::take(*socket->session_, engineio::Link::websocket,
                              {engineio::Type::upgrade, false, {}});
    socket = socket_of(message.sid, message.sender);
    if (!socket) return;
    flush(*socket);
    send({.type = Type::upgrade_answer, .recipient = message.sender, .request = message.request});
}

// One message for what a tick sends to a WebSocket.
void PeersPart::flush_soon(PeerSocket& socket) {
    if (socket.is_flushing_) return;
    // The call comes before what it is for: if one of the two has no memory, the next socket posts again.
    if (flushes_.empty())
        worker_.loop().post([this] {
            for (const uint64_t serial : std::exchange(flushes_, {})) {
                const auto found = sockets_.find(serial);
                if (found != sockets_.end()) flush(*found->second);
            }
        });
    flushes_.push_back(socket.serial_);
    socket.is_flushing_ = true;
}

void PeersPart::flush(PeerSocket& socket) {
    socket.is_flushing_ = false;
    if (socket.pending_.empty()) return;
    size_t bytes = 0;
    try {
        Message message{.type = Type::drain, .recipient = socket.peer_, .sid = socket.sid_};
        message.packets = std::exchange(socket.pending_, {});
        bytes = send(std::move(message), {.of = PeerReceipt::Of::socket, .id = socket.serial_});
    } catch (...) {  // Out of memory: it ends, because packets are missing.
        worker_.log_exception("cluster", base::describe_current_exception());
        socket.pending_.clear();
    }
    socket.pending_bytes_ = 0;
    socket.on_way_ += bytes;
    if (bytes == 0) closed(socket);
}

void PeersPart::socket_confirmed(uint64_t serial, size_t bytes, PeerReach reach) {
    const auto found = sockets_.find(serial);
    if (found == sockets_.end()) return;
    PeerSocket& socket = *found->second;
    socket.on_way_ -= std::min(bytes, socket.on_way_);
    if (reach == PeerReach::reached) return;
    ++lost_count_;
    end(socket, engineio::Session::Event::websocket_closed);
}

// Functions of the socket may be on the call stack. What it has sent leaves before.
void PeersPart::closed(PeerSocket& socket) {
    socket.is_open_ = false;
    try {
        worker_.loop().post([this, serial = socket.serial_] {
            const auto found = sockets_.find(serial);
            if (found != sockets_.end()) end_closed(*found->second);
        });
    } catch (...) {  // Out of memory: the timer ends it.
        are_closed_left_ = true;
        worker_.log_exception("cluster", base::describe_current_exception());
    }
}

void PeersPart::end_closed(PeerSocket& socket) {
    flush(socket);
    end(socket, engineio::Session::Event::websocket_closed);
}

void PeersPart::end_closed_left() {
    if (!are_closed_left_) return;
    std::vector<uint64_t> left;
    for (const auto& [serial, socket] : sockets_)
        if (!socket->is_open_) left.push_back(serial);
    are_closed_left_ = false;
    for (const uint64_t serial : left) {
        const auto found = sockets_.find(serial);  // The end of another one may have ended it.
        if (found != sockets_.end()) end_closed(*found->second);
    }
}

void PeersPart::end(PeerSocket& socket, engineio::Session::Event how) {
    socket.is_open_ = false;
    const auto node = sockets_.extract(socket.serial_);
    sockets_of_sessions_.erase(socket.sid_);
    if (socket.session_) ForeignAccess::websocket_ended(*socket.session_, how);
}

}  // namespace starling::server
