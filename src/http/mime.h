// http/mime.h: media types by file extension, and which of them are worth compressing. Static
// tables.
#pragma once

#include <string_view>

namespace starling::http {

// With its charset where the type is text. "application/octet-stream" for unknown extensions.
[[nodiscard]] std::string_view content_type_of(std::string_view path) noexcept;

// Text in one form or another; pictures, films, fonts and archives are compressed already.
[[nodiscard]] bool is_compressible(std::string_view content_type) noexcept;

}  // namespace starling::http
