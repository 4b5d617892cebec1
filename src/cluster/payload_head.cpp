#include "cluster/payload_head.h"

#include "cluster/names.h"

namespace starling::cluster {
namespace {

constexpr char stored_mark = '@';  // No message begins like this.

}  // namespace

std::optional<Payload> read_payload(std::string_view payload) noexcept {
    const size_t end = payload.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    return Payload{payload.substr(0, end), payload.substr(end + 1)};
}

QuestionBody read_question_body(std::string_view body) noexcept {
    if (!body.starts_with(stored_mark)) return {{}, body};
    const auto line = read_payload(body.substr(1));
    if (!line) return {};
    return {parse_stream_id(line->path), line->body};
}

std::string stored_line(socketio::StreamId stored) { return stored_mark + to_text(stored) + "\n"; }

}  // namespace starling::cluster
