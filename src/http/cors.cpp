#include <starling/http.h>

#include <algorithm>

#include "base/tokens.h"

namespace starling::http {
namespace {

std::string join(const std::vector<std::string>& items) {
    std::string out;
    for (const auto& item : items) out.append(out.empty() ? "" : ", ").append(item);
    return out;
}

// Adds to Vary, and keeps a Vary that other parts of the answer have set.
void add_vary(Response& response, std::string_view field) {
    const std::string old(response.header("vary"));
    if (base::list_has(old, field)) return;
    response.header("Vary", old.empty() ? std::string(field) : old + ", " + std::string(field));
}

}  // namespace

bool apply_cors(const CorsOptions& options, const Request& request, Response& response) {
    const auto has = [&](std::string_view origin) {
        return std::ranges::find(options.origins, origin) != options.origins.end();
    };
    const bool anybody = has("*") && !options.credentials;
    // The answer depends on Origin even for a request without Origin, so caches must store the two
    // apart.
    if (!anybody) add_vary(response, "Origin");
    const auto origin = request.header("origin");
    const bool preflight =
        request.method() == "OPTIONS" && request.has_header("access-control-request-method");
    if (origin.empty()) return false;
    if (!anybody && (origin == "*" || !has(origin))) {
        // Without CORS fields the browser blocks the request. The 204 keeps the preflight from a
        // handler.
        if (preflight) response.no_content();
        return preflight;
    }
    response.header("Access-Control-Allow-Origin", anybody ? "*" : origin);
    if (options.credentials) response.header("Access-Control-Allow-Credentials", "true");
    if (!preflight) {
        if (!options.expose.empty())
            response.header("Access-Control-Expose-Headers", join(options.expose));
        return false;
    }
    response.header("Access-Control-Allow-Methods", join(options.methods));
    if (!options.headers.empty())
        response.header("Access-Control-Allow-Headers", join(options.headers));
    response.header("Access-Control-Max-Age", std::to_string(options.max_age_s));
    response.no_content();
    return true;
}

}  // namespace starling::http
