// base/url_text.h: shows URLs to people. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::base {

// The URL with "***" in place of its password: "ws://user:***@host/". Text that is no URL stays.
[[nodiscard]] std::string without_password(std::string_view url);

}  // namespace starling::base
