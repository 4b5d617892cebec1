#include "server/site_origins.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "http/request_parts.h"

namespace starling::server {
namespace {

bool listed_by_site(const http::Request& request, std::string_view origin) {
    const auto* const origins = http::RequestAccess::site_origins(request);
    return origins && !origin.empty() && ws::origin_listed(*origins, origin);
}

// Any page can obtain the origin "null", in a sandboxed frame, and "*" names nobody: such a page gets
// no answer that uses a visitor's login.
bool is_named(const std::vector<std::string>& origins, std::string_view origin) {
    std::vector<std::string> named = origins;
    std::erase_if(named, [](const std::string& one) { return one == "*" || one == "null"; });
    return ws::origin_listed(named, origin);
}

}  // namespace

bool origin_allowed_on_site(const ws::OriginPolicy& policy, const http::Request& request,
                            std::string_view origin) {
    return ws::origin_allowed(policy, origin, request.host(), request.secure()) ||
           listed_by_site(request, origin);
}

bool apply_listed_cors(const std::vector<std::string>& path, http::CorsOptions rules,
                       const http::Request& request, http::Response& response) {
    const auto* const site = http::RequestAccess::site_origins(request);
    if (path.empty() && !site) return false;
    const std::string_view origin = request.header("origin");
    if (!origin.empty()) {
        rules.credentials = is_named(path, origin) || (site && is_named(*site, origin));
        if (ws::origin_listed(path, origin) || listed_by_site(request, origin))
            rules.origins = {std::string(origin)};
    }
    return http::apply_cors(rules, request, response);
}

bool apply_site_cors(const http::CorsOptions* path, const http::Request& request,
                     http::Response& response) {
    const std::string_view origin = request.header("origin");
    if (!listed_by_site(request, origin)) return path && http::apply_cors(*path, request, response);
    http::CorsOptions rules = path ? *path : http::CorsOptions();
    const bool by_path =  // As apply_cors() compares them.
        rules.credentials && std::ranges::find(rules.origins, origin) != rules.origins.end();
    rules.credentials = by_path || is_named(*http::RequestAccess::site_origins(request), origin);
    rules.origins = {std::string(origin)};
    return http::apply_cors(rules, request, response);
}

}  // namespace starling::server
