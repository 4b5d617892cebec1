#include "load/exchange.h"

#include <sys/prctl.h>

#include <algorithm>

namespace starling::load {

Exchange::Exchange(const Plan& plan, const Places& places, Shared& shared, uint32_t number,
                   uint64_t bytes_max)
    : Conversation(plan, places, shared, number, bytes_max),
      schedule_(std::max(plan.rate, 1U), number, plan.threads) {}

void Exchange::begin(uint64_t now) {
    sending_ = true;
    for (const auto& link : links())
        if (link->ready) alive_.push_back(static_cast<Peer*>(link.get()));
    schedule_.start(shared().begin_ns.load());
    if (open_model()) {
        ::prctl(PR_SET_TIMERSLACK, 1000UL);  // Waits for the next message end in time.
        return;
    }
    for (Peer* const peer : alive_) send_together(*peer, plan().depth, now);
}

Exchange::Pause Exchange::turn(uint64_t now) {
    if (!open_model()) return plan().naps ? Pause{.nap_ns = nap_ns_max} : Pause{};
    uint32_t sent = 0;
    for (; schedule_.next_ns() <= now && sent < sent_in_a_turn_max; ++sent) {
        send_due(schedule_.next_ns());
        schedule_.advance();
    }
    const uint64_t next = schedule_.next_ns();
    return {.wait_ns = next > now ? next - now : 0};
}

void Exchange::last_turn(uint64_t end) {
    for (; open_model() && schedule_.next_ns() < end; schedule_.advance())
        send_due(schedule_.next_ns());
}

Exchange::Pause Exchange::rest() {
    sending_ = false;
    return {.wait_ns = 10'000'000};
}

void Exchange::send_together(Peer& peer, uint32_t count, uint64_t now) {
    peer.sent.push(now, count);
    in_flight_ += count;
    send_messages(peer, count);
}

void Exchange::send_due(uint64_t due) {
    if (alive_.empty()) return;
    if (in_flight_ >= in_flight_max)
        return note({Fault::Kind::unanswered, 0, "2,000,000 messages are on the way"});
    Peer& peer = *alive_[next_++ % alive_.size()];
    peer.sent.push(due);
    ++in_flight_;
    if (Engine::drained(peer))
        send_messages(peer, 1);
    else
        ++peer.waiting;
}

void Exchange::on_writable(Link& link) {
    auto& peer = static_cast<Peer&>(link);
    if (peer.waiting == 0) return;
    const uint32_t count = peer.waiting;
    peer.waiting = 0;
    send_messages(peer, count);
}

bool Exchange::answered(Peer& peer, uint32_t answers) {
    if (answers > peer.sent.size())
        return refuse(peer, Fault::Kind::bad_answer, 0, "more answers than messages");
    const uint64_t now = engine().now();
    for (uint32_t left = answers; left > 0;) {
        const auto [since, times] = peer.sent.pop(left);
        if (open_model() ? since >= measured_from() : measuring())
            latency().record(now - since, times);
        left -= times;
    }
    in_flight_ -= answers;
    count(answers);
    if (open_model() || !sending_) return true;
    peer.returned += answers;
    if (!plan().refill_each && peer.returned < plan().depth) return true;
    const uint32_t next = peer.returned;
    peer.returned = 0;
    send_together(peer, next, now);
    return true;
}

void Exchange::lost(Link& link) {
    auto& peer = static_cast<Peer&>(link);
    in_flight_ -= peer.sent.size();
    peer.sent.clear();
    peer.waiting = 0;
    std::erase(alive_, &peer);
}

}  // namespace starling::load
