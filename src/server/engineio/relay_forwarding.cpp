// WebSockets at the node that was asked: the frames of its clients go to the owner of the session,
// and those of the owner to the clients.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "server/engineio/engine.h"
#include "server/engineio/kept_request.h"
#include "server/engineio/relay_part.h"
#include "server/engineio/relay_sockets.h"
#include "server/figures.h"
#include "server/ws_connection.h"
#include "ws/frame.h"

namespace starling::server {
namespace {

namespace relay = engineio::relay;
using relay::Type;

// Pongs, for example, leave always if no more than this of their WebSocket is on its way.
constexpr size_t small_frame_bytes = 1024;

constexpr uint16_t how_ended(engineio::Session::Event event) noexcept {
    return event == engineio::Session::Event::websocket_error ? 1 : 0;
}

}  // namespace

// ---- ForwardedSocket ----------------------------------------------------------------------------

ForwardedSocket::~ForwardedSocket() {
    if (connection_) part_.forget(*this);
}

void ForwardedSocket::opened(WsConnection& connection) {
    connection_ = &connection;
    part_.opened(*this);
}

void ForwardedSocket::received(ws::Message message) {
    if (connection_) part_.send_frame(*this, message);
}

void ForwardedSocket::drained() {
    if (connection_) part_.drained(*this);
}

void ForwardedSocket::ended(Event event) {
    if (connection_) part_.client_left(*this, event);
}

// ---- to the owner -------------------------------------------------------------------------------

void RelayPart::forward(WsAdmission& admission, const SessionHome& home) {
    const auto network = peer::ClientNetwork::of(admission.request.remote_address());
    const uint64_t id = last_id_ + 1;
    std::string message =
        keep_request({.type = Type::upgrade, .worker = home.worker, .id = id}, admission.request);
    const int status =
        message.size() > RelayBounds::message_bytes_max ? 413 : refusal(network, message.size());
    if (status != 0) {
        ++refused_sockets_;
        http::Response& response = admission.refusal.emplace();
        response.status(status).body("", "text/plain");
        if (status != 413) response.header("Retry-After", "1");
        return;
    }
    last_id_ = id;
    admission.data =
        std::make_unique<ForwardedSocket>(*this, id, home, network, std::move(message));
}

// The upgrade waits for no answer: the owner accepts it, or ends the WebSocket.
void RelayPart::opened(ForwardedSocket& socket) {
    const size_t bytes = socket.upgrade_.size();
    Share& share = asked_of_[socket.network_];
    forwarded_.emplace(socket.id_, &socket);
    ++share.requests;  // From here on, forget() takes it back.
    take_bytes(socket.network_, bytes);
    socket.on_way_ = socket.untaken_ = bytes;
    socket.due_ms_ = worker_.loop().now_ms() + bounds.upgrade_ms_max;
    ++forwarded_count_;
    start_timer();
    if (!send(socket.home_.node, std::exchange(socket.upgrade_, {})))
        close(socket, ws::close_code::try_again_later);
}

void RelayPart::send_frame(ForwardedSocket& socket, ws::Message message) {
    std::string text =
        relay::encode({.type = Type::frame, .worker = socket.home_.worker, .id = socket.id_},
                      relay::Frame{.to_owner = true,
                                   .binary = message.is_binary(),
                                   .bytes = base::text_of(message.bytes())});
    const size_t bytes = text.size();
    const bool is_small = socket.on_way_ + bytes <= small_frame_bytes;
    int status = 0;
    if (bytes > RelayBounds::message_bytes_max)
        status = 413;
    else if (!is_small)
        status = bytes_refusal(socket.network_, bytes);
    if (status == 0 && !send(socket.home_.node, std::move(text))) status = 503;
    if (status != 0)
        return lose(socket, status == 413 ? ws::close_code::message_too_big
                                          : ws::close_code::try_again_later);
    take_bytes(socket.network_, bytes);
    socket.on_way_ += bytes;
    socket.untaken_ += bytes;
    // A frame of this client is on its way, so a credit comes, which lets the client go on.
    if (socket.untaken_ < bounds.untaken_bytes_max && !is_crowded(socket.network_)) return;
    socket.is_paused_ = true;
    socket.connection_->pause();
}

// The frames of all clients, or of this one, are half of what may be on its way.
bool RelayPart::is_crowded(const peer::ClientNetwork& network) const {
    return asked_bytes_ >= bounds.asked_bytes_max / 2 ||
           asked_of_.at(network).bytes >= bounds.asked_bytes_max / 8;
}

void RelayPart::take_credit(ForwardedSocket& socket, const relay::Credit& credit) {
    socket.due_ms_ = 0;
    const size_t arrived = std::min<size_t>(credit.arrived, socket.on_way_);
    give_back_bytes(socket.network_, arrived);
    socket.on_way_ -= arrived;
    socket.untaken_ -= std::min<size_t>(credit.taken, socket.untaken_);
    const bool may_go_on = socket.untaken_ < bounds.untaken_bytes_max &&
                           (socket.on_way_ == 0 || !is_crowded(socket.network_));
    if (!may_go_on || !std::exchange(socket.is_paused_, false)) return;
    socket.connection_->resume();  // The last line: it may read a frame, or the end.
}

void RelayPart::send_end(uint64_t id, const SessionHome& home, uint16_t how) {
    tell(home.node, relay::encode({.type = Type::end, .worker = home.worker, .id = id},
                                  relay::End{.to_owner = true, .code = how}));
}

bool RelayPart::send_taken(uint64_t id, const SessionHome& home) {
    return tell(home.node, relay::encode({.type = Type::taken, .worker = home.worker, .id = id}));
}

void RelayPart::leave(ForwardedSocket& socket, uint16_t how) {
    part_from(socket.id_, socket.home_, socket.network_, socket.on_way_);
    socket.on_way_ = 0;
    send_end(socket.id_, socket.home_, how);
    forget(socket);
}

void RelayPart::client_left(ForwardedSocket& socket, engineio::Session::Event how) {
    leave(socket, how_ended(how));
}

void RelayPart::forget(ForwardedSocket& socket) noexcept {
    if (!std::exchange(socket.connection_, nullptr)) return;
    if (forwarded_.erase(socket.id_) == 0) return;  // opened() has thrown.
    give_back_bytes(socket.network_, socket.on_way_);
    forget_request(socket.network_);
}

// ---- to the client ------------------------------------------------------------------------------

ForwardedSocket* RelayPart::find_forwarded(Nodes::Id from, uint64_t id) const {
    const auto found = forwarded_.find(id);
    const bool is_of = found != forwarded_.end() && found->second->home_.node == from;
    return is_of ? found->second : nullptr;
}

void RelayPart::give_frame(ForwardedSocket& socket, const relay::Frame& frame, size_t bytes) {
    socket.received_.arrived += static_cast<uint32_t>(bytes);
    socket.received_.held += static_cast<uint32_t>(bytes);
    credit_soon(socket.id_, false, socket.received_);
    const ws::Message message =
        frame.binary ? ws::Message(base::bytes_of(frame.bytes)) : ws::Message(frame.bytes);
    socket.connection_->send(message, frame.compress);
}

void RelayPart::drained(ForwardedSocket& socket) {
    if (socket.received_.held != 0) credit_soon(socket.id_, false, socket.received_);
}

void RelayPart::close(ForwardedSocket& socket, uint16_t code) {
    WsConnection& connection = *socket.connection_;
    leave(socket, 0);
    connection.close(code, {});
}

void RelayPart::lose(ForwardedSocket& socket, uint16_t code) {
    ++lost_sockets_;
    close(socket, code);
}

void RelayPart::close_late_sockets() {
    const uint64_t now_ms = worker_.loop().now_ms();
    std::vector<ForwardedSocket*> late;
    for (const auto& [id, socket] : forwarded_)
        if (socket->due_ms_ != 0 && socket->due_ms_ <= now_ms) late.push_back(socket);
    for (ForwardedSocket* const socket : late) lose(*socket, ws::close_code::try_again_later);
}

// ---- both sides ---------------------------------------------------------------------------------

void RelayPart::malformed() {
    malformed_.add(worker_, "cluster: a message of another node about a WebSocket is malformed");
}

void RelayPart::on_frame(Nodes::Id from, const relay::Head& head, std::string_view message) {
    const auto frame = relay::decode_frame(message);
    if (!frame || (!frame->binary && !base::utf8_is_valid(frame->bytes))) {
        malformed();
        // Without this frame the messages that follow have another meaning.
        return frame_dropped(from, head.id, frame && frame->to_owner);
    }
    if (frame->to_owner) {
        if (RelayedSocket* const socket = find_relayed(from, head.id))
            give_frame(*socket, *frame, message.size());
        else if (!knows_of_end(from, head.id))
            end_client(from, head.id, ws::close_code::going_away);
    } else if (ForwardedSocket* const socket = find_forwarded(from, head.id)) {
        give_frame(*socket, *frame, message.size());
    }
}

void RelayPart::on_credit(Nodes::Id from, const relay::Head& head, std::string_view message) {
    const auto credit = relay::decode_credit(message);
    if (!credit) return malformed();
    if (credit->to_owner) {
        if (RelayedSocket* const socket = find_relayed(from, head.id))
            take_credit(*socket, *credit);
    } else if (ForwardedSocket* const socket = find_forwarded(from, head.id)) {
        take_credit(*socket, *credit);
    }
}

void RelayPart::on_end(Nodes::Id from, const relay::Head& head, std::string_view message) {
    using Event = engineio::Session::Event;
    const auto gone = relay::decode_end(message);
    const bool is_known = gone && (gone->to_owner ? gone->code <= 1
                                                  : gone->code == relay::end_answered ||
                                                        ws::close_code_is_valid(gone->code));
    if (!is_known) return malformed();
    if (gone->to_owner) {
        if (RelayedSocket* const socket = find_relayed(from, head.id))
            end(*socket, gone->code == 1 ? Event::websocket_error : Event::websocket_closed);
        else
            abandon_if_served(from, head.id);
        // Also without such a number: all that the node sent before has arrived.
        return end_client(from, head.id, relay::end_answered);
    }
    if (gone->code == relay::end_answered) return end_answered(from, head.id);
    // The frames before this message have arrived.
    if (ForwardedSocket* const socket = find_forwarded(from, head.id)) {
        send_taken(head.id, socket->home_);
        return close(*socket, gone->code);
    }
    const auto parted = parted_.find(head.id);
    if (parted != parted_.end() && parted->second.home.node == from)
        send_taken(head.id, parted->second.home);
}

void RelayPart::frame_dropped(Nodes::Id from, uint64_t id, bool to_owner) {
    if (to_owner) {
        if (RelayedSocket* const socket = find_relayed(from, id))
            fail(*socket, ws::close_code::try_again_later);
    } else if (ForwardedSocket* const socket = find_forwarded(from, id)) {
        lose(*socket, ws::close_code::try_again_later);
    }
}

void RelayPart::sockets_lost(Nodes::Id node) {
    std::vector<ForwardedSocket*> forwarded;
    for (const auto& [id, socket] : forwarded_)
        if (socket->home_.node == node) forwarded.push_back(socket);
    for (ForwardedSocket* const socket : forwarded)
        lose(*socket, ws::close_code::going_away);  // The owner is told, should it come back.
    std::vector<RelayedSocket*> relayed;
    for (const auto& [serial, socket] : relayed_)
        if (socket->client_.node == node) relayed.push_back(socket.get());
    for (RelayedSocket* const socket : relayed) {
        socket->is_node_lost_ = true;
        fail(*socket, ws::close_code::going_away);
    }
}

// One for each WebSocket and tick.
void RelayPart::credit_soon(uint64_t number, bool to_client, FramesReceived& received) {
    if (std::exchange(received.is_due, true)) return;
    credits_.push_back({number, to_client});
    if (credits_.size() == 1) worker_.loop().post([this] { send_credits(); });
}

void RelayPart::send_credits() {
    for (const auto& [number, to_client] : std::exchange(credits_, {})) {
        if (to_client) {
            const auto found = relayed_.find(number);
            if (found == relayed_.end()) continue;
            RelayedSocket& socket = *found->second;
            if (!socket.is_told_)
                send_credit(socket.client_.node,
                            {.type = Type::credit,
                             .worker = static_cast<uint16_t>(socket.client_.id >> 48),
                             .id = socket.client_.id},
                            !socket.is_paused_, socket.received_, false);
        } else {
            const auto found = forwarded_.find(number);
            if (found == forwarded_.end()) continue;
            ForwardedSocket& socket = *found->second;
            send_credit(socket.home_.node,
                        {.type = Type::credit, .worker = socket.home_.worker, .id = number},
                        socket.connection_->is_writable(), socket.received_, true);
        }
    }
}

void RelayPart::send_credit(Nodes::Id to, const relay::Head& head, bool takes,
                            FramesReceived& received, bool to_owner) {
    received.is_due = false;
    const uint32_t taken = takes ? received.held : 0;
    const uint32_t arrived = received.arrived;
    if (taken == 0 && arrived == 0) return;
    const relay::Credit credit{.to_owner = to_owner, .arrived = arrived, .taken = taken};
    if (!tell(to, relay::encode(head, credit))) return;
    received.held -= taken;
    received.arrived = 0;
}

void RelayPart::add_socket_figures(Figures& figures) const {
    constexpr std::string_view open = "starling_relayed_websockets",
                               open_help = "WebSockets between nodes that are open",
                               total = "starling_relayed_websockets_total",
                               total_help = "WebSockets between nodes, by result";
    figures.gauge(open, open_help, static_cast<double>(forwarded_.size()), label("side", "asked"));
    figures.gauge(open, open_help, static_cast<double>(relayed_.size()), label("side", "owner"));
    figures.counter(total, total_help, forwarded_count_, label("result", "sent"));
    figures.counter(total, total_help, relayed_count_, label("result", "served"));
    figures.counter(total, total_help, refused_sockets_, label("result", "refused"));
    figures.counter(total, total_help, lost_sockets_, label("result", "lost"));
}

}  // namespace starling::server
