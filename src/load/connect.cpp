#include "load/connect.h"

#include <algorithm>

namespace starling::load {
namespace {

constexpr uint64_t pause_ns_min = 10'000'000, pause_ns_max = 1'000'000'000;
constexpr uint32_t doublings_max = 7;

}  // namespace

void Connect::begin(uint64_t /*now*/) {
    for (uint32_t i = 0; i < share(); ++i) {
        Link& link = *links().emplace_back(make_link());
        link.index = i * plan().threads + number();
        start(link, target());
    }
}

void Connect::usable(Talker& talker) {
    if (measuring()) latency().record(now_ns() - talker.started_ns);
    count(1);
    static_cast<Slot&>(talker).failures = 0;
    end(talker, plan().reset);
    if (opening_) start(talker, target());
}

void Connect::lost(Link& link) {
    if (!opening_) return;
    auto& slot = static_cast<Slot&>(link);
    const uint64_t pause =
        std::min(pause_ns_min << std::min(slot.failures++, doublings_max), pause_ns_max);
    waiting_.emplace(now_ns() + pause, &slot);
}

Worker::Pause Connect::turn(uint64_t now) {
    while (!waiting_.empty() && waiting_.top().first <= now) {
        Slot& slot = *waiting_.top().second;
        waiting_.pop();
        start(slot, target());
    }
    if (waiting_.empty()) return {};
    return {.wait_ns = std::min(waiting_.top().first - now, Pause().wait_ns)};
}

Worker::Pause Connect::rest() {
    opening_ = false;
    return {.wait_ns = 10'000'000};
}

}  // namespace starling::load
