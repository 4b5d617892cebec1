// http/url.h: percent-encoding (RFC 3986 section 2.1), request paths, query and form fields (WHATWG
// URL, application/x-www-form-urlencoded), and the path rules of static files. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::http {

enum class Plus : uint8_t { literal, space };

// Nothing for a '%' without two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text,
                                                        Plus plus = Plus::literal);

// The same, but a malformed escape stays as it is: what browsers do with forms and queries.
[[nodiscard]] std::string percent_decode_leniently(std::string_view text, Plus plus);

// True for a raw path that may be routed: begins with '/', escapes well-formed, no NUL, and no "."
// or ".." segment however its dots and slashes are spelled. Clients resolve dot segments before
// they send (RFC 3986 section 5.2.4), so what is left of them is an attempt to get somewhere.
[[nodiscard]] bool is_routable_path(std::string_view raw_path);

// The value of the first field of that name in "a=1&b=2", decoded.
[[nodiscard]] std::optional<std::string> find_form_field(std::string_view fields,
                                                         std::string_view name);
[[nodiscard]] std::vector<std::string> find_form_fields(std::string_view fields,
                                                        std::string_view name);
// All of them, names and values decoded, in their order.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> form_fields(std::string_view fields);

// The file that a raw path behind the mount names, relative to the root and without a leading
// slash: "" for the root itself, "a/b/" for a directory. Nothing, hence 404, for anything that
// could name another one: dot segments, hidden files, empty segments (an absolute path), NUL and
// control characters, backslashes, encoded slashes, malformed escapes.
[[nodiscard]] std::optional<std::string> map_static_path(std::string_view raw_path);

}  // namespace starling::http
