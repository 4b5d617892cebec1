#include "load/echo.h"

#include <algorithm>

#include "base/text.h"
#include "load/measure/frames.h"

namespace starling::load {
namespace {

constexpr size_t frames_bytes_max = 256 * 1024;

}  // namespace

Echo::Echo(const Plan& plan, const Places& places, Shared& shared, uint32_t number)
    : Exchange(plan, places, shared, number, message_of(plan).size()),
      message_(message_of(plan)),
      form_(plan.raw ? ReplyForm::raw(client_frame(plan.binary, message_))
                     : ReplyForm(plan.binary, message_)) {}

void Echo::on_bytes(Link& link, std::span<std::byte> bytes) {
    if (link.deflate_bits > 0) return Exchange::on_bytes(link, bytes);
    auto& peer = static_cast<EchoPeer&>(link);
    const ReplyCounter::Taken taken = peer.replies.take(form_, base::text_of(bytes));
    if (taken.replies > 0) answered(peer, taken.replies);
    if (*taken.wrong) return fail(peer, Fault::Kind::bad_answer, 0, taken.wrong);
    if (taken.closed) return fail(peer, Fault::Kind::closed, taken.close_code);
    if (peer.replies.owes_pongs()) (void)reply(peer, peer.replies.take_pongs());
}

bool Echo::message(Talker& talker, std::string_view text, bool binary) {
    using Kind = Fault::Kind;
    if (binary != plan().binary)
        return refuse(talker, Kind::bad_answer, 0, "a reply has another opcode");
    if (text != message_)
        return refuse(talker, Kind::bad_answer, 0,
                      text.size() == message_.size() ? "a reply has other bytes"
                                                     : "a reply has another length");
    return answered(static_cast<Peer&>(talker), 1);
}

void Echo::send_messages(Peer& peer, uint32_t count) {
    Frames& frames = frames_[peer.deflate_bits];
    if (frames.bytes == 0) {
        const std::string one = frame(peer.deflate_bits, plan().binary, message_);
        frames.bytes = one.size();
        const size_t together = std::clamp<size_t>(frames_bytes_max / one.size(), 1, 1024);
        for (size_t i = 0; i < together; ++i) frames.together += one;
    }
    for (size_t left = count * frames.bytes; left > 0;) {
        const size_t part = std::min(left, frames.together.size());
        engine().send(peer, std::string_view(frames.together).substr(0, part));
        left -= part;
    }
}

void Echo::lost(Link& link) {
    static_cast<EchoPeer&>(link).replies = {};
    Exchange::lost(link);
}

}  // namespace starling::load
