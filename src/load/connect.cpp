#include "load/connect.h"

namespace starling::load {

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
    end(talker, plan().reset);
    if (opening_) start(talker, target());
}

void Connect::lost(Link& link) {
    if (opening_) start(link, target());
}

Worker::Pause Connect::rest() {
    opening_ = false;
    return {.wait_ns = 10'000'000};
}

}  // namespace starling::load
