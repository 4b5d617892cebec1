// load/measure/socketio_packets.h: the packets that a load generator sends and expects, as the text
// frames of Engine.IO 4 with Socket.IO 5, namespace /.
//
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::load::packet {

// How the frames begin.
inline constexpr std::string_view open = "0{", close = "1", ping = "2", pong = "3", connect = "40",
                                  disconnect = "41", event = "42", ack = "43", connect_error = "44";

// An event with one string. `id` is empty, or asks for an ack that repeats the id. The caller
// guarantees that neither name nor text needs escapes.
[[nodiscard]] std::string event_text(std::string_view id, std::string_view name,
                                     std::string_view text);
// What is before and after the string in an event without an id.
[[nodiscard]] inline std::string event_begin(std::string_view name) {
    return std::string(event).append("[\"").append(name).append("\",\"");
}
inline constexpr std::string_view event_end = "\"]";
// The words of a server for people, from a packet that begins with connect_error: "CONNECT was refused:
// {"message":"no"}". At most 200 bytes of the server's, without control characters.
[[nodiscard]] std::string refusal_text(std::string_view packet);
[[nodiscard]] std::string ack_text(std::string_view id, std::string_view text);

}  // namespace starling::load::packet
