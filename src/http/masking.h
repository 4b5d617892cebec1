// http/masking.h: request targets for logs, without the values of query parameters that are secrets.
// Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace starling::http {

// `target` as a log may show it: "***" in place of the value of each query parameter that one of
// `names` names, percent-encoded or not, in whatever case. The view is of `target` where nothing is
// masked, else of `storage`.
[[nodiscard]] std::string_view mask_query(std::string_view target,
                                          std::span<const std::string> names, std::string& storage);

}  // namespace starling::http
