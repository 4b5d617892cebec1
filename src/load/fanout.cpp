#include "load/fanout.h"

#include <algorithm>

#include "load/measure/socketio_packets.h"

namespace starling::load {
namespace {

constexpr uint64_t silence_ns_max = 1'000'000'000;

}  // namespace

Fanout::Fanout(const Plan& plan, const Places& places, Shared& shared, Published& published,
               uint32_t number)
    : Conversation(plan, places, shared, number),
      published_(published),
      before_(speaks_socketio() ? packet::event_begin(plan.event) : plan.before),
      after_(speaks_socketio() ? packet::event_end : plan.after),
      publication_(std::max(plan.payload_bytes, Publication::bytes_min)),
      schedule_(std::max(plan.rate, 1U), 0, 1),
      publisher_target_{&places.publisher, upgrade_request(places.publisher.upgrade)} {
    if (publishes()) published_.done = false;
}

bool Fanout::publishes() const noexcept { return number() == 0 && load::publishes(plan()); }

void Fanout::open_more() {
    if (!publishes()) return;
    publisher_.index = plan().connections;
    start_beside(publisher_, publisher_target_);
}

void Fanout::begin(uint64_t /*now*/) {
    subscribers_ = open_links() - (publisher_.ready ? 1 : 0);
    schedule_.start(shared().begin_ns.load());
}

uint64_t Fanout::delivered_everywhere() const noexcept {
    uint64_t sum = 0;
    for (const Live& live : shared().live) sum += live.count.load(std::memory_order_relaxed);
    return sum;
}

bool Fanout::window_open() const noexcept {
    const uint64_t connections = plan().connections;
    return plan().depth == 0 || published_.count.load(std::memory_order_relaxed) * connections <
                                    delivered_everywhere() + uint64_t{plan().depth} * connections;
}

// Waits by sleeping, not in epoll: what arrives meanwhile is read together, and the server does not
// pay for waking this thread with each of its sends.
Worker::Pause Fanout::turn(uint64_t now) {
    publish(now);
    const uint64_t next = schedule_.next_ns();
    return {.nap_ns = next > now ? std::min(next - now, nap_ns_max) : nap_ns_max};
}

void Fanout::last_turn(uint64_t end) {
    publish(end - 1);
    if (publishes()) published_.done = true;
}

void Fanout::publish(uint64_t now) {
    if (!publisher_.ready) return;
    frames_.clear();
    while (schedule_.next_ns() <= now && window_open() &&
           publisher_.unsent.size() + frames_.size() < unsent_bytes_max) {
        const uint64_t time = plan().depth == 0 ? schedule_.next_ns() : now;
        frames_ +=
            frame(publisher_.deflate_bits, plan().binary, before_ + publication_.at(time) + after_);
        schedule_.advance();
        add(published_.count, uint64_t{1});
    }
    if (!frames_.empty()) engine().send(publisher_, frames_);
}

Worker::Pause Fanout::rest() { return {.nap_ns = nap_ns_max}; }

uint64_t Fanout::missing() const noexcept {
    const uint64_t wanted = published_.count.load() * subscribers_;
    const uint64_t have = shared().live[number()].count.load(std::memory_order_relaxed);
    return wanted > have ? wanted - have : 0;
}

// Late messages are not lost: they are waited for, as long as some arrive.
uint64_t Fanout::outstanding() const {
    if (!published_.done) return 1;
    return now_ns() - last_ns_ > silence_ns_max ? 0 : missing();
}

void Fanout::finish(Outcome& outcome) {
    outcome.other_messages = other_messages_;
    outcome.missing = missing();
    if (!shared().stop) outcome.errors.add({Fault::Kind::undelivered}, outcome.missing);
    if (publisher_.ready) {
        --outcome.opened;
        if (publisher_.deflate_bits > 0) --outcome.compressed;
        engine().close(publisher_);
    }
}

void Fanout::lost(Link& link) {
    if (&link == &publisher_) end_early();
}

bool Fanout::message(Talker& talker, std::string_view text, bool /*binary*/) {
    // Some servers send the publisher a report for each message, or the message itself.
    return &talker == &publisher_ || delivered(static_cast<Peer&>(talker), text);
}

bool Fanout::delivered(Peer& peer, std::string_view message) {
    using Found = PublicationFinder::Found;
    switch (peer.finder.find(message, plan().payload_bytes, engine().now())) {
        case Found::nothing: ++other_messages_; return true;
        case Found::broken:
            return refuse(peer, Fault::Kind::bad_answer, 0, "a delivery is not what was published");
        case Found::publication: break;
    }
    const uint64_t since = peer.finder.since_ns(), now = engine().now();
    if (plan().depth > 0 ? measuring() : now - since >= measured_from()) latency().record(since);
    last_ns_ = now;
    count(1);
    return true;
}

}  // namespace starling::load
