// What the two sides have in common.
#include "server/node_engine/peers_part.h"

#include <utility>

#include "server/engineio/engine.h"
#include "server/engineio/engine_worker.h"
#include "server/figures.h"

namespace starling::server {

using namespace cluster::engine;

PeersPart::PeersPart(PeerBus& bus, Engine& engine, Worker& worker, uint32_t workers)
    : bus_(bus),
      engine_(engine),
      worker_(worker),
      questions_({.first = uint64_t{worker.index()} + workers,
                  .step = workers,
                  .timeout_ms = bus.settings().answer_ms_max}) {}

PeersPart::~PeersPart() = default;

void PeersPart::loop_ended() noexcept {
    if (timer_) worker_.loop().cancel_timer(std::exchange(timer_, 0));
    while (!forwards_.empty()) forget(*forwards_.begin()->second);
    asked_.clear();
    polls_.clear();
    served_.clear();
    sockets_.clear();
    sockets_of_sessions_.clear();
}

size_t PeersPart::send(Message message, PeerReceipt receipt) {
    const PeerSettings& settings = bus_.settings();
    message.sender = settings.self;
    std::string channel = message.recipient.empty()
                              ? channel_of_all(settings.prefix)
                              : channel_of(settings.prefix, message.recipient);
    std::string bytes = encode(message);
    const size_t size = bytes.size();
    receipt.bytes = size;
    return bus_.publish(worker_.index(), std::move(channel), std::move(bytes), receipt) ? size : 0;
}

void PeersPart::on_message(const Message& message) {
    switch (message.type) {
        case Type::acquire_lock: return on_acquire_lock(message);
        case Type::lock_answer: return on_lock_answer(message);
        case Type::drain: return on_drain(message);
        case Type::packet: return on_packet(message);
        case Type::upgrade: return on_upgrade(message);
        case Type::upgrade_answer: return on_upgrade_answer(message);
        case Type::close: return on_close(message);
    }
}

void PeersPart::published(const PeerReceipt& receipt, PeerReach reach) {
    using Of = PeerReceipt::Of;
    switch (receipt.of) {
        case Of::nothing: return;
        case Of::question:
            if (reach == PeerReach::reached) return;
            return question_lost(receipt.id, reach);
        case Of::post: return post_confirmed(receipt.id, reach);
        case Of::forward: return forward_confirmed(receipt.id, receipt.bytes, reach);
        case Of::poll: return poll_confirmed(receipt.id, reach);
        case Of::socket: return socket_confirmed(receipt.id, receipt.bytes, reach);
    }
}

// Nobody but this node has heard the question; or Redis has not taken it.
void PeersPart::question_lost(uint64_t number, PeerReach reach) {
    const auto answered = questions_.answered(number);
    if (!answered || answered->is_late) return;
    if (reach == PeerReach::lost && !forward_of_question(number)) return refuse_asked(number, 503);
    lock_refused(number, answered->question.kind);
}

// Redis keeps nothing for those that are away: messages of both sides may be missing.
void PeersPart::connection_lost() {
    std::vector<uint64_t> numbers;
    numbers.reserve(asked_.size());
    for (const auto& [number, asked] : asked_) numbers.push_back(number);
    for (const uint64_t number : numbers) refuse_asked(number, 503);
    std::vector<PeerForward*> forwards;
    forwards.reserve(forwards_.size());
    for (const auto& [serial, forward] : forwards_) forwards.push_back(forward);
    for (PeerForward* const forward : forwards) act(*forward, UpgradeEvent::owner_lost);
    std::vector<std::string> sessions;
    sessions.reserve(served_.size() + drained_.size());
    for (const auto& [serial, served] : served_) sessions.push_back(served.sid);
    for (const auto& [serial, sid] : std::exchange(drained_, {})) sessions.push_back(sid);
    served_.clear();
    for (const std::string& sid : sessions) {
        EngineSession* const session = session_of(sid);
        if (session && ForeignAccess::may_post(*session))
            ForeignAccess::drop(*session, EngineClose::transport_error);
    }
    while (!sockets_.empty())
        end(*sockets_.begin()->second, engineio::Session::Event::websocket_closed);
}

void PeersPart::packets_lost(const std::string& sid, const std::string& sender) {
    ++lost_count_;
    if (PeerForward* const forward = forward_of_session(sid, sender))
        return act(*forward, UpgradeEvent::owner_lost);
    const auto poll = polls_.find(sid);
    if (poll != polls_.end() && asked_.at(poll->second).owner == sender) {
        send_close(sid, sender, "transport error");
        return refuse_asked(poll->second, 503);
    }
    on_close({.type = Type::close, .sender = sender, .sid = sid, .reason = "transport error"});
}

void PeersPart::add_figures(Figures& figures) const {
    constexpr std::string_view now = "starling_node_engine_open",
                               now_help = "Requests and WebSockets between nodes of cluster-engine",
                               total = "starling_node_engine_total",
                               total_help = "What nodes of cluster-engine asked of each other";
    figures.gauge(now, now_help, static_cast<double>(asked_.size()), label("of", "asked_requests"));
    figures.gauge(now, now_help, static_cast<double>(forwards_.size()),
                  label("of", "asked_websockets"));
    figures.gauge(now, now_help, static_cast<double>(served_.size()), label("of", "owned_polls"));
    figures.gauge(now, now_help, static_cast<double>(sockets_.size()),
                  label("of", "owned_websockets"));
    figures.counter(total, total_help, asked_count_, label("result", "asked"));
    figures.counter(total, total_help, forwarded_count_, label("result", "asked_websocket"));
    figures.counter(total, total_help, refused_count_, label("result", "refused"));
    figures.counter(total, total_help, lost_count_, label("result", "lost"));
    figures.counter(total, total_help, taken_over_count_, label("result", "taken_over"));
    figures.counter(total, total_help, served_count_, label("result", "granted"));
    figures.counter(total, total_help, denied_count_, label("result", "denied"));
    figures.counter(total, total_help, strange_count_, label("result", "strange"));
}

}  // namespace starling::server
