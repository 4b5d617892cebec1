#include "base/log_format.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "base/date.h"
#include "base/text.h"
#include "base/utf8.h"

namespace starling::base {
namespace {

constexpr char hex[] = "0123456789abcdef";

// True for characters that move a cursor, end a line or change the direction of writing. In a log
// they could make one line look like two lines, or like a different one.
bool is_control(uint32_t code) noexcept {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void append_hex(std::string& out, std::string_view prefix, uint32_t code, int digits) {
    out += prefix;
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += hex[code >> shift & 0xf];
}

constexpr std::string_view ellipsis = "\xe2\x80\xa6";

void append_number(std::string& out, auto value) {
    char digits[32];
    auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    if (error == std::errc()) out.append(digits, end);
}

// True if a value needs no quotes: logfmt readers split at spaces and '='.
bool is_plain(std::string_view value) noexcept {
    if (value.empty() || value.size() > log_text_bytes_max) return false;
    for (const char c : value) {
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') return false;
    }
    return true;
}

struct TextValue {
    std::string& out;
    void operator()(std::string_view value) const {
        if (is_plain(value)) {
            out += value;
            return;
        }
        out += '"';
        append_text_escaped(out, value, true);
        out += '"';
    }
    void operator()(int64_t value) const { append_number(out, value); }
    void operator()(double value) const { append_number(out, value); }
    void operator()(bool value) const { out += value ? "true" : "false"; }
};

struct JsonValue {
    std::string& out;
    void operator()(std::string_view value) const {
        out += '"';
        append_json_escaped(out, value);
        out += '"';
    }
    void operator()(int64_t value) const { append_number(out, value); }
    void operator()(double value) const {  // RFC 8259 section 6 has neither infinity nor NaN.
        if (std::isfinite(value))
            append_number(out, value);
        else
            out += "null";
    }
    void operator()(bool value) const { out += value ? "true" : "false"; }
};

void append_text_key(std::string& out, std::string_view key) {
    for (const char c : key) {
        const bool plain = is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
        out += plain ? c : '_';
    }
}

void append_json_key(std::string& out, std::string_view key) {
    out += ",\"";
    append_json_escaped(out, key);
    // Readers differ in which of two members with one name counts (RFC 8259 section 4).
    if (key == "time" || key == "level" || key == "msg") out += '_';
    out += "\":";
}

std::string_view colour_of(log::Level level) noexcept {
    switch (level) {
        case log::Level::debug: return "\x1b[2m";
        case log::Level::warn: return "\x1b[33m";
        case log::Level::error: return "\x1b[1;31m";
        default: return "\x1b[32m";
    }
}

}  // namespace

void append_text_escaped(std::string& out, std::string_view text, bool quoted) {
    std::string_view rest = utf8_cut(text, log_text_bytes_max);
    const bool shortened = rest.size() < text.size();
    while (!rest.empty()) {
        const Utf8Character c = utf8_front(rest);
        if (!c.valid)
            for (const char byte : rest.substr(0, c.bytes))
                append_hex(out, "\\x", static_cast<uint8_t>(byte), 2);
        else if (c.code == '\n')
            out += "\\n";
        else if (c.code == '\r')
            out += "\\r";
        else if (c.code == '\t')
            out += "\\t";
        else if (is_control(c.code) && c.code < 0x80)
            append_hex(out, "\\x", c.code, 2);
        else if (is_control(c.code))
            append_hex(out, "\\u", c.code, 4);
        else if (quoted && (c.code == '"' || c.code == '\\'))
            (out += '\\') += static_cast<char>(c.code);
        else
            out.append(rest.substr(0, c.bytes));
        rest.remove_prefix(c.bytes);
    }
    if (shortened) out += ellipsis;
}

void append_json_escaped(std::string& out, std::string_view text) {
    std::string_view rest = utf8_cut(text, log_text_bytes_max);
    const bool shortened = rest.size() < text.size();
    while (!rest.empty()) {
        const Utf8Character c = utf8_front(rest);
        if (!c.valid)
            out += "\xef\xbf\xbd";
        else if (c.code == '"' || c.code == '\\')
            (out += '\\') += static_cast<char>(c.code);
        else if (c.code == '\n')
            out += "\\n";
        else if (c.code == '\r')
            out += "\\r";
        else if (c.code == '\t')
            out += "\\t";
        else if (is_control(c.code))
            append_hex(out, "\\u", c.code, 4);
        else
            out.append(rest.substr(0, c.bytes));
        rest.remove_prefix(c.bytes);
    }
    if (shortened) out += ellipsis;
}

std::string log_body(log::Format format, std::string_view message,
                     std::span<const log::Field> fields) {
    std::string body;
    body.reserve(message.size() + 32 * fields.size());
    if (format != log::Format::json)
        append_text_escaped(body, message, false);
    else
        append_json_escaped(body, message);
    if (format == log::Format::json) body += '"';
    for (const log::Field& field : fields) {
        if (body.size() > log_body_bytes_max) break;
        if (format != log::Format::json) {
            body += ' ';
            append_text_key(body, field.key);
            body += '=';
            std::visit(TextValue{body}, field.value);
        } else {
            append_json_key(body, field.key);
            std::visit(JsonValue{body}, field.value);
        }
    }
    return body;
}

std::string log_head(log::Format format, log::Level level,
                     std::chrono::system_clock::time_point now, bool colour) {
    const auto since_1970 = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch();
    const int64_t unix_ms = since_1970.count();
    const std::string_view name = log::level_name(level);
    std::string line;
    if (format == log::Format::raw) return line;
    if (format == log::Format::json) {
        line += "{\"time\":\"";
        append_timestamp(line, utc_time(unix_ms));
        line.append("\",\"level\":\"").append(name).append("\",\"msg\":\"");
        return line;
    }
    const DateTime time = local_time(unix_ms);
    append_date(line, time);
    line += ' ';
    append_clock(line, time);
    append_milliseconds(line, time);
    line += ' ';
    if (colour) line += colour_of(level);
    line += name;
    if (colour) line += "\x1b[0m";
    line.append(name.size() < 5 ? 5 - name.size() : 0, ' ');
    line += ' ';
    return line;
}

std::string_view log_tail(log::Format format) noexcept {
    return format == log::Format::json ? "}\n" : "\n";
}

}  // namespace starling::base
