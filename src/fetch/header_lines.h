// fetch/header_lines.h: the header lines of a request in the form that libcurl takes. Pure. Thread:
// any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starling::fetch {

// Replaces `out` by lines that each end with NUL. Fetcher::post() describes `headers`, and the
// fields that are left out.
void write_header_lines(std::string_view headers, size_t body_bytes, std::string& out);

}  // namespace starling::fetch
