// app/closest.h: which name was meant. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace starling::app {

// The one of `names` that is most similar to `wrong`; "" if none is similar.
[[nodiscard]] std::string_view closest(std::string_view wrong,
                                       std::span<const std::string_view> names);

// " (did you mean listen?)"; "" if no name is similar.
[[nodiscard]] std::string hint(std::string_view wrong, std::span<const std::string_view> names);

}  // namespace starling::app
