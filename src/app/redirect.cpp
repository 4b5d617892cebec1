#include "app/redirect.h"

#include <starling/sites.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::app {
namespace {

constexpr std::string_view acme_prefix = "/.well-known/acme-challenge";
constexpr unsigned https_port_default = 443;

// The host without its port. An IPv6 address keeps its brackets.
std::string_view without_port(std::string_view host) noexcept {
    const size_t bracket = host.starts_with('[') ? host.find(']') : 0;
    return host.substr(0, host.find(':', bracket));
}

http::Handler redirect_to(unsigned port) {
    return [port](const http::Request& request, http::Response& response) {
        if (request.host().empty()) {  // HTTP/1.0 has no Host.
            response.status(400).text("Bad Request: no Host\n");
            return;
        }
        if (request.secure()) {  // A proxy has ended TLS: a redirect would come back here for ever.
            response.status(421).text(
                "Misdirected Request: the client uses https already, and its proxy sends it to the "
                "listener that redirects from http\n");
            return;
        }
        std::string location = "https://" + std::string(without_port(request.host()));
        if (port != https_port_default) location += ":" + std::to_string(port);
        location += request.raw_path();
        if (!request.query_string().empty()) location.append("?").append(request.query_string());
        response.status(308).header("Location", location).text("Permanent Redirect\n");
    };
}

http::StaticFileOptions challenge_options() {
    return {.index = "", .cache_control = "no-store", .gzip = false};
}

}  // namespace

std::unique_ptr<Server> make_redirect(const Settings& settings, ServerOptions main) {
    const RedirectSettings& redirect = settings.redirect;
    if (redirect.listen.empty()) return nullptr;
    ServerOptions options = std::move(main);
    options.listen.clear();
    for (const std::string& address : redirect.listen)
        options.listen.push_back({.address = address,
                                  .tls = Listen::Tls::off,
                                  .proxy_protocol_from = redirect.proxy_protocol_from});
    options.workers = 1;
    options.certificates.clear();
    options.handle_signals = false;
    options.handle_user_signals = false;
    options.drain = {};  // It ends with the program.
    auto server = std::make_unique<Server>(std::move(options));
    // A redirect to a host that is not served would send clients to nothing. Where the default site
    // has all hosts, and does not say which, none is unknown.
    if (settings.unknown_host != UnknownHost::serve || !settings.hosts.empty()) {
        std::vector<std::string> hosts = settings.hosts;
        for (const SiteSettings& site : settings.sites)
            hosts.insert(hosts.end(), site.hosts.begin(), site.hosts.end());
        const bool missing = settings.unknown_host == UnknownHost::not_found;
        set_unknown_hosts(*server, missing ? UnknownHost::not_found : UnknownHost::misdirected,
                          std::move(hosts));
    }
    server->any("/*", redirect_to(redirect.https_port));
    if (!redirect.acme_root.empty())
        server->files(acme_prefix, redirect.acme_root, challenge_options());
    return server;
}

}  // namespace starling::app
