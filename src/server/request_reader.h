// server/request_reader.h: reads requests one after the other: parses the head, finds its route,
// collects the body, and keeps the time for each step.
//
// Owner: the HttpConnection. Thread: the worker's.
#pragma once

#include <starling/http.h>
#include <starling/server.h>

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

struct HostEntry;
struct Site;

class RequestReader {
public:
    // `site` must live longer than the reader. `serves`: what the address serves that the
    // connection came by.
    RequestReader(const Site& site, Listen::Serves serves);

    // Consumes the front of `input`; see http::RequestParser::next().
    [[nodiscard]] http::ParseEvent next(std::span<const std::byte>& input) {
        return parser_.next(input);
    }
    // Prepares for the next request. Keeps a little memory for it.
    void reset();

    // ---- The head -------------------------------------------------------------------------------
    // `server_name`: the one of the TLS handshake; "": none.
    void find_route(std::string_view server_name);
    // The site of the request's host; null: the default one, or the server has no sites.
    [[nodiscard]] const HostEntry* host() const noexcept { return host_; }
    // The status with which find_route() refuses the request's host; 0: it does not.
    [[nodiscard]] int host_refusal() const noexcept { return host_refusal_; }
    [[nodiscard]] const http::RequestHead& head() const noexcept { return parser_.head(); }
    [[nodiscard]] const http::RequestParser& parser() const noexcept { return parser_; }
    // The route that find_route() found; null: none, see match().
    [[nodiscard]] Route* route() const noexcept { return route_; }
    [[nodiscard]] const http::Router::Match& match() const noexcept { return match_; }
    // True from the head of a request until its answer.
    [[nodiscard]] bool head_seen() const noexcept { return head_seen_; }
    // True if any byte of a request has arrived.
    [[nodiscard]] bool started() const noexcept { return parser_.started(); }
    // The result contains views of this reader. It lacks what ClientAddress adds.
    [[nodiscard]] http::RequestParts parts(bool secure) const;

    // ---- The body -------------------------------------------------------------------------------
    [[nodiscard]] uint64_t body_bytes_max() const noexcept;
    // Adds to the size of the body. False: the body now exceeds body_bytes_max().
    [[nodiscard]] bool count_body(std::span<const std::byte> bytes) noexcept;
    void append_body(std::span<const std::byte> bytes);

    // ---- Time -----------------------------------------------------------------------------------
    // Starts the timeouts of a head.
    void begin_head(uint64_t now_ms) noexcept;
    [[nodiscard]] bool timing_head() const noexcept { return timing_head_; }
    // The time left for the whole request.
    [[nodiscard]] uint64_t request_left_ms(uint64_t now_ms) const noexcept;
    [[nodiscard]] std::chrono::steady_clock::duration since_head() const noexcept;

private:
    const Site& site_;
    const Listen::Serves serves_;
    http::RequestParser parser_;
    http::Router::Match match_;
    [[nodiscard]] bool find_host(std::string_view server_name);

    Route* route_ = nullptr;
    const HostEntry* host_ = nullptr;
    int host_refusal_ = 0;
    std::string body_;
    uint64_t body_bytes_ = 0;  // Received so far.
    bool head_seen_ = false;   // Refers to the current request.
    bool timing_head_ = true;  // The timeout of a head runs, not the one between requests.
    uint64_t head_began_ms_ = 0;
    std::chrono::steady_clock::time_point began_;
};

}  // namespace starling::server
