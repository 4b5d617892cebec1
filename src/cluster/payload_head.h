// cluster/payload_head.h: what stands before a message of the mode native, where Nodes carries it: a line
// with the path of its Socket.IO server ("" for the usual one), and in a question perhaps a line with the
// entry of the stream that its node has stored last.
//
//     /chat LF @1690000000000-0 LF message
//
// Pure functions; any thread. The views are of what was read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "socketio/stream_place.h"

namespace starling::cluster {

struct Payload {
    std::string_view path, body;
};
// Nothing: it has no line.
[[nodiscard]] std::optional<Payload> read_payload(std::string_view payload) noexcept;

struct QuestionBody {
    // The other node reads this entry before it answers. Nothing: none is named, or not well.
    std::optional<socketio::StreamId> stored;
    std::string_view message;
};
[[nodiscard]] QuestionBody read_question_body(std::string_view body) noexcept;
// The line before the message.
[[nodiscard]] std::string stored_line(socketio::StreamId stored);

}  // namespace starling::cluster
