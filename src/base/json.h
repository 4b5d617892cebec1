// base/json.h: parses JSON from peers, with a reason if a text is invalid. See <starling/json.h>.
#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace starling::base {

// Like starling::parse_json(). The error says what is wrong and where: "syntax error at byte 7",
// counted from 0.
[[nodiscard]] Result<boost::json::value> read_json(std::string_view text, size_t depth_max);

}  // namespace starling::base
