#include "fetch/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/text.h"

namespace starling::fetch {

namespace {

struct FreeUrl {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
struct FreeText {
    void operator()(char* text) const noexcept { curl_free(text); }
};
using Parsed = std::unique_ptr<CURLU, FreeUrl>;

Parsed parser() {
    Parsed parsed(curl_url());
    if (!parsed) throw std::bad_alloc();
    return parsed;
}

std::string part(const Parsed& url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, FreeText> owned(text);
    return text;
}

std::string default_port(const std::string& scheme) { return scheme == "https" ? "443" : "80"; }

}  // namespace

bool Url::same_origin(const Url& other) const noexcept {
    return scheme == other.scheme && base::iequals(host, other.host) && port == other.port &&
           has_user == other.has_user;
}

std::optional<Url> read_url(const std::string& url, std::string& error) {
    const Parsed parsed = parser();
    if (const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0)) {
        error = curl_url_strerror(code);
        return {};
    }
    Url read;
    read.scheme = part(parsed, CURLUPART_SCHEME);
    std::ranges::transform(read.scheme, read.scheme.begin(), base::lower);
    if (read.scheme != "http" && read.scheme != "https") {
        error = "not http or https";
        return {};
    }
    read.host = part(parsed, CURLUPART_HOST);
    if (read.host.empty()) {
        error = "no host";
        return {};
    }
    read.port = part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    read.has_default_port = read.port == default_port(read.scheme);
    read.target = part(parsed, CURLUPART_PATH);
    const std::string query = part(parsed, CURLUPART_QUERY);
    if (!query.empty()) read.target.append("?").append(query);
    read.has_user =
        !part(parsed, CURLUPART_USER).empty() || !part(parsed, CURLUPART_PASSWORD).empty();
    return read;
}

std::string resolve_url(const std::string& base, const std::string& location) {
    const Parsed parsed = parser();
    if (location.empty() ||
        curl_url_set(parsed.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
        curl_url_set(parsed.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK)
        return {};
    return part(parsed, CURLUPART_URL);
}

}  // namespace starling::fetch
