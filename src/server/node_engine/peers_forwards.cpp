// WebSockets at the node that was asked.
#include <utility>

#include "base/exception_text.h"
#include "base/text.h"
#include "engineio/packet.h"
#include "http/target.h"
#include "server/engineio/engine.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/kept_request.h"
#include "server/node_engine/peers_part.h"
#include "server/ws_connection.h"
#include "server/ws_handler.h"

namespace starling::server {
namespace {

using namespace cluster::engine;
namespace relay = engineio::relay;
using State = Upgrade::State;

uint16_t close_code(Upgrade::Event event) noexcept {
    switch (event) {
        case Upgrade::Event::owner_closed: return ws::close_code::normal;
        case Upgrade::Event::owner_lost:
        case Upgrade::Event::silence: return ws::close_code::going_away;
        default: return ws::close_code::policy_violation;
    }
}

Upgrade::Event event_of(const engineio::Packet& packet) noexcept {
    if (packet.type == engineio::Type::ping && packet.data == "probe") return Upgrade::Event::probe;
    return packet.type == engineio::Type::upgrade ? Upgrade::Event::upgrade
                                                  : Upgrade::Event::packet;
}

}  // namespace

// ---- PeerForward --------------------------------------------------------------------------------

PeerForward::~PeerForward() {
    if (connection_) part_.forget(*this);
}

void PeerForward::opened(WsConnection& connection) {
    connection_ = &connection;
    part_.opened(*this);
}

void PeerForward::received(ws::Message message) {
    if (connection_) part_.received(*this, message);
}

void PeerForward::ended(Event event) {
    if (connection_) part_.client_left(*this, event);
}

// ---- the client ---------------------------------------------------------------------------------

void PeersPart::forward(WsAdmission& admission, const engineio::Query& query) {
    const auto network = peer::ClientNetwork::of(admission.request.remote_address());
    const int status = refusal(network, 0);
    if (status != 0) {
        ++refused_count_;
        admission.refusal.emplace()
            .status(status)
            .header("Retry-After", "1")
            .body("", "text/plain");
        return;
    }
    admission.data = std::make_unique<PeerForward>(
        *this, next_serial(), std::string(query.sid), network, engineio::supports_binary(query),
        keep_request({.type = relay::Type::upgrade}, admission.request));
}

// The upgrade waits for no answer: if the lock is refused, the WebSocket ends, and the client goes on
// polling.
void PeersPart::opened(PeerForward& forward) {
    ++forwarded_count_;
    forward.place_ = shares_.enter(forward.network_, 0);
    forwards_.emplace(forward.serial_, &forward);
    forward.due_ms_ = now_ms() + static_cast<uint64_t>(engine_.options().upgrade_timeout.count());
    forward.question_ = questions_.ask(Questions::Kind::websocket, forward.sid_, now_ms());
    asking_forwards_.emplace(forward.question_, &forward);
    start_timer();
    if (!ask_lock(forward.question_, forward.sid_, Carrier::websocket, Access::read))
        act(forward, UpgradeEvent::owner_lost);
}

void PeersPart::received(PeerForward& forward, ws::Message message) {
    std::string scratch;
    const std::string_view text = base::text_of(message.bytes());
    const auto decoded = message.is_binary()
                             ? engineio::decode_binary(text, engineio::Revision::eio4)
                             : engineio::decode_text(text, engineio::Revision::eio4, scratch);
    if (decoded.fault != engineio::Fault::none)
        return act(forward, UpgradeEvent::fault, nullptr, "parse error");
    const engineio::Packet& view = decoded.packet;
    const Packet packet{view.type, view.binary, std::string(view.data)};
    act(forward, event_of(view), &packet);
}

void PeersPart::client_left(PeerForward& forward, engineio::Session::Event how) {
    const bool is_fault = how == engineio::Session::Event::websocket_error;
    act(forward, UpgradeEvent::left, nullptr, is_fault ? "transport error" : "transport close");
}

void PeersPart::forget(PeerForward& forward) noexcept {
    if (!std::exchange(forward.connection_, nullptr)) return;
    forward.place_ = {};
    if (forwards_.erase(forward.serial_) == 0) return;  // opened() has thrown.
    asking_forwards_.erase(forward.question_);
    const auto open = open_forwards_.find(forward.sid_);
    if (open != open_forwards_.end() && open->second == &forward) open_forwards_.erase(open);
    questions_.give_up(forward.question_, now_ms());
}

PeerForward* PeersPart::forward_of_question(uint64_t number) const {
    const auto found = asking_forwards_.find(number);
    return found == asking_forwards_.end() ? nullptr : found->second;
}

PeerForward* PeersPart::forward_of_session(std::string_view sid, std::string_view owner) const {
    const auto found = open_forwards_.find(sid);
    const bool is_of = found != open_forwards_.end() && found->second->owner_ == owner;
    return is_of ? found->second : nullptr;
}

// ---- its steps ----------------------------------------------------------------------------------

template <class F>
void PeersPart::guarded(PeerForward& forward, F&& call) {
    WsConnection& connection = *forward.connection_;  // `forward` may be destroyed within the call.
    try {
        call();
    } catch (...) {
        connection.handler_threw("cluster", base::describe_current_exception());
    }
}

void PeersPart::act(PeerForward& forward, UpgradeEvent event, const Packet* packet,
                    std::string_view reason) {
    guarded(forward, [&] { step(forward, event, packet, reason); });
}

void PeersPart::step(PeerForward& forward, UpgradeEvent event, const Packet* packet,
                     std::string_view reason) {
    const Upgrade::Actions actions = forward.steps_.on(event);
    bool is_lost = false;
    if (forward.steps_.state() != State::asking && forward.steps_.state() != State::asked)
        forward.place_.question_ended();
    if (actions.give_back) (void)tell_upgrade(forward, false);
    if (actions.answer_probe) forward.connection_->send(ws::Message("3probe"));
    if (actions.tell_upgrade) is_lost = !tell_upgrade(forward, true);
    if (actions.forward) is_lost = !send_packet(forward, *packet);
    if (actions.hold) {
        forward.held_.push_back(*packet);
        pause(forward);
    }
    if (actions.release) {
        forward.due_ms_ = now_ms() + bounds.silence_ms_max;
        forward.request_ = {};
        for (const Packet& each : std::exchange(forward.held_, {}))
            is_lost = is_lost || !send_packet(forward, each);
    }
    if (actions.tell_close) send_close(forward.sid_, forward.owner_, reason);
    if (is_lost) return step(forward, UpgradeEvent::owner_lost, nullptr, reason);
    if (forward.steps_.state() != State::ended || !forward.connection_) {
        if (actions.release && forward.on_way_ < bounds.untaken_bytes_max &&
            std::exchange(forward.is_paused_, false))
            forward.connection_->resume();  // The last line: it may read a frame, or the end.
        return;
    }
    WsConnection& connection = *forward.connection_;
    forget(forward);
    if (actions.close) connection.close(close_code(event), {});
}

bool PeersPart::tell_upgrade(PeerForward& forward, bool success) {
    asking_forwards_.erase(forward.question_);
    forward.question_ = questions_.ask(Questions::Kind::upgrade, forward.sid_, now_ms());
    Message message{.type = Type::upgrade,
                    .recipient = forward.owner_,
                    .request = forward.question_,
                    .sid = forward.sid_};
    message.success = success;
    if (success) {
        asking_forwards_.emplace(forward.question_, &forward);
        open_forwards_[forward.sid_] = &forward;
    }
    return send(std::move(message), {.of = PeerReceipt::Of::forward, .id = forward.serial_}) != 0;
}

void PeersPart::pause(PeerForward& forward) {
    if (!std::exchange(forward.is_paused_, true)) forward.connection_->pause();
}

bool PeersPart::send_packet(PeerForward& forward, const Packet& packet) {
    Message message{.type = Type::packet, .recipient = forward.owner_, .sid = forward.sid_};
    message.packets.push_back(packet);
    const size_t bytes =
        send(std::move(message), {.of = PeerReceipt::Of::forward, .id = forward.serial_});
    forward.on_way_ += bytes;
    if (forward.on_way_ >= bounds.untaken_bytes_max) pause(forward);
    return bytes != 0;
}

void PeersPart::forward_confirmed(uint64_t serial, size_t bytes, PeerReach reach) {
    const auto found = forwards_.find(serial);
    if (found == forwards_.end()) return;
    PeerForward& forward = *found->second;
    if (reach != PeerReach::reached) {
        ++lost_count_;
        return act(forward, UpgradeEvent::owner_lost);
    }
    forward.on_way_ -= std::min(bytes, forward.on_way_);
    const bool may_go_on =
        forward.steps_.state() == State::open && forward.on_way_ < bounds.untaken_bytes_max;
    if (may_go_on && std::exchange(forward.is_paused_, false)) forward.connection_->resume();
}

void PeersPart::close_late_forwards() {
    std::vector<PeerForward*> late;
    for (const auto& [serial, forward] : forwards_)
        if (forward->due_ms_ <= now_ms()) late.push_back(forward);
    for (PeerForward* const forward : late) {
        ++lost_count_;
        // A question for the lock is over before.
        act(*forward, UpgradeEvent::silence);
    }
}

// ---- from the owner -----------------------------------------------------------------------------

void PeersPart::give(PeerForward& forward, const std::vector<Packet>& packets) {
    if (!forward.steps_.takes_drains()) return strange();
    guarded(forward, [&] { give_each(forward, packets); });
}

void PeersPart::give_each(PeerForward& forward, const std::vector<Packet>& packets) {
    forward.due_ms_ = now_ms() + bounds.silence_ms_max;
    const uint64_t serial = forward.serial_;
    std::string text;
    for (const Packet& packet : packets) {
        if (packet.type == engineio::Type::close) return act(forward, UpgradeEvent::owner_closed);
        if (packet.binary && forward.supports_binary_) {
            forward.connection_->send(ws::Message(base::bytes_of(packet.data)));
        } else {
            text.clear();
            engineio::append_text(text, packet.view(), engineio::Revision::eio4);
            forward.connection_->send(ws::Message(text));
        }
        if (!forwards_.contains(serial)) return;  // The client does not read.
    }
}

void PeersPart::on_upgrade_answer(const Message& message) {
    PeerForward* const forward = forward_of_question(message.request);
    if (!forward || forward->owner_ != message.sender ||
        forward->steps_.state() != State::upgrading)
        return strange();
    (void)questions_.answered(message.request);
    if (!message.take_over) return act(*forward, UpgradeEvent::stays);
    (void)forward->steps_.on(UpgradeEvent::moves);
    guarded(*forward, [&] { take_over(*forward, message.packets); });
}

// The other node has begun no connection of Socket.IO for the session yet: it begins here. First come
// the packets that the client has sent there.
void PeersPart::take_over(PeerForward& forward, const std::vector<Packet>& packets) {
    const std::string kept = std::move(forward.request_);
    const std::vector<Packet> held = std::move(forward.held_);
    const bool was_paused = forward.is_paused_;
    WsConnection& connection = *forward.connection_;
    forget(forward);
    const auto request = relay::decode_request(kept);
    const auto target =
        request ? http::split_target(request->method, request->target) : std::nullopt;
    if (!target) return connection.close(ws::close_code::internal_error, {});
    const http::RequestParts parts = parts_of(*request, *target);
    EngineSession* session = ForeignAccess::take_over(engine_, connection, http::Request(parts));
    // `forward` is destroyed, unless the session is refused.
    if (!session) return connection.close(ws::close_code::policy_violation, {});
    ++taken_over_count_;
    const EngineWorker& host = engine_.host(worker_);
    const base::SlotKey key = session->slot_key();
    for (const auto* const list : {&packets, &held})
        for (const Packet& packet : *list) {
            session = host.find(key);
            if (!session) return;  // A packet has ended it.
            (void)ForeignAccess::take(*session, engineio::Link::websocket, packet.view());
        }
    session = host.find(key);
    if (was_paused && session && !ForeignAccess::is_paused(*session)) connection.resume();
}

}  // namespace starling::server
