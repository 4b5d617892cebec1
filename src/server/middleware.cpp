#include "server/middleware.h"

#include <stdexcept>
#include <utility>

namespace starling::server {
namespace {

// Compares whole segments of the decoded path: an escaped letter or slash does not evade a
// middleware.
bool is_beneath(std::string_view path, std::string_view prefix) {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

void MiddlewareList::add(std::string_view prefix, http::Middleware middleware) {
    if (!prefix.starts_with('/')) throw std::invalid_argument("use: a prefix begins with '/'");
    if (!middleware) throw std::invalid_argument("use: there is no middleware");
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    entries_.push_back({std::string(prefix), std::move(middleware)});
}

http::Next MiddlewareList::run(const http::Request& request, http::Response& response) const {
    for (const Entry& entry : entries_)
        if (is_beneath(request.path(), entry.prefix) &&
            entry.middleware(request, response) == http::Next::answer)
            return http::Next::answer;
    return http::Next::proceed;
}

}  // namespace starling::server
