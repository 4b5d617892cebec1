#include "app/connect/printable.h"

#include <wchar.h>

#include <algorithm>
#include <cstdint>

#include "base/base64.h"
#include "base/utf8.h"

namespace starling::app::connect {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

// Unicode 15.0: control characters, marks and overrides of the direction of text (UAX 9), line and
// paragraph separators, the byte order mark.
bool steers(uint32_t code) noexcept {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void append_byte(std::string& out, unsigned char byte) {
    out += "\\x";
    out += digits[byte >> 4];
    out += digits[byte & 15];
}

void append_escape(std::string& out, uint32_t code) {
    switch (code) {
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    if (code < 0x80) return append_byte(out, static_cast<unsigned char>(code));
    out += "\\u{";
    bool begun = false;
    for (int shift = 20; shift >= 0; shift -= 4) {
        const uint32_t digit = code >> shift & 15;
        begun = begun || digit != 0;
        if (begun) out += digits[digit];
    }
    out += '}';
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const base::Utf8Character front = base::utf8_front(text);
        const std::string_view bytes = text.substr(0, front.bytes);
        if (!front.valid)
            for (const char c : bytes) append_byte(out, static_cast<unsigned char>(c));
        else if (steers(front.code))
            append_escape(out, front.code);
        else
            out += bytes;
        text.remove_prefix(front.bytes);
    }
    return out;
}

std::string printable_cut(std::string_view text, size_t bytes_max) {
    if (bytes_max == 0 || text.size() <= bytes_max) return printable(text);
    return printable(base::utf8_cut(text, bytes_max)) + "... (" + std::to_string(text.size()) +
           " bytes; --full shows all)";
}

std::string printable_words(std::string_view text, size_t bytes_max) {
    const std::string repaired = base::utf8_repaired(base::utf8_cut(text, bytes_max));
    std::string out;
    for (std::string_view rest = repaired; !rest.empty();) {
        const base::Utf8Character front = base::utf8_front(rest);
        out += steers(front.code) ? " " : rest.substr(0, front.bytes);
        rest.remove_prefix(front.bytes);
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

// Beyond ASCII, and as DEL, such a character stands in strings alone; all are below U+10000.
void append_printable_json(std::string& out, std::string_view json) {
    const auto is_plain = [](char c) { return static_cast<unsigned char>(c) < 0x7f; };
    for (std::string_view rest = json; !rest.empty();) {
        const auto plain = std::ranges::find_if_not(rest, is_plain) - rest.begin();
        out += rest.substr(0, static_cast<size_t>(plain));
        rest.remove_prefix(static_cast<size_t>(plain));
        if (rest.empty()) return;
        const base::Utf8Character front = base::utf8_front(rest);
        if (steers(front.code)) {
            out += "\\u";
            for (int shift = 12; shift >= 0; shift -= 4) out += digits[front.code >> shift & 15];
        } else {
            out += rest.substr(0, front.bytes);
        }
        rest.remove_prefix(front.bytes);
    }
}

std::string hex_text(std::span<const std::byte> bytes, size_t bytes_max) {
    std::string out = std::to_string(bytes.size()) + (bytes.size() == 1 ? " byte" : " bytes");
    if (bytes.empty()) return out;
    const bool cut = bytes_max != 0 && bytes.size() > bytes_max;
    out += ':';
    for (const std::byte byte : cut ? bytes.first(bytes_max) : bytes) {
        const auto value = std::to_integer<unsigned>(byte);
        out += ' ';
        out += digits[value >> 4];
        out += digits[value & 15];
    }
    return cut ? out + " ..." : out;
}

std::string base64(std::string_view bytes) {
    std::string text;
    base::base64_append(text, bytes);
    return text;
}

size_t columns_of(std::string_view text) noexcept {
    size_t columns = 0;
    while (!text.empty()) {
        const base::Utf8Character front = base::utf8_front(text);
        const int width = front.valid && front.code >= 0x20 && front.code != 0x7f
                              ? ::wcwidth(static_cast<wchar_t>(front.code))
                              : 2;
        columns += width < 0 ? 1 : static_cast<size_t>(width);
        text.remove_prefix(front.bytes);
    }
    return columns;
}

}  // namespace starling::app::connect
