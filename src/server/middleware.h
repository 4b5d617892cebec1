// server/middleware.h: what sees a request before its route, see Server::use().
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
    // Throws std::invalid_argument for a prefix that does not begin with '/', or an empty middleware.
    void add(std::string_view prefix, http::Middleware middleware);
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    // Calls those of the request's path in their order, until one answers. What one throws is the
    // caller's to catch.
    [[nodiscard]] http::Next run(const http::Request& request, http::Response& response) const;

private:
    struct Entry {
        std::string prefix;  // Without a trailing slash: "" for "/".
        http::Middleware middleware;
    };
    std::vector<Entry> entries_;
};

}  // namespace starling::server
