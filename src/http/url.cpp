#include "http/url.h"

#include <algorithm>

namespace starling::http {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The byte that the escape "%xy" at `at` encodes, or -1.
int escaped_byte(std::string_view text, size_t at) {
    if (at + 2 >= text.size()) return -1;
    const int high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// False: `strict` is set, and decoding stopped at a malformed escape.
bool decode_into(std::string& out, std::string_view text, Plus plus, bool strict) {
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (const int byte = escaped_byte(text, i); byte >= 0) {
                out += static_cast<char>(byte);
                i += 2;
                continue;
            }
            if (strict) return false;
        }
        out += text[i] == '+' && plus == Plus::space ? ' ' : text[i];
    }
    return true;
}

bool is_dot_segment(std::string_view segment) { return segment == "." || segment == ".."; }

// Calls `visit(name, value)` with raw names and values, until it returns true.
template <class Visit>
void each_form_field(std::string_view fields, Visit visit) {
    while (!fields.empty()) {
        const auto field = fields.substr(0, fields.find('&'));
        fields.remove_prefix(std::min(field.size() + 1, fields.size()));
        if (field.empty()) continue;
        const size_t equals = field.find('=');
        const auto value = equals == std::string_view::npos ? "" : field.substr(equals + 1);
        if (visit(field.substr(0, equals), value)) return;
    }
}

bool is_name(std::string_view raw, std::string_view name) {
    if (!has_escapes(raw)) return raw == name;
    return percent_decode_leniently(raw, Plus::space) == name;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, Plus plus) {
    std::string out;
    if (!decode_into(out, text, plus, true)) return std::nullopt;
    return out;
}

std::string percent_decode_leniently(std::string_view text, Plus plus) {
    std::string out;
    decode_into(out, text, plus, false);
    return out;
}

bool is_routable_path(std::string_view raw_path) {
    if (raw_path.empty() || raw_path.front() != '/') return false;
    const auto escapes = raw_path.find('%') != std::string_view::npos;
    std::string decoded;
    if (escapes && !decode_into(decoded, raw_path, Plus::literal, true)) return false;
    const std::string_view path = escapes ? std::string_view(decoded) : raw_path;
    if (path.find('\0') != std::string_view::npos) return false;
    for (size_t at = 0; at < path.size();) {
        const size_t end = std::min(path.find_first_of("/\\", at), path.size());
        if (is_dot_segment(path.substr(at, end - at))) return false;
        at = end + 1;
    }
    return true;
}

std::optional<std::string> find_form_field(std::string_view fields, std::string_view name) {
    std::optional<std::string> found;
    each_form_field(fields, [&](std::string_view raw_name, std::string_view raw_value) {
        if (!is_name(raw_name, name)) return false;
        found = percent_decode_leniently(raw_value, Plus::space);
        return true;
    });
    return found;
}

std::vector<std::string> find_form_fields(std::string_view fields, std::string_view name) {
    std::vector<std::string> found;
    each_form_field(fields, [&](std::string_view raw_name, std::string_view raw_value) {
        if (is_name(raw_name, name))
            found.push_back(percent_decode_leniently(raw_value, Plus::space));
        return false;
    });
    return found;
}

std::vector<std::pair<std::string, std::string>> form_fields(std::string_view fields) {
    std::vector<std::pair<std::string, std::string>> found;
    each_form_field(fields, [&](std::string_view raw_name, std::string_view raw_value) {
        found.emplace_back(percent_decode_leniently(raw_name, Plus::space),
                           percent_decode_leniently(raw_value, Plus::space));
        return false;
    });
    return found;
}

std::optional<std::string> map_static_path(std::string_view raw_path) {
    if (!raw_path.empty() && raw_path.front() == '/') raw_path.remove_prefix(1);
    std::string path;
    path.reserve(raw_path.size());
    for (size_t at = 0; at < raw_path.size();) {
        const size_t end = std::min(raw_path.find('/', at), raw_path.size());
        const auto segment = percent_decode(raw_path.substr(at, end - at));
        // A leading dot marks dot segments and hidden files.
        if (!segment || segment->empty() || segment->front() == '.') return std::nullopt;
        for (const char c : *segment)
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\')
                return std::nullopt;
        path += *segment;
        if (end < raw_path.size()) path += '/';
        at = end + 1;
    }
    return path;
}

}  // namespace starling::http
