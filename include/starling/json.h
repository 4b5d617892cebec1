// <starling/json.h>: parses JSON from clients into a Boost.JSON value.
//
//     if (auto json = starling::parse_json(message.text())) use(*json);
#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace starling {

// Parses one JSON text (RFC 8259), which may have blanks around it. nullopt: the text is not JSON,
// or its arrays and objects are nested deeper than `depth_max`. If an object repeats a name, the
// last member counts. The value owns its memory. Any thread. Throws std::bad_alloc.
//
// The time is proportional to the length of `text`, whatever keys it contains. boost::json::parse()
// takes seconds for an object of 65,000 keys that were chosen to collide in its hash table.
[[nodiscard]] std::optional<boost::json::value> parse_json(std::string_view text,
                                                           size_t depth_max = 32);

}  // namespace starling
