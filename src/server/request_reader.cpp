#include "server/request_reader.h"

#include <algorithm>

#include "base/text.h"
#include "server/host_sites.h"
#include "server/site.h"

namespace starling::server {
namespace {

constexpr size_t body_kept_bytes_max = 4 * 1024;  // Capacity kept between requests.

}  // namespace

RequestReader::RequestReader(const Site& site, Listen::Serves serves)
    : site_(site), serves_(serves), parser_(site.http_rules->parser) {}

void RequestReader::reset() {
    head_seen_ = timing_head_ = false;
    route_ = nullptr;
    host_ = nullptr;
    host_refusal_ = 0;
    body_.clear();
    body_bytes_ = 0;
    if (body_.capacity() > body_kept_bytes_max) body_.shrink_to_fit();
    parser_.reset();
}

// False: the request is refused.
bool RequestReader::find_host(std::string_view server_name) {
    const HostSites::Found found = site_.hosts->find(parser_.head().host, server_name);
    host_ = found.entry;
    host_refusal_ = found.refusal;
    if (found.refusal == 0) return true;
    match_ = {};
    route_ = nullptr;
    return false;
}

void RequestReader::find_route(std::string_view server_name) {
    head_seen_ = true;
    began_ = std::chrono::steady_clock::now();
    if (site_.hosts && !find_host(server_name)) return;
    const http::RequestHead& head = parser_.head();
    const auto find = [&](std::string_view path) {
        const http::Router& router = host_ ? host_->routes_for(path) : site_.router;
        router.find(head.method, path, match_);
    };
    find(head.path);
    if (match_.outcome == http::Router::Outcome::not_found && site_.lenient_paths) {
        std::string path(head.path);
        std::ranges::transform(path, path.begin(), base::lower);
        if (path.size() > 1 && path.back() == '/') path.pop_back();
        find(path);
    }
    const bool found = match_.outcome == http::Router::Outcome::found;
    route_ = found ? site_.routes[static_cast<size_t>(match_.route)].get() : nullptr;
    if (!route_ || !site_.control_apart) return;
    if (route_->is_control() == (serves_ == Listen::Serves::control)) return;
    route_ = nullptr;
    match_.outcome = http::Router::Outcome::not_found;
}

http::RequestParts RequestReader::parts(bool secure) const {
    const http::RequestHead& head = parser_.head();
    return {.method = head.method,
            .target = head.target,
            .path = head.path,
            .query = head.query,
            .host = head.host,
            .fields = head.fields,
            .params = match_.params,
            .body = body_,
            .secure = secure,
            .site_origins = host_ ? host_->own_origins() : nullptr};
}

// The limit of the request's own route. The parser only knows the largest limit of all routes.
uint64_t RequestReader::body_bytes_max() const noexcept {
    const HttpLimits& limits = site_.http_rules->limits;
    return route_ ? route_->body_bytes_max(limits) : limits.body_bytes_max;
}

bool RequestReader::count_body(std::span<const std::byte> bytes) noexcept {
    const uint64_t limit = body_bytes_max();
    if (bytes.size() > limit - std::min(body_bytes_, limit)) return false;
    body_bytes_ += bytes.size();
    return true;
}

void RequestReader::append_body(std::span<const std::byte> bytes) {
    body_.append(base::text_of(bytes));
}

void RequestReader::begin_head(uint64_t now_ms) noexcept {
    head_began_ms_ = now_ms;
    timing_head_ = true;
}

uint64_t RequestReader::request_left_ms(uint64_t now_ms) const noexcept {
    const HttpLimits& limits = site_.http_rules->limits;
    const auto allowed_ms = static_cast<uint64_t>(
        (route_ ? route_->request_timeout(limits) : limits.request_timeout).count());
    const uint64_t spent_ms = now_ms - head_began_ms_;
    return allowed_ms - std::min(spent_ms, allowed_ms);
}

std::chrono::steady_clock::duration RequestReader::since_head() const noexcept {
    return std::chrono::steady_clock::now() - began_;
}

}  // namespace starling::server
