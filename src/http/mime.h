// http/mime.h: media types by file extension, and the types that are worth compressing. Static
// tables; any thread.
#pragma once

#include <string_view>

namespace starling::http {

// The type with its charset if the type is text; "application/octet-stream" for an unknown
// extension.
[[nodiscard]] std::string_view content_type_of(std::string_view path) noexcept;

// True for text in any form. Pictures, films, fonts and archives are already compressed.
[[nodiscard]] bool is_compressible(std::string_view content_type) noexcept;

}  // namespace starling::http
