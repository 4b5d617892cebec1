// http/target.h: the four forms of a request target (RFC 9112 section 3.2) and the Host field's
// value (RFC 9110 section 7.2). Pure functions over views.
#pragma once

#include <optional>
#include <string_view>

namespace starling::http {

struct Target {
    std::string_view path;       // Percent-encoded, begins with '/', or is "*".
    std::string_view query;      // Behind '?'.
    std::string_view authority;  // Of an absolute-form; otherwise "".
    bool absolute = false;
};

// Nothing for a target that is malformed or does not suit the method. CONNECT's authority-form is
// the caller's to refuse.
[[nodiscard]] std::optional<Target> split_target(std::string_view method, std::string_view target);

// uri-host [ ":" port ], or "" where `empty_allowed`. No user information: RFC 9110 section 4.2.4.
[[nodiscard]] bool is_valid_host(std::string_view text, bool empty_allowed);

}  // namespace starling::http
