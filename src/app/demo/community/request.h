// app/demo/community/request.h: what a request of the community's API must look like before anything is
// done for it. Pure; any thread.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::app::community {

inline constexpr size_t body_bytes_max = 16 * 1024;
inline constexpr size_t json_depth_max = 4;
inline constexpr size_t comment_characters_max = 2000;
inline constexpr size_t email_bytes_max = 254;  // RFC 5321 section 4.5.3.1.3, without the brackets.

// A status and what to say; status 0 is no fault.
struct Fault {
    int status = 0;
    std::string text = {};
};

// Is a request that changes something sent by one of our own pages, or by no page at all? Browsers
// say whose page it is: Origin (RFC 6454 section 7) and Sec-Fetch-Site.
[[nodiscard]] bool same_origin(const http::Request& request);

// The text `name` of a JSON object. A Content-Type other than application/json is a fault: it would
// let a form of another site send a body that a browser does not ask about first.
[[nodiscard]] Fault read_text(const http::Request& request, std::string_view name,
                              std::string& text);

// A comment as it is kept: line ends are LF, blanks around it are gone. A character is a code point.
[[nodiscard]] Fault clean_comment(std::string& text);

// A decimal number from 0; nothing for anything else.
[[nodiscard]] std::optional<int64_t> read_number(std::string_view text) noexcept;

}  // namespace starling::app::community
