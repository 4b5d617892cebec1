#include "load/measure/socketio_packets.h"

#include <algorithm>

namespace starling::load::packet {

std::string event_text(std::string_view id, std::string_view name, std::string_view text) {
    std::string made(event);
    made.append(id).append("[\"").append(name).append("\",\"");
    return made.append(text).append("\"]");
}

std::string refusal_text(std::string_view packet) {
    constexpr size_t bytes_max = 200;
    std::string words(packet.substr(connect_error.size(), bytes_max));
    std::ranges::replace_if(
        words, [](char c) { return c < ' ' || c > '~'; }, '?');
    return "CONNECT was refused" + (words.empty() ? words : ": " + words);
}

std::string ack_text(std::string_view id, std::string_view text) {
    std::string made(ack);
    return made.append(id).append("[\"").append(text).append("\"]");
}

}  // namespace starling::load::packet
