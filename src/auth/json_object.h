// auth/json_object.h: reads the members of one JSON object (RFC 8259), as far as tokens need them.
// Pure, any thread.
//
// Duplicate names are refused. RFC 7515 section 4 and RFC 7519 section 4 also allow a parser to
// take the last of the duplicates; then two parsers may read different values from one token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::auth {

inline constexpr size_t json_depth_max = 32;
inline constexpr size_t json_members_max = 256;  // In the outermost object.

struct JsonMember {
    enum class Kind : uint8_t {
        boolean,
        number,
        text,
        texts,  // An array that holds only strings.
        other,  // null, an object, or another array. Skipped.
    };
    Kind kind = Kind::other;
    bool boolean = false;
    double number = 0;  // Exact up to 2^53.
    std::string text = {};
    std::vector<std::string> texts = {};
};

using JsonObject = std::map<std::string, JsonMember, std::less<>>;

// Returns nothing unless `json` is exactly one object in valid UTF-8, with distinct names, within
// the limits.
[[nodiscard]] std::optional<JsonObject> read_json_object(std::string_view json);

}  // namespace starling::auth
