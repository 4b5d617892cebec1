#include "server/gateway/application.h"

#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace starling::server {
namespace {

constexpr size_t socket_path_bytes_max = 107;  // sockaddr_un, without the NUL.

bool is_url_char(char c) noexcept {
    return c > ' ' && c < 0x7f && c != '"' && c != '#' && c != '\\';
}

bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, port);
    return read.ec == std::errc() && read.ptr == end && port >= 1 && port <= 65535;
}

// HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT. No user and password, which would end up in logs.
bool is_authority(std::string_view text) noexcept {
    if (text.empty() || text.find('@') != std::string_view::npos) return false;
    std::string_view rest;
    if (text.front() == '[') {
        const size_t end = text.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        rest = text.substr(end + 1);
    } else {
        const size_t colon = text.find(':');
        if (colon == 0) return false;
        rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    }
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

}  // namespace

std::optional<Application> read_application(std::string_view text) {
    if (!std::ranges::all_of(text, is_url_char)) return std::nullopt;
    if (text.starts_with("unix:/")) {
        const std::string_view rest = text.substr(5);
        const size_t colon = rest.find(":/");
        if (colon == std::string_view::npos || colon < 2 || colon > socket_path_bytes_max)
            return std::nullopt;
        return Application{"http://localhost" + std::string(rest.substr(colon + 1)),
                           std::string(rest.substr(0, colon))};
    }
    const size_t scheme = text.starts_with("http://") ? 7 : text.starts_with("https://") ? 8 : 0;
    if (scheme == 0) return std::nullopt;
    const size_t slash = std::min(text.find_first_of("/?", scheme), text.size());
    if (!is_authority(text.substr(scheme, slash - scheme))) return std::nullopt;
    std::string url(text);
    if (slash == text.size() || text[slash] == '?') url.insert(slash, "/");
    return Application{std::move(url), {}};
}

std::vector<std::string> default_authorities() {
    return {"/etc/ssl/certs/ca-certificates.crt", ::X509_get_default_cert_file()};
}

std::optional<gateway::Fault> fault_of_authorities(const gateway::Route& route,
                                                   std::span<const std::string> authorities) {
    if (!route.application.starts_with("https://") || !route.ca_path.empty()) return std::nullopt;
    const auto readable = [](const std::string& path) { return ::access(path.c_str(), R_OK) == 0; };
    if (std::ranges::any_of(authorities, readable)) return std::nullopt;
    return gateway::Fault{"application",
                          "is https, and this machine has no certificates of authorities: install "
                          "ca-certificates, or set ca_path"};
}

}  // namespace starling::server
