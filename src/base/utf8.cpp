#include "base/utf8.h"

#include <simdjson.h>

#include <cstring>

namespace starling::base {

namespace {

// Below this size the call into simdjson costs more than it saves.
constexpr size_t bulk_bytes_min = 48;
constexpr uint64_t not_ascii = 0x8080808080808080;  // Set in any of eight bytes beyond ASCII.

size_t ascii_prefix(std::span<const std::byte> bytes) noexcept {
    size_t at = 0;
    while (at + 16 <= bytes.size()) {
        uint64_t words[2];
        std::memcpy(words, bytes.data() + at, sizeof words);
        if ((words[0] | words[1]) & not_ascii) break;
        at += 16;
    }
    if (at + 8 <= bytes.size()) {
        uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        if (!(word & not_ascii)) at += 8;
    }
    while (at < bytes.size() && std::to_integer<uint8_t>(bytes[at]) < 0x80) ++at;
    return at;
}

// Returns how many bytes at the end (0 to 3) begin an incomplete character.
size_t unfinished_tail(std::span<const std::byte> bytes) noexcept {
    for (size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
        const auto byte = std::to_integer<uint8_t>(bytes[bytes.size() - back]);
        if (byte < 0x80) return 0;
        if (byte < 0xc0) continue;
        return utf8_lead(byte).bytes > back ? back : 0;
    }
    return 0;
}

}  // namespace

// RFC 3629 section 4; the grammar is expressed as bounds of the next byte.
bool Utf8Validator::step(uint8_t byte) noexcept {
    if (continuations_ > 0) {
        if (byte < lower_ || byte > upper_) return false;
        lower_ = 0x80;
        upper_ = 0xbf;
        --continuations_;
        return true;
    }
    if (byte < 0x80) return true;
    const Utf8Lead lead = utf8_lead(byte);
    if (lead.bytes == 0) return false;
    continuations_ = static_cast<uint8_t>(lead.bytes - 1);
    lower_ = lead.lower;
    upper_ = lead.upper;
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

bool utf8_is_valid(std::string_view text) noexcept {
    return utf8_is_valid(std::as_bytes(std::span(text.data(), text.size())));
}

std::string utf8_repaired(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 8);
    while (!text.empty()) {
        const Utf8Character character = utf8_front(text);
        if (character.valid)
            out.append(text.substr(0, character.bytes));
        else
            out += "\xef\xbf\xbd";
        text.remove_prefix(character.bytes);
    }
    return out;
}

}  // namespace starling::base
