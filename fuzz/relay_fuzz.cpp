// What a node gets from other nodes about polling requests: a text that is decoded is what is
// encoded again.
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
    require(!request || !answer);
    if (!head) {
        require(!request && !answer);
        return 0;
    }
    if (head->type >= Type::abandon) require(encode(*head) == text);
    if (request) require(head->type == Type::request && encode(*head, *request) == text);
    if (answer) require(head->type == Type::answer && encode(*head, *answer) == text);
    return 0;
}
