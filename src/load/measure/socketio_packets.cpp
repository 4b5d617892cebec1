#include "load/measure/socketio_packets.h"

namespace starling::load::packet {

std::string event_text(std::string_view id, std::string_view name, std::string_view text) {
    std::string made(event);
    made.append(id).append("[\"").append(name).append("\",\"");
    return made.append(text).append("\"]");
}

std::string ack_text(std::string_view id, std::string_view text) {
    std::string made(ack);
    return made.append(id).append("[\"").append(text).append("\"]");
}

}  // namespace starling::load::packet
