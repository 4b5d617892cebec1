#include "load/socketio_ack.h"

#include <algorithm>

#include "load/measure/socketio_packets.h"

namespace starling::load {
namespace {

constexpr uint32_t first_id = 10'000, ids_of_open_model = 64;

}  // namespace

SocketIoAck::SocketIoAck(const Plan& plan, const Places& places, Shared& shared, uint32_t number)
    : Exchange(plan, places, shared, number), ids_(plan.rate > 0 ? ids_of_open_model : plan.depth) {
    const std::string text(plan.payload_bytes, 'x');
    for (uint32_t i = 0; i < ids_; ++i)
        acks_.push_back(packet::ack_text(std::to_string(first_id + i), text));
}

const SocketIoAck::Frames& SocketIoAck::frames_of(uint8_t deflate_bits) {
    Frames& frames = frames_[deflate_bits];
    if (!frames.begins.empty()) return frames;
    const std::string text(plan().payload_bytes, 'x');
    for (uint32_t i = 0; i < ids_; ++i) {
        frames.begins.push_back(frames.bytes.size());
        frames.bytes += frame(deflate_bits, false,
                              packet::event_text(std::to_string(first_id + i), plan().event, text));
    }
    frames.begins.push_back(frames.bytes.size());
    return frames;
}

void SocketIoAck::send_messages(Peer& peer, uint32_t count) {
    auto& client = static_cast<Client&>(peer);
    const Frames& frames = frames_of(peer.deflate_bits);
    while (count > 0) {
        const uint32_t part = std::min(count, ids_ - client.next);
        const size_t begin = frames.begins[client.next], end = frames.begins[client.next + part];
        engine().send(peer, std::string_view(frames.bytes).substr(begin, end - begin));
        client.next = (client.next + part) % ids_;
        count -= part;
    }
}

bool SocketIoAck::message(Talker& talker, std::string_view text, bool /*binary*/) {
    auto& client = static_cast<Client&>(talker);
    if (text.starts_with(packet::event)) return true;  // Not asked for, and none of ours.
    if (text != acks_[client.due])
        return refuse(client, Fault::Kind::bad_answer, 0, "an ack is not the one that is due");
    client.due = (client.due + 1) % ids_;
    return answered(client, 1);
}

void SocketIoAck::lost(Link& link) {
    auto& client = static_cast<Client&>(link);
    client.next = client.due = 0;
    Exchange::lost(link);
}

}  // namespace starling::load
