#include "fetch/target.h"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "fetch/application.h"

namespace starling::fetch {

namespace {

bool names_loopback(std::string_view host) {
    return is_localhost(host) || host == "[::1]" ||
           (host.starts_with("127.") &&
            host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace

Target::Target(Multi& multi, TargetOptions options) : multi_(multi), options_(std::move(options)) {
    std::string error;
    if (options_.url.find('\0') != std::string::npos) throw std::invalid_argument("url: NUL");
    auto url = read_url(options_.url, error);
    if (!url) throw std::invalid_argument(options_.url + ": " + error);
    if (!options_.ca_path.empty() && ::access(options_.ca_path.c_str(), R_OK) != 0)
        throw std::invalid_argument(options_.ca_path + ": cannot be read");
    // libcurl reads a timeout of 0 as "no limit".
    if (options_.timeout_ms == 0 || options_.connect_timeout_ms == 0)
        throw std::invalid_argument(options_.url + ": a timeout of 0");
    url_ = std::move(*url);
    spare_.reserve(spare_max);
    loopback_ = !options_.unix_socket.empty() || names_loopback(url_.host);
    head_begin_ = "POST " + url_.target + " HTTP/1.1\r\nHost: " + url_.host +
                  (url_.has_default_port ? "" : ":" + url_.port) + "\r\n";
}

Target::~Target() {
    for (const auto& request : under_way_) multi_.remove(request->easy());
}

std::optional<Url> Target::within_origin(const std::string& url) const {
    std::string error;
    auto read = read_url(url, error);
    if (read && !read->same_origin(url_)) read.reset();
    return read;
}

Request& Target::take() {
    if (spare_.empty()) spare_.push_back(std::make_unique<Request>(multi_, *this));
    under_way_.push_back(std::move(spare_.back()));
    spare_.pop_back();
    under_way_.back()->place = under_way_.size() - 1;
    return *under_way_.back();
}

void Target::give_back(Request& request) noexcept {
    const size_t place = request.place;
    std::swap(under_way_[place], under_way_.back());
    under_way_[place]->place = place;
    request.forget();
    if (spare_.size() < spare_max) spare_.push_back(std::move(under_way_.back()));
    under_way_.pop_back();
}

}  // namespace starling::fetch
