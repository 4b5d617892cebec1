// http/target.h: the four forms of a request target (RFC 9112 section 3.2), and the value of a Host
// field (RFC 9110 section 7.2). Pure functions over views, any thread.
#pragma once

#include <optional>
#include <string_view>

namespace starling::http {

struct Target {
    std::string_view path;       // Percent-encoded, begins with '/', or is "*".
    std::string_view query;      // After '?'.
    std::string_view authority;  // The authority of an absolute-form; "" for the other forms.
    bool absolute = false;
};

// Returns nothing for a target that is malformed or does not suit the method. The caller must
// refuse CONNECT with its authority-form.
[[nodiscard]] std::optional<Target> split_target(std::string_view method, std::string_view target);

// True: `text` is uri-host [ ":" port ], or "" if `empty_allowed`. User information is refused (RFC
// 9110 section 4.2.4).
[[nodiscard]] bool is_valid_host(std::string_view text, bool empty_allowed);

}  // namespace starling::http
