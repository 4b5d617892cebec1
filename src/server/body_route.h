// server/body_route.h: an application's route that reads bodies as they arrive, see
// http::Route::body.
//
// Owner: Site. Thread: see Route.
#pragma once

#include <starling/http.h>

#include "server/route.h"

namespace starling::server {

class BodyRoute final : public Route {
public:
    explicit BodyRoute(http::Route options)
        : Route(options.body_bytes_max, options.request_timeout), open_(std::move(options.body)) {}

    [[nodiscard]] bool begin_body(HttpConnection& connection, const http::Request& request,
                                  http::Response& response) override;
    void answer(HttpConnection& connection, const http::Request& request,
                http::Response& response) override;

private:
    const std::function<http::BodyReader(const http::Request&, http::RequestBody)> open_;
};

}  // namespace starling::server
