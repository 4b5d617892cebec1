// http/router.h: finds the route of a request by method and path, in a trie of path segments.
//
// Owner:  the server that built it. Read-only once serving, so that all workers share one router.
// Thread: add() before serving; find() on any.
//
// A pattern begins with '/'. Each segment is a literal, a parameter (":name" or "{name}": one
// segment, not empty) or, as the last segment, "*" (the rest of the path, which may be empty). At
// each segment a literal takes precedence over a parameter, and a parameter over the wildcard. A
// route of another method never hides a route of the request's method.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

class Router {
public:
    enum class Outcome : uint8_t {
        found,
        not_found,           // 404; also for dot segments, NUL and malformed escapes in the path.
        method_not_allowed,  // 405, with `allow`.
        options,             // 204 with `allow`: an OPTIONS request without a route of its own.
    };

    struct Match {
        Outcome outcome = Outcome::not_found;
        int route = -1;             // The number given to add().
        std::vector<Param> params;  // Decoded. The vector's capacity is reused.
        std::string allow;          // "GET, HEAD, OPTIONS": the value of an Allow field.
    };

    Router();
    ~Router();
    Router(Router&&) noexcept;
    Router& operator=(Router&&) noexcept;

    // Adds a route. `method` "*" matches every method that has no route of its own. Throws
    // std::invalid_argument for a malformed pattern, and for a second route of the same method and
    // shape.
    void add(std::string_view method, std::string_view pattern, int route);

    // `raw_path` is percent-encoded. A HEAD request matches a GET route if there is no HEAD route.
    void find(std::string_view method, std::string_view raw_path, Match& match) const;

private:
    struct Node;
    struct Search;
    std::unique_ptr<Node> root_;
    std::vector<std::string> methods_;  // The methods of all routes, for `OPTIONS *`.
};

}  // namespace starling::http
