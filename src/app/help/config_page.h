// app/help/config_page.h: the manual page starling.yaml(5), made from the table of the configuration's keys
// in the macros of man(7). Pure function, any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::app {

// `version`: "0.1.0".
[[nodiscard]] std::string config_page(std::string_view version);

}  // namespace starling::app
