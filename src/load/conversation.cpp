#include "load/conversation.h"

#include "base/text.h"
#include "load/measure/frames.h"
#include "load/measure/socketio_packets.h"

namespace starling::load {

Conversation::Conversation(const Plan& plan, const Places& places, Shared& shared, uint32_t number,
                           uint64_t bytes_max)
    : Worker(plan, places, shared, number),
      speaks_socketio_(is_socketio(plan.scenario)),
      limits_{.message_bytes_max = bytes_max} {}

void Conversation::ready(Link& link) {
    auto& talker = static_cast<Talker&>(link);
    talker.reader.begin(limits_, link.deflate_bits > 0 ? &inflater_ : nullptr);
    talker.session = {};
    if (!speaks_socketio_) usable(talker);
}

void Conversation::on_bytes(Link& link, std::span<std::byte> bytes) {
    auto& talker = static_cast<Talker&>(link);
    talker.reader.read(bytes, [&](const ws::Event& event) { return take(talker, event); });
}

bool Conversation::refuse(Link& link, Fault::Kind kind, uint16_t code, std::string_view text) {
    fail(link, kind, code, std::string(text));
    return false;
}

bool Conversation::take(Talker& talker, const ws::Event& event) {
    using Kind = ws::Event::Kind;
    const std::string_view text = base::text_of(event.bytes);
    const bool binary = event.opcode == ws::Opcode::binary;
    switch (event.kind) {
        case Kind::message:
            if (!speaks_socketio_) return message(talker, text, binary);
            if (!binary) return take_packet(talker, text);
            return refuse(talker, Fault::Kind::bad_answer, 0, "a packet is binary");
        case Kind::ping: return reply(talker, client_frame(opcode::pong, text));
        case Kind::close:
            return refuse(talker, Fault::Kind::closed,
                          event.code == ws::close_code::none_received ? 0 : event.code, "");
        case Kind::violation: return refuse(talker, Fault::Kind::bad_answer, 0, event.reason);
        default: return true;
    }
}

bool Conversation::reply(Talker& talker, std::string_view frame) {
    if (Engine::drained(talker)) talker.replies_unsent_bytes = 0;
    talker.replies_unsent_bytes += static_cast<uint32_t>(frame.size());
    if (talker.replies_unsent_bytes > replies_unsent_bytes_max + frame.size())
        return refuse(talker, Fault::Kind::bad_answer, 0, "too many pings");
    engine().send(talker, frame);
    return true;
}

bool Conversation::take_packet(Talker& talker, std::string_view packet) {
    using Told = SocketIoSession::Told;
    const SocketIoSession::Taken taken = talker.session.take(packet);
    switch (taken.told) {
        case Told::nothing: return true;
        case Told::reply: return reply(talker, client_frame(false, taken.text));
        case Told::fault: return refuse(talker, taken.fault, 0, taken.text);
        case Told::refused:
            return refuse(talker, Fault::Kind::bad_answer, 0, packet::refusal_text(packet));
        case Told::joined: {
            const uint64_t attempt = talker.attempt;
            usable(talker);
            return talker.attempt == attempt && talker.is_open();
        }
        default: return message(talker, packet, false);
    }
}

std::string Conversation::frame(uint8_t deflate_bits, bool binary, std::string_view message) {
    const uint8_t op = binary ? opcode::binary : opcode::text;
    if (deflate_bits == 0) return client_frame(op, message);
    auto& deflater = deflaters_[deflate_bits];
    if (!deflater) deflater = std::make_unique<ws::Deflater>(deflate_bits);
    return client_frame(op, base::text_of(deflater->compress(base::bytes_of(message), true)), true);
}

}  // namespace starling::load
