// app/demo/community/request.h: checks of the requests to the community's API. Pure functions, any
// thread.
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
inline constexpr size_t email_bytes_max = 254;  // RFC 5321 section 4.5.3.1.3, without "<" and ">".

// An HTTP status and the error text; status 0: no fault.
struct Fault {
    int status = 0;
    std::string text = {};
};

// True: the request comes from one of our pages, or from no page. Browsers name the page in Origin
// (RFC 6454 section 7) and Sec-Fetch-Site.
[[nodiscard]] bool same_origin(const http::Request& request);

// Reads the text `name` of the JSON object in the body. Any Content-Type but application/json is a
// fault: a page of another site can send a form without a preflight.
[[nodiscard]] Fault read_text(const http::Request& request, std::string_view name,
                              std::string& text);

// Normalizes a comment: line ends become LF, surrounding blanks are removed. A character is a code
// point.
[[nodiscard]] Fault clean_comment(std::string& text);

// Parses a decimal number of at least 0; nothing for any other text.
[[nodiscard]] std::optional<int64_t> read_number(std::string_view text) noexcept;

}  // namespace starling::app::community
