// app/config/schema_sites.cpp: the keys of sites by host name, of further folders of static files, and of
// the listener that redirects to https:.
#include "app/config/checks.h"
#include "app/config/schema.h"

#include <starling/sites.h>

namespace starling::app {
namespace {

// "Name: value", RFC 9110 section 5.5.
std::optional<std::string> check_field(std::string_view text) {
    const size_t colon = text.find(": ");
    if (colon != std::string_view::npos && !check_token(text.substr(0, colon)) &&
        colon + 2 < text.size())
        return std::nullopt;
    return "must be a field like X-Frame-Options: DENY";
}

std::optional<std::string> check_hidden_path(std::string_view text) {
    if (text.starts_with('/') && text.find_first_of("?# ") == std::string_view::npos)
        return std::nullopt;
    return "must be a path like /chat";
}

std::optional<std::string> check_files_path(std::string_view text) {
    if (text == "/") return std::nullopt;
    return check_route_path(text);
}

constexpr Row rows[] = {
    {.key = "listen[].cert",
     .slot = [](Settings& s) -> Slot {
         return &s.server.listen.back().certificate.certificate_chain_path;
     },
     .path = true,
     .help = "certificate chain of this address, PEM, leaf first, in place of "
             "`tls.certificates`; those of `sites` go before it; see [sites](sites.md)"},
    {.key = "listen[].key",
     .slot = [](Settings& s) -> Slot {
         return &s.server.listen.back().certificate.private_key_path;
     },
     .path = true,
     .help = "private key of that certificate, PEM"},
    {.key = "hosts",
     .slot = [](Settings& s) -> Slot { return &s.hosts; },
     .check = fault_of_host,
     .help = "host names of the default site, for `unknown_host`"},
    {.key = "unknown_host",
     .slot = [](Settings& s) -> Slot { return &s.unknown_host; },
     .help = "what a request for another host gets: `default`: the default site; "
             "`misdirected`: 421; `not_found`: 404"},
    {.key = "headers.add",
     .slot = [](Settings& s) -> Slot { return &s.add_headers; },
     .check = check_field,
     .help = "fields that every answer gets unless it has them: `X-Frame-Options: DENY`"},
    {.key = "headers.remove",
     .slot = [](Settings& s) -> Slot { return &s.remove_headers; },
     .check = check_token,
     .help = "fields that no answer has: `X-Content-Type-Options`"},
    {.key = "sites[].hosts",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().hosts; },
     .check = fault_of_host,
     .required = true,
     .help = "hosts of the site: `example.com`, `*.example.com` (all names beneath it), "
             "`[2001:db8::1]`; see [sites](sites.md)"},
    {.key = "sites[].root",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().root; },
     .path = true,
     .help = "folder of the site's static files, served at `/`; empty: none"},
    {.key = "sites[].compression",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().compression; },
     .help = "compress these files with gzip"},
    {.key = "sites[].headers.add",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().add_headers; },
     .check = check_field,
     .help = "as `headers.add`, for this site; wins over that"},
    {.key = "sites[].headers.remove",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().remove_headers; },
     .check = check_token,
     .help = "as `headers.remove`, for this site"},
    {.key = "sites[].cert",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().cert; },
     .path = true,
     .help = "certificate chain for TLS clients that name one of these hosts, PEM, leaf "
             "first; empty: the one of `tls.certificates` that fits"},
    {.key = "sites[].key",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().key; },
     .path = true,
     .help = "private key of the certificate, PEM"},
    {.key = "sites[].origins",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().origins; },
     .check = check_ws_origin,
     .help = "further origins whose pages may use what this site serves: WebSocket, Socket.IO, "
             "server events, the gateway"},
    {.key = "sites[].cors.origins",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().cors.origins; },
     .check = check_cors_origin,
     .help = "as `http.cors.origins`, for this site, in place of the keys of `http.cors`"},
    {.key = "sites[].cors.methods",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().cors.methods; },
     .check = check_token,
     .help = "methods that such pages may use"},
    {.key = "sites[].cors.headers",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().cors.headers; },
     .check = check_token,
     .help = "request fields that such pages may set"},
    {.key = "sites[].cors.expose",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().cors.expose; },
     .check = check_token,
     .help = "response fields that such pages may read"},
    {.key = "sites[].cors.credentials",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().cors.credentials; },
     .help = "allow cookies; not together with `*`"},
    {.key = "sites[].cors.max_age_s",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().cors.max_age_s; },
     .min = 0,
     .max = day_ms / 1000,
     .help = "how long a browser may remember the answer"},
    {.key = "sites[].events",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().events; },
     .help = "the site has the channels of server events, if they are of all sites; else 404"},
    {.key = "sites[].socketio",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().socketio; },
     .help = "the same for the Socket.IO servers of all sites, with those of the gateway"},
    {.key = "sites[].gateway",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().gateway; },
     .help = "the same for the gateway: its WebSocket paths and its control API"},
    {.key = "sites[].hide",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().hide; },
     .check = check_hidden_path,
     .help = "paths of all sites that this one does not have, with all beneath them: 404"},
    {.key = "files[].path",
     .slot = [](Settings& s) -> Slot { return &s.files.back().path; },
     .check = check_files_path,
     .required = true,
     .help = "where a folder of static files is served, as `/downloads`"},
    {.key = "files[].root",
     .slot = [](Settings& s) -> Slot { return &s.files.back().root; },
     .path = true,
     .required = true,
     .help = "that folder"},
    {.key = "files[].site",
     .slot = [](Settings& s) -> Slot { return &s.files.back().site; },
     .help = "a host of the site that has these files; empty: the default site"},
    {.key = "files[].compression",
     .slot = [](Settings& s) -> Slot { return &s.files.back().compression; },
     .help = "compress these files with gzip"},
    {.key = "websocket[].site",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().site; },
     .help = "a host of the site that has the path; empty: all sites"},
    {.key = "events.site",
     .slot = [](Settings& s) -> Slot { return &s.events_site; },
     .help = "a host of the site that has the channels; empty: all sites"},
    {.key = "gateway.routes[].site",
     .slot = [](Settings& s) -> Slot { return &s.gateway.routes.back().site; },
     .help = "a host of the site that has the path; empty: all sites"},
    {.key = "redirect.listen",
     .slot = [](Settings& s) -> Slot { return &s.redirect.listen; },
     .check = check_address,
     .help = "addresses without TLS that answer everything with 308 to `https://`: "
             "`0.0.0.0:80`"},
    {.key = "redirect.https_port",
     .slot = [](Settings& s) -> Slot { return &s.redirect.https_port; },
     .min = 1,
     .max = 65535,
     .help = "port of these URLs; 443 is left out"},
    {.key = "redirect.acme_root",
     .slot = [](Settings& s) -> Slot { return &s.redirect.acme_root; },
     .path = true,
     .help = "folder that is served at `/.well-known/acme-challenge/` there, for ACME "
             "clients; empty: none"},
};

}  // namespace

std::span<const Row> site_rows() noexcept { return rows; }

}  // namespace starling::app
