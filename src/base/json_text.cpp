#include "base/json_text.h"

#include <charconv>
#include <optional>

#include "base/utf8.h"

namespace starling::base {
namespace {

using json_detail::is_special;

struct Traits {
    bool ascii;
    bool special;  // Some characters must be escaped.
};

Traits traits_of(std::string_view text) {
    uint64_t all = 0;
    uint64_t special = 0;
    const char* at = text.data();
    size_t left = text.size();
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word = 0;
        std::memcpy(&word, at, 8);
        all |= word;
        special |= json_detail::special(word);
    }
    bool rest = false;
    for (; left > 0; ++at, --left) {
        all |= static_cast<unsigned char>(*at);
        rest |= is_special(*at);
    }
    return {(all & json_detail::highs) == 0, special != 0 || rest};
}

void append_escape(std::string& out, char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\b': out += "\\b"; return;
        case '\f': out += "\\f"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    out += "\\u00";
    out += hex[static_cast<size_t>(c) >> 4];
    out += hex[static_cast<size_t>(c) & 15];
}

void append_escaped(std::string& out, std::string_view text) {
    size_t run = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        if (!is_special(text[i])) continue;
        out.append(text.substr(run, i - run));
        append_escape(out, text[i]);
        run = i + 1;
    }
    out.append(text.substr(run));
}

void append_utf8(std::string& out, uint32_t code) {
    const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) return put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
    if (code < 0x10000) {
        put(0xe0 | code >> 12);
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
}

char unescaped(char c) noexcept {
    switch (c) {
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        default: return c;  // A quote, a backslash, a slash.
    }
}

struct Escape {
    uint32_t code;
    uint8_t bytes;  // Length in the text: 6, or 12 for a pair.
    bool lone;      // Half of a pair; `code` is U+FFFD.
};

// `unit` is the escape at `at`. RFC 8259 section 7: a character above U+FFFF takes two escapes.
Escape escape_at(std::string_view text, size_t at, uint32_t unit) noexcept {
    if (unit < 0xd800 || unit > 0xdfff) return {unit, 6, false};
    const auto low = unit < 0xdc00 ? json_unit_at(text, at + 6) : std::nullopt;
    if (!low || *low < 0xdc00 || *low > 0xdfff) return {0xfffd, 6, true};
    return {0x10000 + ((unit & 0x3ff) << 10 | (*low & 0x3ff)), 12, false};
}

}  // namespace

std::optional<uint32_t> json_unit_at(std::string_view text, size_t at) noexcept {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
    uint32_t unit = 0;
    const char* const digits = text.data() + at + 2;
    if (std::from_chars(digits, digits + 4, unit, 16).ptr != digits + 4) return std::nullopt;
    return unit;
}

void append_json_string(std::string& out, std::string_view text) {
    const Traits traits = traits_of(text);
    if (!traits.ascii && !utf8_is_valid(text)) return append_json_string(out, utf8_repaired(text));
    if (!traits.special) {
        const size_t at = out.size() + 1;
        out.append(text.size() + 2, '"');  // Both quotes, and the room between them.
        text.copy(out.data() + at, text.size());
        return;
    }
    out += '"';
    append_escaped(out, text);
    out += '"';
}

bool append_json_decoded(std::string& out, std::string_view raw) {
    bool whole = true;
    for (size_t at = 0; at < raw.size();) {
        const size_t next = raw.find('\\', at);
        out.append(raw.substr(at, next - at));
        if (next == std::string_view::npos) break;
        if (const auto unit = json_unit_at(raw, next)) {
            const Escape escape = escape_at(raw, next, *unit);
            append_utf8(out, escape.code);
            whole &= !escape.lone;
            at = next + escape.bytes;
        } else {
            out += unescaped(raw[next + 1]);
            at = next + 2;
        }
    }
    return whole;
}

bool json_string_is(std::string_view raw, std::string_view text) {
    if (raw.find('\\') == std::string_view::npos) return raw == text;
    // An escape takes at most 6 bytes for one byte of the value.
    if (raw.size() > 6 * text.size()) return false;
    std::string decoded;
    return append_json_decoded(decoded, raw) && decoded == text;
}

bool json_has_lone_surrogate(std::string_view json) noexcept {
    for (size_t at = json.find('\\'); at != std::string_view::npos; at = json.find('\\', at)) {
        const auto unit = json_unit_at(json, at);
        if (!unit) {
            at += 2;
            continue;
        }
        const Escape escape = escape_at(json, at, *unit);
        if (escape.lone) return true;
        at += escape.bytes;
    }
    return false;
}

std::string json_without_blanks(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    bool in_string = false;
    for (size_t at = 0; at < json.size(); ++at) {
        const char c = json[at];
        // RFC 8259 section 2: blanks. Section 7: a string has no line end, and a tab only escaped.
        if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
        out += c;
        if (c == '"') in_string = !in_string;
        if (c == '\\') out += json[++at];  // Only strings have backslashes.
    }
    return out;
}

}  // namespace starling::base
