#include "ws/client_url.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/text.h"
#include "ws/client_host.h"

namespace starling::ws {
namespace {

using base::Failure;

// Which characters a component of a URL may not have as they are (WHATWG URL 1.3).
constexpr std::string_view path_escapes = " \"#<>?^`{}";
constexpr std::string_view query_escapes = " \"#<>'";
constexpr std::string_view userinfo_escapes = " \"#<>?^`{}/:;=@[\\]|";

std::string encode(std::string_view text, std::string_view escapes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x1f && byte < 0x7f && escapes.find(c) == std::string_view::npos) {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

// Removes blanks and control characters at the ends, and tabs and line ends everywhere, as the
// parser of browsers does.
std::string cleaned(std::string_view text) {
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    std::string out(text);
    std::erase_if(out, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
    return out;
}

// "": the text has no scheme.
std::string scheme_of(std::string_view text) {
    const size_t colon = text.find(':');
    std::string scheme;
    if (colon == std::string_view::npos) return scheme;
    for (const char c : text.substr(0, colon)) {
        const bool good = scheme.empty()
                              ? base::is_alphanumeric(c) && !base::is_digit(c)
                              : base::is_alphanumeric(c) || c == '+' || c == '-' || c == '.';
        if (!good) return {};
        scheme += base::lower(c);
    }
    return scheme;
}

bool is_slash(char c) noexcept { return c == '/' || c == '\\'; }

// 1: ".", 2: "..", in any encoding of the dots; 0: neither.
int dots_of(std::string_view segment) noexcept {
    int dots = 0;
    while (!segment.empty()) {
        if (segment.front() == '.') {
            segment.remove_prefix(1);
        } else if (segment.size() >= 3 && base::iequals(segment.substr(0, 3), "%2e")) {
            segment.remove_prefix(3);
        } else {
            return 0;
        }
        ++dots;
    }
    return dots <= 2 ? dots : 0;
}

std::string normal_path(std::string_view path) {
    std::vector<std::string_view> segments;
    if (!path.empty() && is_slash(path.front())) path.remove_prefix(1);
    for (bool last = false; !last;) {
        const auto end = static_cast<size_t>(std::ranges::find_if(path, is_slash) - path.begin());
        last = end == path.size();
        const std::string_view segment = path.substr(0, end);
        path.remove_prefix(last ? end : end + 1);
        const int dots = dots_of(segment);
        if (dots == 2 && !segments.empty()) segments.pop_back();
        if (dots == 0) segments.push_back(segment);
        if (dots != 0 && last) segments.emplace_back();
    }
    std::string out;
    for (const std::string_view segment : segments) out += "/" + encode(segment, path_escapes);
    return out.empty() ? "/" : out;
}

std::string normal_target(std::string_view text) {
    const size_t query = text.find('?');
    std::string out = normal_path(text.substr(0, query));
    if (query != std::string_view::npos) out += "?" + encode(text.substr(query + 1), query_escapes);
    return out;
}

std::optional<uint16_t> port_of(std::string_view digits) noexcept {
    unsigned value = 0;
    for (const char c : digits) {
        if (!base::is_digit(c)) return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > 65535) return std::nullopt;
    }
    return static_cast<uint16_t>(value);
}

// Reads "user:password", and returns it as it stands in the URL.
std::string read_userinfo(std::string_view text, ClientUrl& url) {
    const size_t colon = text.find(':');
    const std::string_view user = text.substr(0, colon);
    const std::string_view password = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    if (user.empty() && password.empty()) return {};
    url.authorization = "Basic ";
    base::base64_append(url.authorization, decode_escapes(user) + ":" + decode_escapes(password));
    std::string shown = encode(user, userinfo_escapes);
    if (!password.empty()) shown += ":" + encode(password, userinfo_escapes);
    return shown + "@";
}

base::Result<ClientUrl> parse_unix(std::string_view rest) {
    ClientUrl url;
    const size_t colon = rest.find(':');
    url.unix_path = rest.substr(0, colon);
    if (url.unix_path.empty() || url.unix_path.front() != '/')
        return Failure("a ws+unix URL has the absolute path of a socket: ws+unix:/path:/target");
    if (url.unix_path.find('\0') != std::string::npos)
        return Failure("the path of the socket has a zero byte");
    url.host = "localhost";
    url.port = 80;
    url.target = normal_target(colon == std::string_view::npos ? "" : rest.substr(colon + 1));
    url.href = "ws+unix:" + url.unix_path + ":" + url.target;
    return url;
}

}  // namespace

std::string ClientUrl::host_field() const {
    std::string field = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != (secure ? 443 : 80)) field += ":" + std::to_string(port);
    return field;
}

bool ClientUrl::same_origin(const ClientUrl& other) const noexcept {
    return secure == other.secure && host == other.host && port == other.port &&
           unix_path == other.unix_path;
}

base::Result<ClientUrl> parse_client_url(std::string_view text) {
    const std::string all = cleaned(text);
    const std::string scheme = scheme_of(all);
    if (scheme.empty()) return Failure("the URL has no scheme: write ws://host/path");
    std::string_view rest = std::string_view(all).substr(scheme.size() + 1);
    if (rest.find('#') != std::string_view::npos)
        return Failure("the URL of a WebSocket has no fragment (#)");
    if (scheme == "ws+unix") return parse_unix(rest);

    ClientUrl url;
    url.secure = scheme == "wss" || scheme == "https";
    if (!url.secure && scheme != "ws" && scheme != "http")
        return Failure("the scheme is not ws, wss, http, https or ws+unix: " + scheme);
    while (!rest.empty() && is_slash(rest.front())) rest.remove_prefix(1);
    std::string_view authority = rest.substr(0, rest.find_first_of("/\\?"));
    rest.remove_prefix(authority.size());

    std::string userinfo;
    if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
        userinfo = read_userinfo(authority.substr(0, at), url);
        authority.remove_prefix(at + 1);
    }
    const size_t bracket = authority.rfind(']');
    const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    auto host = parse_client_host(authority.substr(0, colon));
    if (!host) return Failure(host.error());
    url.host = std::move(*host);
    const std::string_view digits =
        colon == std::string_view::npos ? "" : authority.substr(colon + 1);
    const auto port = port_of(digits);
    if (!port) return Failure("the port is no number up to 65535: " + std::string(digits));
    url.port = digits.empty() ? (url.secure ? 443 : 80) : *port;
    url.target = normal_target(rest);
    url.href = (url.secure ? "wss://" : "ws://") + userinfo + url.host_field() + url.target;
    return url;
}

base::Result<ClientUrl> resolve_redirect(const ClientUrl& from, std::string_view location) {
    std::string text = cleaned(location.substr(0, location.find('#')));
    const std::string scheme = scheme_of(text);
    if (scheme == "ws+unix") return Failure("a redirect to a Unix-domain socket");
    if (scheme.empty()) {
        const bool other_host = text.starts_with("//");
        if (!from.unix_path.empty() && other_host)
            return Failure("a redirect from a Unix-domain socket to a host");
        const std::string_view path =
            std::string_view(from.target).substr(0, from.target.find('?'));
        if (text.empty() || text.front() == '?')
            text = (text.empty() ? from.target : std::string(path)) + text;
        else if (!is_slash(text.front()))
            text = std::string(path.substr(0, path.rfind('/') + 1)) + text;
        if (!from.unix_path.empty())
            text = "ws+unix:" + from.unix_path + ":" + text;
        else if (other_host)
            text = (from.secure ? "wss:" : "ws:") + text;
        else
            text = (from.secure ? "wss://" : "ws://") + from.host_field() + text;
    }
    auto url = parse_client_url(text);
    if (url && from.secure && !url->secure) return Failure("a redirect from wss to ws");
    return url;
}

}  // namespace starling::ws
