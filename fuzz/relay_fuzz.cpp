// What a node gets from other nodes about polling requests and WebSockets: a text that is decoded is
// what is encoded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engineio/relay.h"

namespace {

using namespace starling::engineio::relay;

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto head = decode_head(text);
    const auto request = decode_request(text);
    const auto answer = decode_answer(text);
    const auto frame = decode_frame(text);
    const auto credit = decode_credit(text);
    const auto end = decode_end(text);
    const int decoded = request.has_value() + answer.has_value() + frame.has_value() +
                        credit.has_value() + end.has_value();
    require(decoded <= (head ? 1 : 0));
    if (!head) return 0;
    if (head->type == Type::abandon || head->type == Type::release || head->type == Type::taken)
        require(decoded == 0 && encode(*head) == text);
    if (request) require(encode(*head, *request) == text);
    if (answer) require(head->type == Type::answer && encode(*head, *answer) == text);
    if (frame) require(head->type == Type::frame && encode(*head, *frame) == text);
    if (credit) require(head->type == Type::credit && encode(*head, *credit) == text);
    if (end) require(head->type == Type::end && encode(*head, *end) == text);
    return 0;
}
