// server/middleware.h: the middleware that sees requests before their routes, see Server::use().
//
// Owner: Site. Built before the workers run and shared by all of them. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <string>
#include <string_view>
#include <vector>

namespace starling::server {

class MiddlewareList {
public:
    // Throws std::invalid_argument if `prefix` does not begin with '/' or `middleware` is empty.
    void add(std::string_view prefix, http::Middleware middleware);
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    // Calls the middleware of the request's path in the order of add(), until one answers. The
    // caller must catch the exceptions of middleware.
    [[nodiscard]] http::Next run(const http::Request& request, http::Response& response) const;

private:
    struct Entry {
        std::string prefix;  // Without a trailing slash; "" for "/".
        http::Middleware middleware;
    };
    std::vector<Entry> entries_;
};

}  // namespace starling::server
