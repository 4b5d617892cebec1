#include "app/demo/community/request.h"

#include <starling/json.h>

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace starling::app::community {
namespace {

namespace json = boost::json;

std::string_view without_port(std::string_view host, std::string_view port) noexcept {
    if (host.ends_with(port)) host.remove_suffix(port.size());
    return host;
}

// C0 controls except line ends and tabs, DEL, and C1. The text is valid UTF-8.
bool has_control(std::string_view text) noexcept {
    for (size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<uint8_t>(text[i]);
        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) return true;
        if (byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0)
            return true;
    }
    return false;
}

size_t characters(std::string_view text) noexcept {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<uint8_t>(byte) & 0xc0) != 0x80;
    }));
}

void normalise(std::string& text) {
    std::string clean;
    clean.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        const bool pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
        if (!pair) clean += text[i] == '\r' ? '\n' : text[i];
    }
    constexpr std::string_view blanks = " \t\n";
    const size_t begin = clean.find_first_not_of(blanks);
    const size_t end = clean.find_last_not_of(blanks);
    text = begin == std::string::npos ? "" : clean.substr(begin, end + 1 - begin);
}

}  // namespace

bool same_origin(const http::Request& request) {
    const std::string_view site = request.header("Sec-Fetch-Site");
    if (!site.empty() && site != "same-origin" && site != "none") return false;
    if (!request.has_header("Origin")) return true;
    // The scheme is not compared: a proxy may end TLS, and then the browser's scheme differs from
    // ours.
    std::string_view origin = request.header("Origin"), port;
    if (origin.starts_with("https://"))
        port = ":443";
    else if (origin.starts_with("http://"))
        port = ":80";
    else
        return false;  // "null", or another scheme.
    origin.remove_prefix(origin.find("//") + 2);
    return !origin.empty() &&
           base::iequals(without_port(origin, port), without_port(request.host(), port));
}

Fault read_text(const http::Request& request, std::string_view name, std::string& text) {
    std::string_view type = request.header("Content-Type");
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    if (!base::iequals(type, "application/json"))
        return {415, "Content-Type must be application/json"};
    if (request.body().size() > body_bytes_max)
        return {413, "the body is longer than " + std::to_string(body_bytes_max) + " bytes"};
    const auto value = parse_json(request.body(), json_depth_max);
    if (!value) return {400, "the body is not JSON"};
    const json::object* object = value->if_object();
    const json::value* member = object ? object->if_contains(name) : nullptr;
    if (!member || !member->is_string())
        return {400, "expected an object with the text '" + std::string(name) + "'"};
    text.assign(member->get_string().data(), member->get_string().size());
    return {};
}

Fault clean_comment(std::string& text) {
    normalise(text);
    if (text.empty()) return {400, "'text' is empty"};
    if (characters(text) > comment_characters_max) {
        return {400,
                "'text' is longer than " + std::to_string(comment_characters_max) + " characters"};
    }
    if (has_control(text)) return {400, "'text' contains control characters"};
    return {};
}

std::optional<int64_t> read_number(std::string_view text) noexcept {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

}  // namespace starling::app::community
