// auth/json_object.h: the members of one JSON object (RFC 8259), as much of them as tokens need. Pure,
// any thread.
//
// Strict where a DOM is not: RFC 7515 section 4 and RFC 7519 section 4 let a parser take the last of
// two members of one name, which is how a token says one thing to one reader and another to the next.
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
inline constexpr size_t json_members_max = 256;  // Of the outermost object.

struct JsonMember {
    enum class Kind : uint8_t {
        boolean,
        number,
        text,
        texts,  // An array of nothing but strings.
        other,  // null, an object, another array: skipped.
    };
    Kind kind = Kind::other;
    bool boolean = false;
    double number = 0;  // Exact up to 2^53, as JSON's numbers are wherever they come from.
    std::string text = {};
    std::vector<std::string> texts = {};
};

using JsonObject = std::map<std::string, JsonMember, std::less<>>;

// Nothing for what is not exactly one object in valid UTF-8, for a name that appears twice in it, and
// past the limits.
[[nodiscard]] std::optional<JsonObject> read_json_object(std::string_view json);

}  // namespace starling::auth
