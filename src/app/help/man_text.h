// app/help/man_text.h: text in the macros of man(7). Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::app::man {

// Text within a line. A hyphen that is typed stays a hyphen-minus, so that it can be copied; a line
// that begins with a point or an apostrophe is no request.
[[nodiscard]] std::string escaped(std::string_view text);
// Sentences as lines, broken at blanks.
[[nodiscard]] std::string wrapped(std::string_view text);
[[nodiscard]] std::string bold(std::string_view text);
[[nodiscard]] std::string italic(std::string_view text);
[[nodiscard]] std::string section(std::string_view name);

}  // namespace starling::app::man
