#include "ws/utf8.h"

#include <simdjson.h>

#include <cstring>

#include "ws/mask.h"

namespace starling::ws {

namespace {

// Below this the call into simdjson costs more than it saves.
constexpr size_t bulk_bytes_min = 48;

size_t ascii_prefix(std::span<const std::byte> bytes) noexcept {
    size_t at = 0;
    while (at + 16 <= bytes.size()) {
        uint64_t words[2];
        std::memcpy(words, bytes.data() + at, sizeof words);
        if ((words[0] | words[1]) & not_ascii) break;
        at += 16;
    }
    if (at + 8 <= bytes.size()) {
        uint64_t word;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        if (!(word & not_ascii)) at += 8;
    }
    while (at < bytes.size() && std::to_integer<uint8_t>(bytes[at]) < 0x80) ++at;
    return at;
}

// How many bytes at the end (0 to 3) begin a character that these bytes do not finish.
size_t unfinished_tail(std::span<const std::byte> bytes) noexcept {
    for (size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
        const auto byte = std::to_integer<uint8_t>(bytes[bytes.size() - back]);
        if (byte < 0x80) return 0;
        if (byte < 0xc0) continue;
        const size_t length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        return length > back ? back : 0;
    }
    return 0;
}

}  // namespace

// RFC 3629 section 4, the grammar as bounds on the next byte.
bool Utf8Validator::step(uint8_t byte) noexcept {
    if (continuations_ > 0) {
        if (byte < lower_ || byte > upper_) return false;
        lower_ = 0x80;
        upper_ = 0xbf;
        --continuations_;
        return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    continuations_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0) lower_ = 0xa0;
    if (byte == 0xed) upper_ = 0x9f;
    if (byte == 0xf0) lower_ = 0x90;
    if (byte == 0xf4) upper_ = 0x8f;
    return true;
}

bool Utf8Validator::feed(std::span<const std::byte> bytes) noexcept {
    while (continuations_ > 0 && !bytes.empty()) {
        if (!step(std::to_integer<uint8_t>(bytes.front()))) return false;
        bytes = bytes.subspan(1);
    }
    bytes = bytes.subspan(ascii_prefix(bytes));
    if (bytes.size() >= bulk_bytes_min) {
        const size_t whole = bytes.size() - unfinished_tail(bytes);
        if (!simdjson::validate_utf8(reinterpret_cast<const char*>(bytes.data()), whole))
            return false;
        bytes = bytes.subspan(whole);
    }
    for (const std::byte byte : bytes) {
        if (!step(std::to_integer<uint8_t>(byte))) return false;
    }
    return true;
}

bool utf8_is_valid(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() >= bulk_bytes_min) {
        return simdjson::validate_utf8(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    Utf8Validator validator;
    return validator.feed(bytes) && validator.complete();
}

}  // namespace starling::ws
