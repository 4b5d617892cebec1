#include "fetch/target.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/text.h"

namespace starling::fetch {

namespace {

struct FreeUrl {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
struct FreeText {
    void operator()(char* text) const noexcept { curl_free(text); }
};

struct Origin {
    std::string scheme, host, port;
    [[nodiscard]] std::string text() const { return scheme + "://" + host + ":" + port; }
};

// Empty if libcurl cannot parse the URL, or if its scheme is not HTTP; `error` then says why.
std::optional<Origin> origin_of(const char* url, std::string& error) {
    const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
    if (!parsed) throw std::bad_alloc();
    if (const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url, 0)) {
        error = curl_url_strerror(code);
        return {};
    }
    const auto part = [&](CURLUPart which) -> std::string {
        char* text = nullptr;
        if (curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
        const std::unique_ptr<char, FreeText> owned(text);
        std::string copy(text);
        std::ranges::transform(copy, copy.begin(), base::lower);
        return copy;
    };
    Origin origin{part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT)};
    if (origin.scheme != "http" && origin.scheme != "https") {
        error = "not http or https";
        return {};
    }
    if (origin.host.empty()) {
        error = "no host";
        return {};
    }
    return origin;
}

bool names_loopback(std::string_view host) {
    return host == "localhost" || host == "localhost." || host.ends_with(".localhost") ||
           host == "[::1]" ||
           (host.starts_with("127.") &&
            host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace

Target::Target(Multi& multi, TargetOptions options) : multi_(multi), options_(std::move(options)) {
    std::string error;
    if (options_.url.find('\0') != std::string::npos) throw std::invalid_argument("url: NUL");
    const auto origin = origin_of(options_.url.c_str(), error);
    if (!origin) throw std::invalid_argument(options_.url + ": " + error);
    if (!options_.ca_path.empty() && ::access(options_.ca_path.c_str(), R_OK) != 0)
        throw std::invalid_argument(options_.ca_path + ": cannot be read");
    // libcurl reads a timeout of 0 as "no limit".
    if (options_.timeout_ms == 0 || options_.connect_timeout_ms == 0)
        throw std::invalid_argument(options_.url + ": a timeout of 0");
    origin_ = origin->text();
    spare_.reserve(spare_max);
    loopback_ = !options_.unix_socket.empty() || names_loopback(origin->host);
}

Target::~Target() {
    for (const auto& request : under_way_) multi_.remove(request->easy());
}

bool Target::same_origin(const char* url) const {
    std::string error;
    const auto origin = origin_of(url, error);
    return origin && origin->text() == origin_;
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
