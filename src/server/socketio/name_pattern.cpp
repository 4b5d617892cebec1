// The only file that includes <regex>, which is slow to compile. g++ 12 with a sanitizer wrongly
// reports a std::function inside of <regex> as uninitialised.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "server/socketio/name_pattern.h"

#include <memory>
#include <regex>
#include <string>

namespace starling::server {
namespace {

// Limits the recursion of std::regex, whose depth grows with the text.
constexpr size_t name_bytes_max = 255;

}  // namespace

std::function<bool(std::string_view)> name_pattern(std::string_view expression) {
    const auto pattern = std::make_shared<const std::regex>(std::string(expression));
    return [pattern](std::string_view name) {
        return name.size() <= name_bytes_max &&
               std::regex_match(name.begin(), name.end(), *pattern);
    };
}

}  // namespace starling::server
