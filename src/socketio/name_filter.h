// socketio/name_filter.h: the names of namespaces that clients may ask for (sio::Options::namespaces).
//
// Pure functions, any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace starling::socketio {

// True: `pattern` is `name`, where each `*` of the pattern stands for any text, also none. Takes time
// in proportion to the product of both lengths at most.
[[nodiscard]] constexpr bool name_matches(std::string_view pattern,
                                          std::string_view name) noexcept {
    constexpr size_t none = std::string_view::npos;
    size_t at = 0, in_name = 0, star = none, star_in_name = 0;
    while (in_name < name.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            star_in_name = in_name;
        } else if (at < pattern.size() && pattern[at] == name[in_name]) {
            ++at, ++in_name;
        } else if (star != none) {  // The last star takes one more byte.
            at = star + 1;
            in_name = ++star_in_name;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', at) == none;
}

// An empty list allows every name.
[[nodiscard]] inline bool is_allowed(const std::vector<std::string>& patterns,
                                     std::string_view name) noexcept {
    return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) {
               return name_matches(pattern, name);
           });
}

}  // namespace starling::socketio
