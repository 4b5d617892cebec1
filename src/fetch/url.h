// fetch/url.h: the URLs of applications and of redirects. libcurl's parser reads them, so that both
// senders read every URL alike. Thread: any.
#pragma once

#include <optional>
#include <string>

namespace starling::fetch {

struct Url {
    std::string scheme;  // "http" or "https".
    std::string host;    // Not lower-cased; an IPv6 address has brackets.
    std::string port;    // The scheme's default port, if the URL has none.
    std::string target;  // Path and query.
    bool has_user = false, has_default_port = false;

    [[nodiscard]] bool same_origin(const Url& other) const noexcept;
};

// Empty if libcurl cannot parse the URL, or if its scheme is not HTTP; `error` then says why.
[[nodiscard]] std::optional<Url> read_url(const std::string& url, std::string& error);
// The absolute URL of a Location field, which may be relative to `base`. "" if `location` is empty
// or not a URL.
[[nodiscard]] std::string resolve_url(const std::string& base, const std::string& location);

}  // namespace starling::fetch
