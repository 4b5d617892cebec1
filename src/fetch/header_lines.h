// fetch/header_lines.h: the header lines of a request, for libcurl and for the plain sender. Both
// senders leave the same fields out. Pure. Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starling::fetch {

// Replaces `out` by lines that each end with NUL. Fetcher::post() describes `headers`, and the
// fields that are left out.
void write_header_lines(std::string_view headers, size_t body_bytes, std::string& out);

// Where the caller's lines are in a head.
struct CallersLines {
    size_t begin = 0, end = 0;
};

// Appends all other lines of the head and its blank line to `out`, which holds the request line and
// Host. The order is that of libcurl.
CallersLines append_head(std::string_view headers, size_t body_bytes, std::string& out);
// Returns the caller's lines of such a head in the form that Fetcher::post() takes.
[[nodiscard]] std::string callers_headers(std::string_view head, CallersLines lines);

}  // namespace starling::fetch
