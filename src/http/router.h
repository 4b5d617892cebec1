// http/router.h: finds the route of a request by method and path, in a trie of path segments.
//
// Owner:  the server that built it; read-only once serving, so that all workers share one.
// Thread: add() before serving, find() from any.
//
// A pattern begins with '/'. Each segment is a literal, a parameter (":name" or "{name}": one
// segment, not empty) or, last, "*" (all that is left, which may be empty). At each segment a
// literal wins over a parameter and that over the wildcard; a route without the right method never
// hides one that has it.
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
        not_found,           // 404; also dot segments, NUL and malformed escapes in the path.
        method_not_allowed,  // 405 with `allow`.
        options,             // OPTIONS that no route answers: 204 with `allow`.
    };

    struct Match {
        Outcome outcome = Outcome::not_found;
        int route = -1;             // As given to add().
        std::vector<Param> params;  // Decoded. Capacity is reused.
        std::string allow;          // "GET, HEAD, OPTIONS" for an Allow field.
    };

    Router();
    ~Router();
    Router(Router&&) noexcept;
    Router& operator=(Router&&) noexcept;

    // `method` "*" answers every method that has no route of its own. Throws std::invalid_argument
    // for a malformed pattern and for a second route of the same method and shape.
    void add(std::string_view method, std::string_view pattern, int route);

    // `raw_path` is still percent-encoded. HEAD falls back to GET.
    void find(std::string_view method, std::string_view raw_path, Match& match) const;

private:
    struct Node;
    struct Search;
    std::unique_ptr<Node> root_;
    std::vector<std::string> methods_;  // Of all routes, for `OPTIONS *`.
};

}  // namespace starling::http
