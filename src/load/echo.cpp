#include "load/echo.h"

#include <algorithm>

#include "load/measure/frames.h"

namespace starling::load {
namespace {

constexpr size_t frames_bytes_max = 256 * 1024;

}  // namespace

Echo::Echo(const Plan& plan, const Places& places, Shared& shared, uint32_t number)
    : Exchange(plan, places, shared, number),
      frame_(client_frame(plan.binary, message_of(plan))),
      form_(plan.raw ? ReplyForm::raw(frame_) : ReplyForm(plan.binary, message_of(plan))) {
    const size_t together = std::clamp<size_t>(frames_bytes_max / frame_.size(), 1, 1024);
    for (size_t i = 0; i < together; ++i) frames_ += frame_;
}

void Echo::on_bytes(Link& link, std::string_view bytes) {
    auto& peer = static_cast<EchoPeer&>(link);
    const ReplyCounter::Taken taken = peer.replies.take(form_, bytes);
    if (taken.replies > 0) answered(peer, taken.replies);
    if (*taken.wrong) return fail(peer, Fault::Kind::bad_answer, 0, taken.wrong);
    if (taken.closed) return fail(peer, Fault::Kind::closed, taken.close_code);
    if (peer.replies.owes_pongs()) engine().send(peer, peer.replies.take_pongs());
}

void Echo::send_messages(Peer& peer, uint32_t count) {
    for (size_t left = count * frame_.size(); left > 0;) {
        const size_t part = std::min(left, frames_.size());
        engine().send(peer, std::string_view(frames_).substr(0, part));
        left -= part;
    }
}

void Echo::lost(Link& link) {
    static_cast<EchoPeer&>(link).replies = {};
    Exchange::lost(link);
}

}  // namespace starling::load
