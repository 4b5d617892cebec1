#include "fetch/header_lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/assert.h"
#include "base/text.h"

namespace starling::fetch {

namespace {

// From this size on, the request tells libcurl not to send "Expect: 100-continue" (RFC 9110 section
// 10.1.1), which would delay the body. Older versions of libcurl send that field for bodies of 1
// KiB and more.
constexpr size_t asks_from_bytes = 1'000;

// tchar, RFC 9110 section 5.6.2.
constexpr auto name_characters = [] {
    std::array<bool, 256> characters{};
    for (int c = 0; c < 256; ++c)
        characters[static_cast<size_t>(c)] = base::is_alphanumeric(static_cast<char>(c));
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        characters[static_cast<uint8_t>(c)] = true;
    return characters;
}();

bool is_name(std::string_view name) noexcept {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return name_characters[static_cast<uint8_t>(c)];
    });
}

bool is_ours(std::string_view name) noexcept {
    constexpr std::string_view names[] = {
        "host",       "te",         "expect",       "trailer",        "upgrade",
        "connection", "keep-alive", "content-type", "content-length", "transfer-encoding"};
    constexpr std::string_view proxy = "proxy-";
    return std::ranges::any_of(names, [&](auto ours) { return base::iequals(name, ours); }) ||
           base::iequals(name.substr(0, proxy.size()), proxy);
}

// Calls `write` with the name and the value of the line, unless it is left out.
template <class Write>
void read_line(std::string_view line, Write&& write) {
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const bool sound = colon != std::string_view::npos && is_name(name) &&
                       line.find('\r') == std::string_view::npos &&
                       line.find('\0') == std::string_view::npos;
    STARLING_ASSERT(sound);
    if (!sound || is_ours(name)) return;
    write(name, base::trim(line.substr(colon + 1)));
}

template <class Write>
void read_lines(std::string_view headers, Write&& write) {
    while (!headers.empty()) {
        const size_t end = std::min(headers.find('\n'), headers.size());
        read_line(headers.substr(0, end), write);
        headers.remove_prefix(std::min(end + 1, headers.size()));
    }
}

constexpr std::string_view agent_line = "User-Agent: starling/" STARLING_VERSION "\r\n";
constexpr std::string_view accept_line = "Accept: */*\r\n";

}  // namespace

void write_header_lines(std::string_view headers, size_t body_bytes, std::string& out) {
    using namespace std::string_view_literals;
    out = "Content-Type: application/json\0"sv;
    // Without a value, libcurl does not send the field.
    if (body_bytes >= asks_from_bytes) out += "Expect:\0"sv;
    read_lines(headers, [&](std::string_view name, std::string_view value) {
        out += name;
        if (value
                .empty())  // With ';' in place of ':', libcurl sends the field with an empty value.
            out += ';';
        else
            (out += ": ") += value;
        out += '\0';
    });
}

CallersLines append_head(std::string_view headers, size_t body_bytes, std::string& out) {
    const size_t defaults = out.size();
    out.append(agent_line).append(accept_line).append("Content-Type: application/json\r\n");
    CallersLines lines{out.size(), 0};
    bool has_agent = false, has_accept = false;
    read_lines(headers, [&](std::string_view name, std::string_view value) {
        has_agent = has_agent || base::iequals(name, "user-agent");
        has_accept = has_accept || base::iequals(name, "accept");
        out.append(name).append(value.empty() ? ":" : ": ").append(value).append("\r\n");
    });
    // The caller's User-Agent and Accept replace the default ones.
    const auto erase = [&](size_t at, size_t bytes) {
        out.erase(at, bytes);
        lines.begin -= bytes;
    };
    if (has_accept) erase(defaults + agent_line.size(), accept_line.size());
    if (has_agent) erase(defaults, agent_line.size());
    lines.end = out.size();
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), body_bytes).ptr;
    out.append("Content-Length: ").append(digits.data(), end).append("\r\n\r\n");
    return lines;
}

std::string callers_headers(std::string_view head, CallersLines lines) {
    std::string headers(head.substr(lines.begin, lines.end - lines.begin));
    std::erase(headers, '\r');
    return headers;
}

}  // namespace starling::fetch
