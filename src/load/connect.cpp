#include "load/connect.h"

namespace starling::load {

void Connect::begin(uint64_t /*now*/) {
    for (uint32_t i = 0; i < share(); ++i) {
        Link& link = *links().emplace_back(make_link());
        link.index = i * plan().threads + number();
        start(link, target());
    }
}

void Connect::ready(Link& link) {
    if (measuring()) latency().record(now_ns() - link.started_ns);
    count(1);
    end(link, plan().reset);
    if (opening_) start(link, target());
}

void Connect::lost(Link& link) {
    if (opening_) start(link, target());
}

Worker::Pause Connect::rest() {
    opening_ = false;
    return {.wait_ns = 10'000'000};
}

void Idle::on_bytes(Link& link, std::string_view bytes) {
    auto& peer = static_cast<Peer&>(link);
    const char* const wrong = peer.frames.read(bytes, [&](const Frame& frame) {
        if (frame.op() == opcode::close) {
            fail(link, Fault::Kind::closed, close_code(frame.payload));
            return false;
        }
        if (frame.op() == opcode::ping)
            engine().send(link, client_frame(opcode::pong, frame.payload));
        return true;
    });
    if (*wrong) fail(link, Fault::Kind::bad_answer, 0, wrong);
}

}  // namespace starling::load
