#include "socketio/codec/utf8.h"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>

namespace starling::socketio {
namespace {

constexpr size_t short_bytes = 32;

struct Step {
    size_t size;
    bool valid;
};

// The character at the front of `text`, or as much of it as is there (Unicode 15.0 table 3-7).
Step step(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return {1, true};
    if (lead < 0xc2 || lead > 0xf4) return {1, false};
    const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    // Bounds of the second byte shut out overlong forms, surrogates and what lies above U+10FFFF.
    const uint8_t lower = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t upper = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (text.size() < 2 || byte(1) < lower || byte(1) > upper) return {1, false};
    for (size_t i = 2; i < length; ++i)
        if (i >= text.size() || (byte(i) & 0xc0) != 0x80) return {i, false};
    return {length, true};
}

}  // namespace

bool utf8_is_valid(std::string_view text) noexcept {
    // For keys and names the call costs more than it saves.
    if (text.size() <= short_bytes) {
        uint8_t all = 0;
        for (const char c : text) all |= static_cast<uint8_t>(c);
        if (all < 0x80) return true;
    }
    return simdjson::validate_utf8(text.data(), text.size());
}

std::string utf8_repaired(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 8);
    while (!text.empty()) {
        const auto [size, valid] = step(text);
        if (valid)
            out.append(text.substr(0, size));
        else
            out += "\xef\xbf\xbd";
        text.remove_prefix(size);
    }
    return out;
}

}  // namespace starling::socketio
