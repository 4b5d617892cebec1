#include "load/measure/socketio_session.h"

#include "load/measure/socketio_packets.h"

namespace starling::load {
namespace {

constexpr SocketIoSession::Taken wrong(std::string_view text) noexcept {
    return {SocketIoSession::Told::fault, text};
}

}  // namespace

SocketIoSession::Taken SocketIoSession::take(std::string_view packet) noexcept {
    if (joined() && packet.starts_with(packet::ack)) return {Told::ack};  // The most frequent one.
    if (packet == packet::ping) return {Told::reply, packet::pong};
    if (packet == packet::close || packet.starts_with(packet::disconnect))
        return {Told::fault, "", Fault::Kind::closed};
    switch (step_) {
        case Step::opening:
            if (!packet.starts_with(packet::open)) break;
            step_ = Step::joining;
            return {Told::reply, packet::connect};
        case Step::joining:
            if (packet.starts_with(packet::connect_error)) return {Told::refused};
            if (packet.starts_with(packet::event)) return {};
            if (!packet.starts_with(packet::connect)) break;
            step_ = Step::joined;
            return {Told::joined};
        case Step::joined:
            if (packet.starts_with(packet::event)) return {Told::event};
            return wrong("a packet was not asked for");
    }
    return wrong("this is no Socket.IO server");
}

}  // namespace starling::load
