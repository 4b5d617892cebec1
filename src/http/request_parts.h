// http/request_parts.h: what a server knows about a request, and makes a Request of.
#pragma once

#include <starling/http.h>

#include <span>
#include <string_view>

namespace starling::http {

// Views into the server's buffers, which outlive the Request. See the getters of Request.
struct RequestParts {
    std::string_view method = "GET";
    std::string_view target = "/";
    std::string_view path = "/";  // Of the target, still percent-encoded.
    std::string_view query = {};  // Behind the '?', still percent-encoded.
    std::string_view host = {};
    std::span<const Field> fields = {};  // In the order of arrival.
    std::span<const Param> params = {};  // From the router.
    std::string_view body = {};
    std::string_view remote_address = {};
    bool secure = false;
};

}  // namespace starling::http
