#include "engineio/utf16.h"

#include "base/utf8.h"

namespace starling::engineio {
namespace {

constexpr std::string_view hex = "0123456789abcdef";

void append_unit(std::string& out, uint32_t unit) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += hex[unit >> shift & 15];
}

void append_escaped(std::string& out, uint32_t code) {
    if (code > 0xffff) {
        code -= 0x10000;
        append_unit(out, 0xd800 + (code >> 10));
        code = 0xdc00 + (code & 0x3ff);
    }
    append_unit(out, code);
}

// The letter of JSON's short escape for `c` (RFC 8259 section 7), 0 if it has none.
char short_escape(char c) noexcept {
    switch (c) {
        case '"':
        case '\\': return c;
        case '\b': return 'b';
        case '\f': return 'f';
        case '\n': return 'n';
        case '\r': return 'r';
        case '\t': return 't';
        default: return 0;
    }
}

}  // namespace

size_t utf16_length(std::string_view text) noexcept {
    size_t units = 0;
    for (const char c : text) {
        const auto byte = static_cast<uint8_t>(c);
        units += (byte & 0xc0) != 0x80;  // One unit for each character,
        units += byte >= 0xf0;           // a second one above U+FFFF.
    }
    return units;
}

std::optional<size_t> utf16_prefix_bytes(std::string_view text, uint64_t units) noexcept {
    size_t at = 0;
    while (units > 0) {
        if (at >= text.size()) return std::nullopt;
        const size_t bytes = base::utf8_lead(static_cast<uint8_t>(text[at])).bytes;
        const uint64_t needs = bytes == 4 ? 2 : 1;
        if (bytes == 0 || needs > units) return std::nullopt;
        units -= needs;
        at += bytes;
    }
    return at <= text.size() ? std::optional(at) : std::nullopt;
}

void append_ascii_json(std::string& out, std::string_view text) {
    bool quoted = false;
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (quoted && static_cast<uint8_t>(c) >= 0x80) {
            const auto character = base::utf8_front(text.substr(i));
            append_escaped(out, character.code);
            i += character.bytes;
            continue;
        }
        if (c == '"') quoted = !quoted;
        out += c;
        ++i;
        // The character after a backslash ends no string. Beyond ASCII, JSON allows no character
        // there.
        if (quoted && c == '\\' && i < text.size() && static_cast<uint8_t>(text[i]) < 0x80)
            out += text[i++];
    }
}

void append_script_string(std::string& out, std::string_view text) {
    out += '"';
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (const char escape = short_escape(c)) {
            out += '\\';
            out += escape;
        } else if (static_cast<uint8_t>(c) < 0x20) {
            append_unit(out, static_cast<uint8_t>(c));
        } else if (const auto line_end = text.substr(i, 3);
                   line_end == "\u2028" || line_end == "\u2029") {
            append_unit(out, line_end == "\u2028" ? 0x2028 : 0x2029);
            i += 2;
        } else {
            out += c;
        }
    }
    out += '"';
}

bool decode_utf8_twice(std::string_view text, std::string& out) {
    out.clear();
    bool beyond_ascii = false;
    for (size_t i = 0; i < text.size();) {
        const auto character = base::utf8_front(text.substr(i));
        if (character.code > 0xff) return false;
        beyond_ascii = beyond_ascii || character.code >= 0x80;
        out += static_cast<char>(character.code);
        i += character.bytes;
    }
    return beyond_ascii && base::utf8_is_valid(out);
}

}  // namespace starling::engineio
