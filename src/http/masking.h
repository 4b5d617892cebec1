// http/masking.h: masks secret values in the query of a request target, for logs. Pure functions,
// any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace starling::http {

// Returns `target` with "***" in place of the value of each query parameter whose name is in
// `names`. Names compare without case, percent-encoded or not. The result is a view of `target` if
// nothing was masked, otherwise of `storage`.
[[nodiscard]] std::string_view mask_query(std::string_view target,
                                          std::span<const std::string> names, std::string& storage);

}  // namespace starling::http
