#include "base/url_text.h"

#include <algorithm>

namespace starling::base {

// The last '@' in front of the path ends user and password (WHATWG URL, "authority state").
std::string without_password(std::string_view url) {
    const size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return std::string(url);
    const size_t from = scheme + 3;
    const size_t end = std::min(url.find_first_of("/?#", from), url.size());
    const size_t at = url.substr(0, end).rfind('@');
    const size_t colon = url.find(':', from);
    if (at == std::string_view::npos || at < from || colon >= at) return std::string(url);
    return std::string(url.substr(0, colon + 1)).append("***").append(url.substr(at));
}

}  // namespace starling::base
