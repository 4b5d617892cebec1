// <starling/json.h>: JSON that strangers sent, as a Boost.JSON value.
//
//     if (auto json = starling::parse_json(message.text())) use(*json);
#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace starling {

// One JSON text (RFC 8259), with nothing around it but blanks; any thread. Nothing for everything else, and
// for arrays and objects that are more than `depth_max` inside each other. The last of several members of one
// name counts. The time is proportional to the length of `text`, whatever its keys are: boost::json::parse()
// takes seconds for an object of 65,000 keys that were chosen to collide in its hash table.
// The value owns its memory. Throws std::bad_alloc.
[[nodiscard]] std::optional<boost::json::value> parse_json(std::string_view text,
                                                           size_t depth_max = 32);

}  // namespace starling
