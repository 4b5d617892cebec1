// app/config/schema_sites.cpp: the keys of sites by host name, of further folders of static files, and of
// the listener that redirects to https:.
#include "app/config/checks.h"
#include "app/config/schema.h"

#include <starling/sites.h>

#include "base/text.h"

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

// ".wasm: application/wasm".
std::optional<std::string> check_type(std::string_view text) {
    const size_t colon = text.find(": "), slash = text.find('/');
    if (text.starts_with('.') && text == base::trim(text) && colon != std::string_view::npos &&
        colon > 1 && slash != std::string_view::npos && slash > colon + 2 &&
        slash + 1 < text.size())
        return std::nullopt;
    return "must be an extension and its type, like .wasm: application/wasm";
}

std::optional<std::string> check_cache_control(std::string_view text) {
    if (text == base::trim(text)) return std::nullopt;
    return "must be a value like public, max-age=3600, without blanks at its ends";
}

std::optional<std::string> check_index(std::string_view text) {
    if (text.find('/') == std::string_view::npos) return std::nullopt;
    return "must be the name of a file, without a folder";
}

constexpr Row rows[] = {
    {.key = "static.compression",
     .slot = [](Settings& s) -> Slot { return &s.statics.options.gzip; },
     .help = "compress the files of `root`, `sites` and `files` with gzip"},
    {.key = "static.cache_control",
     .slot = [](Settings& s) -> Slot { return &s.statics.options.cache_control; },
     .check = check_cache_control,
     .help = "the field `Cache-Control` of these files: `public, max-age=3600`; empty: no field"},
    {.key = "static.index",
     .slot = [](Settings& s) -> Slot { return &s.statics.options.index; },
     .check = check_index,
     .help = "file that is served for a folder; empty: 404"},
    {.key = "static.types",
     .slot = [](Settings& s) -> Slot { return &s.statics.types; },
     .check = check_type,
     .help = "media types by extension, besides the usual ones: `.wasm: application/wasm`"},
    {.key = "static.gzip_bytes_min",
     .slot = [](Settings& s) -> Slot { return &s.statics.options.gzip_bytes_min; },
     .max = gibi,
     .help = "smaller files are sent as they are"},
    {.key = "static.cached_file_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.statics.options.cached_file_bytes_max; },
     .max = gibi,
     .help = "larger files are streamed, and not compressed"},
    {.key = "static.cache_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.statics.options.cache_bytes_max; },
     .max = 1024 * gibi,
     .help = "memory of a worker for contents of the files of one folder, and what gzip made of "
             "them"},
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
     .slot = [](Settings& s) -> Slot { return &s.sites.back().statics.options.gzip; },
     .help =
         "compress these files with gzip; not set: `static.compression`, and so for the next four"},
    {.key = "sites[].cache_control",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().statics.options.cache_control; },
     .check = check_cache_control,
     .help = "as `static.cache_control`, for these files"},
    {.key = "sites[].index",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().statics.options.index; },
     .check = check_index,
     .help = "as `static.index`, for these files"},
    {.key = "sites[].types",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().statics.types; },
     .check = check_type,
     .help = "as `static.types`, for these files; they go before those"},
    {.key = "sites[].gzip_bytes_min",
     .slot = [](Settings& s) -> Slot { return &s.sites.back().statics.options.gzip_bytes_min; },
     .max = gibi,
     .help = "as `static.gzip_bytes_min`, for these files"},
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
     .slot = [](Settings& s) -> Slot { return &s.files.back().statics.options.gzip; },
     .help =
         "compress these files with gzip; not set: `static.compression`, and so for the next four"},
    {.key = "files[].cache_control",
     .slot = [](Settings& s) -> Slot { return &s.files.back().statics.options.cache_control; },
     .check = check_cache_control,
     .help = "as `static.cache_control`, for these files"},
    {.key = "files[].index",
     .slot = [](Settings& s) -> Slot { return &s.files.back().statics.options.index; },
     .check = check_index,
     .help = "as `static.index`, for these files"},
    {.key = "files[].types",
     .slot = [](Settings& s) -> Slot { return &s.files.back().statics.types; },
     .check = check_type,
     .help = "as `static.types`, for these files; they go before those"},
    {.key = "files[].gzip_bytes_min",
     .slot = [](Settings& s) -> Slot { return &s.files.back().statics.options.gzip_bytes_min; },
     .max = gibi,
     .help = "as `static.gzip_bytes_min`, for these files"},
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
    {.key = "redirect.proxy_protocol.from",
     .slot = [](Settings& s) -> Slot { return &s.redirect.proxy_protocol_from; },
     .check = fault_of_address_range,
     .help = "as `listen[].proxy_protocol.from`, for these addresses"},
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
