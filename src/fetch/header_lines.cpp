#include "fetch/header_lines.h"

#include <algorithm>
#include <array>
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

void write_line(std::string_view line, std::string& out) {
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const bool sound = colon != std::string_view::npos && is_name(name) &&
                       line.find('\r') == std::string_view::npos &&
                       line.find('\0') == std::string_view::npos;
    STARLING_ASSERT(sound);
    if (!sound || is_ours(name)) return;
    const std::string_view value = base::trim(line.substr(colon + 1));
    out += name;
    if (value.empty())  // With ';' in place of ':', libcurl sends the field with an empty value.
        out += ';';
    else
        (out += ": ") += value;
    out += '\0';
}

}  // namespace

void write_header_lines(std::string_view headers, size_t body_bytes, std::string& out) {
    using namespace std::string_view_literals;
    out = "Content-Type: application/json\0"sv;
    // Without a value, libcurl does not send the field.
    if (body_bytes >= asks_from_bytes) out += "Expect:\0"sv;
    while (!headers.empty()) {
        const size_t end = std::min(headers.find('\n'), headers.size());
        write_line(headers.substr(0, end), out);
        headers.remove_prefix(std::min(end + 1, headers.size()));
    }
}

}  // namespace starling::fetch
