// server/site_origins.h: which pages may use what is served on the site of a request: those that the
// path allows, and those that the site allows (HostSite::allow_origins()).
//
// Pure functions, any thread.
#pragma once

#include <starling/http.h>

#include <string>
#include <string_view>
#include <vector>

#include "ws/origin.h"

namespace starling::server {

// `policy`: of the path. `origin`: the field of the request.
[[nodiscard]] bool origin_allowed_on_site(const ws::OriginPolicy& policy,
                                          const http::Request& request, std::string_view origin);

// Applies `rules` for the pages that `path` or the site allows; they get cookies only if they are
// listed by name. Lists nobody: does nothing, and returns false.
[[nodiscard]] bool apply_listed_cors(const std::vector<std::string>& path, http::CorsOptions rules,
                                     const http::Request& request, http::Response& response);

// `path`: the rules of CORS of the path; null: none. A page that the site allows is allowed in addition;
// it gets cookies if the path gives them to this page, or the site lists it by name.
[[nodiscard]] bool apply_site_cors(const http::CorsOptions* path, const http::Request& request,
                                   http::Response& response);

}  // namespace starling::server
