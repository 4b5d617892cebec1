// Fuzzes what Nodes carries for a Socket.IO server of the mode native: the lines before a message, and the message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cluster/node_codec.h"
#include "cluster/payload_head.h"

namespace {

using namespace starling::cluster;

void require(bool condition) {
    if (!condition) std::abort();
}

void message(std::string_view body) {
    static Arena arena(decode_limits(1));
    (void)read_node_message(body, {}, arena);
    arena.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto payload = read_payload(bytes);
    require(payload.has_value() == (bytes.find('\n') != std::string_view::npos));
    if (!payload) return 0;
    std::string again(payload->path);
    again.append("\n").append(payload->body);
    require(again == bytes);
    const QuestionBody question = read_question_body(payload->body);
    require(payload->body.ends_with(question.message));
    if (question.stored) {
        again = stored_line(*question.stored).append(question.message);
        const QuestionBody same = read_question_body(again);
        require(same.stored == question.stored && same.message == question.message);
    }
    message(payload->body);
    message(question.message);
    return 0;
}
