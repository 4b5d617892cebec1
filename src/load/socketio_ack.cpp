#include "load/socketio_ack.h"

#include <algorithm>

#include "load/measure/frames.h"
#include "load/measure/socketio_packets.h"

namespace starling::load {
namespace {

constexpr uint32_t first_id = 10'000, ids_of_open_model = 64;

}  // namespace

SocketIoAck::SocketIoAck(const Plan& plan, const Places& places, Shared& shared, uint32_t number)
    : Exchange(plan, places, shared, number),
      ids_(plan.rate > 0 ? ids_of_open_model : plan.depth),
      connect_(client_frame(false, packet::connect)),
      pong_(client_frame(false, packet::pong)) {
    const std::string text(plan.payload_bytes, 'x');
    for (uint32_t i = 0; i < ids_; ++i) {
        const std::string id = std::to_string(first_id + i);
        frames_ += client_frame(false, packet::event_text(id, plan.event, text));
        acks_.push_back(packet::ack_text(id, text));
    }
    frame_bytes_ = frames_.size() / ids_;
}

bool SocketIoAck::is_ready(const Link& link) const {
    return static_cast<const Client&>(link).step == Step::joined;
}

void SocketIoAck::send_messages(Peer& peer, uint32_t count) {
    auto& client = static_cast<Client&>(peer);
    while (count > 0) {
        const uint32_t part = std::min(count, ids_ - client.next);
        engine().send(peer, std::string_view(frames_).substr(client.next * frame_bytes_,
                                                             part * frame_bytes_));
        client.next = (client.next + part) % ids_;
        count -= part;
    }
}

void SocketIoAck::on_bytes(Link& link, std::string_view bytes) {
    auto& client = static_cast<Client&>(link);
    const char* const wrong =
        client.frames.read(bytes, [&](const Frame& frame) { return take(client, frame); });
    if (*wrong) fail(link, Fault::Kind::bad_answer, 0, wrong);
}

bool SocketIoAck::refuse(Client& client, Fault::Kind kind, uint16_t code, std::string text) {
    fail(client, kind, code, std::move(text));
    return false;
}

bool SocketIoAck::take(Client& client, const Frame& frame) {
    const std::string_view packet = frame.payload;
    if (frame.op() == opcode::close)
        return refuse(client, Fault::Kind::closed, close_code(packet), "");
    if (frame.op() == opcode::ping) engine().send(client, client_frame(opcode::pong, packet));
    if (frame.op() > opcode::close) return true;
    if (frame.op() != opcode::text || !frame.final())
        return refuse(client, Fault::Kind::bad_answer, 0, "a frame is no whole text");
    if (packet == packet::ping) {
        engine().send(client, pong_);
        return true;
    }
    if (packet == packet::close || packet.starts_with(packet::disconnect))
        return refuse(client, Fault::Kind::closed, 0, "");
    if (client.step != Step::joined) return take_opening(client, packet);
    if (packet.starts_with(packet::event)) return true;  // Not asked for, and none of ours.
    if (packet != acks_[client.due])
        return refuse(client, Fault::Kind::bad_answer, 0,
                      packet.starts_with(packet::ack) ? "an ack is not the one that is due"
                                                      : "a packet was not asked for");
    client.due = (client.due + 1) % ids_;
    answered(client, 1);
    return true;
}

bool SocketIoAck::take_opening(Client& client, std::string_view packet) {
    if (client.step == Step::opening && packet.starts_with(packet::open)) {
        client.step = Step::joining;
        engine().send(client, connect_);
        return true;
    }
    if (client.step == Step::joining && packet.starts_with(packet::connect_error))
        return refuse(client, Fault::Kind::bad_answer, 0, "CONNECT was refused");
    if (client.step == Step::joining && packet.starts_with(packet::event)) return true;
    if (client.step != Step::joining || !packet.starts_with(packet::connect))
        return refuse(client, Fault::Kind::bad_answer, 0, "this is no Socket.IO server");
    client.step = Step::joined;
    became_ready(client);
    return true;
}

void SocketIoAck::lost(Link& link) {
    auto& client = static_cast<Client&>(link);
    client.frames.clear();
    client.step = Step::opening;
    client.next = client.due = 0;
    Exchange::lost(link);
}

}  // namespace starling::load
