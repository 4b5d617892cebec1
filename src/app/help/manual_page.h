// app/help/manual_page.h: the manual page starling(1), made from app/command_table.h in the macros of
// man(7). Pure function, any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::app {

// `version`: "0.1.0".
[[nodiscard]] std::string manual_page(std::string_view version);

}  // namespace starling::app
