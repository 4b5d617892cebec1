// http/url.h: percent-encoding (RFC 3986 section 2.1), request paths, query and form fields (WHATWG
// URL, application/x-www-form-urlencoded), and the path rules of static files. Pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::http {

enum class Plus : uint8_t { literal, space };

// True if decoding with Plus::space can change `raw`.
[[nodiscard]] inline bool has_escapes(std::string_view raw) noexcept {
    // Two searches: find_first_of() makes a call for each character.
    return raw.find('%') != std::string_view::npos || raw.find('+') != std::string_view::npos;
}

// Returns nothing if a '%' is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text,
                                                        Plus plus = Plus::literal);

// Leaves a malformed escape as it is, as browsers do in forms and queries.
[[nodiscard]] std::string percent_decode_leniently(std::string_view text, Plus plus);

// True for a raw path that may be routed: it begins with '/', has well-formed escapes and no NUL,
// and has no "." or ".." segment in any encoding. Clients remove dot segments before they send a
// path (RFC 3986 section 5.2.4), so a remaining one is most likely an attack.
[[nodiscard]] bool is_routable_path(std::string_view raw_path);

// The decoded value of the first field named `name` in "a=1&b=2".
[[nodiscard]] std::optional<std::string> find_form_field(std::string_view fields,
                                                         std::string_view name);
[[nodiscard]] std::vector<std::string> find_form_fields(std::string_view fields,
                                                        std::string_view name);
// All fields in order, with decoded names and values.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> form_fields(std::string_view fields);

// Maps a raw path after the prefix to a file's path relative to the root, without a leading slash:
// "" for the root, "a/b/" for a directory. Returns nothing, hence 404, for any path that might name
// another file: dot segments, hidden files, empty segments (an absolute path), NUL and control
// characters, backslashes, encoded slashes, malformed escapes.
[[nodiscard]] std::optional<std::string> map_static_path(std::string_view raw_path);

}  // namespace starling::http
