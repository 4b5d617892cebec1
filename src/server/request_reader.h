// server/request_reader.h: reads one request after the other: the parser, the route that the head names,
// the body as far as it has come, and how long each may take.
//
// Owner: the HttpConnection. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/parser.h"
#include "http/request_parts.h"
#include "http/router.h"
#include "server/route.h"

namespace starling::server {

struct Site;

class RequestReader {
public:
    explicit RequestReader(const Site& site);  // Outlives the reader.

    // Consumes from the front of `input`; see http::RequestParser::next().
    [[nodiscard]] http::ParseEvent next(std::span<const std::byte>& input) {
        return parser_.next(input);
    }
    // Ready for the next request. Keeps a little memory.
    void reset();

    // ---- The head -------------------------------------------------------------------------------
    void find_route();
    [[nodiscard]] const http::RequestHead& head() const noexcept { return parser_.head(); }
    [[nodiscard]] const http::RequestParser& parser() const noexcept { return parser_; }
    // The route that find_route() found; null: none, see match().
    [[nodiscard]] Route* route() const noexcept { return route_; }
    [[nodiscard]] const http::Router::Match& match() const noexcept { return match_; }
    // A head has come, and its request is not answered yet.
    [[nodiscard]] bool head_seen() const noexcept { return head_seen_; }
    // Any byte of a request has come.
    [[nodiscard]] bool started() const noexcept { return parser_.started(); }
    // Views into this reader and `remote_address`.
    [[nodiscard]] http::RequestParts parts(std::string_view remote_address, bool secure) const;

    // ---- The body -------------------------------------------------------------------------------
    [[nodiscard]] uint64_t body_bytes_max() const noexcept;
    // False: the body is larger than that with them.
    [[nodiscard]] bool count_body(std::span<const std::byte> bytes) noexcept;
    void append_body(std::span<const std::byte> bytes);

    // ---- Time -----------------------------------------------------------------------------------
    // The timeouts of a head run from here.
    void begin_head(uint64_t now_ms) noexcept;
    [[nodiscard]] bool timing_head() const noexcept { return timing_head_; }
    // What is left for the whole request.
    [[nodiscard]] uint64_t request_left_ms(uint64_t now_ms) const noexcept;
    [[nodiscard]] std::chrono::steady_clock::duration since_head() const noexcept;

private:
    const Site& site_;
    http::RequestParser parser_;
    http::Router::Match match_;
    Route* route_ = nullptr;
    std::string body_;
    uint64_t body_bytes_ = 0;  // So many have come.
    bool head_seen_ = false;   // Of the request being read.
    bool timing_head_ = true;  // The timeout for a head runs, not the one between requests.
    uint64_t head_began_ms_ = 0;
    std::chrono::steady_clock::time_point began_;
};

}  // namespace starling::server
