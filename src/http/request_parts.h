// http/request_parts.h: the parts of a request that a server collects, and constructs a Request
// from.
#pragma once

#include <starling/http.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

// Views into the server's buffers, which outlive the Request. The getters of Request document each.
struct RequestParts {
    std::string_view method = "GET";
    std::string_view target = "/";
    std::string_view path = "/";  // The target's path, percent-encoded.
    std::string_view query = {};  // After the '?', percent-encoded.
    std::string_view host = {};
    std::span<const Field> fields = {};  // In the order of arrival.
    std::span<const Param> params = {};  // Set by the router.
    std::string_view body = {};
    std::string_view remote_address = {};
    bool secure = false, from_trusted_proxy = false, proxied = false;
    const std::vector<std::string>* site_origins = nullptr;  // Lives as long as the server.
};

// For the server alone.
struct RequestAccess {
    // Origins whose pages may use the request's site: HostSite::allow_origins(). Null: none.
    static const std::vector<std::string>* site_origins(const Request& request) noexcept {
        return request.site_origins_;
    }
};

}  // namespace starling::http
