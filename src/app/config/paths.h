// app/config/paths.h: paths of what the configuration serves. Pure functions, any thread.
#pragma once

#include <string_view>

namespace starling::app {

// The path without slashes at its end: a Socket.IO server has both.
[[nodiscard]] std::string_view without_slash(std::string_view path) noexcept;

}  // namespace starling::app
