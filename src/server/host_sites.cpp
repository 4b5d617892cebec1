#include "server/host_sites.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/text.h"
#include "base/tokens.h"
#include "http/response_access.h"
#include "server/state.h"

namespace starling::server {
namespace {

// Adds what `add` adds to one site.
template <class F>
void for_host(HostEntry& host, F&& add) {
    host.site.adding_to = &host;
    try {
        add(host.site);
    } catch (...) {
        host.site.adding_to = nullptr;
        throw;
    }
    host.site.adding_to = nullptr;
}

std::string removable(std::string_view name) {
    // The server needs these for the framing of the answer, and for its date (RFC 9110 section 6.6.1).
    constexpr std::array<std::string_view, 5> kept{"content-length", "transfer-encoding",
                                                   "connection", "upgrade", "date"};
    const auto same = [&](std::string_view one) { return base::iequals(one, name); };
    if (!base::is_token(name) || std::ranges::any_of(kept, same))
        throw std::invalid_argument("cannot remove the field '" + std::string(name) + "'");
    return std::string(name);
}

}  // namespace

void HostEntry::route(std::string_view method, std::string_view pattern, http::Handler handler) {
    for_host(*this, [&](Site& s) { s.add_handler(method, pattern, std::move(handler)); });
}

void HostEntry::route(std::string_view method, std::string_view pattern, http::Route options) {
    for_host(*this, [&](Site& s) { s.add_route(method, pattern, std::move(options)); });
}

void HostEntry::websocket(std::string_view pattern, ws::Route route) {
    for_host(*this, [&](Site& s) { s.add_websocket(pattern, std::move(route)); });
}

void HostEntry::default_header(std::string_view name, std::string_view value) {
    (void)http::Response().header(name, value);  // Throws for a malformed field.
    default_headers.push_back({std::string(name), std::string(value)});
}

void HostEntry::remove_header(std::string_view name) { removed_headers.push_back(removable(name)); }

bool HostEntry::change_origins(std::string_view pattern, std::vector<std::string> origins) {
    return site.change_origins(this, pattern, std::move(origins));
}

void HostEntry::decorate(http::Response& response) const {
    for (const auto& header : default_headers)
        if (!response.has_header(header.name)) response.header(header.name, header.value);
    for (const auto& header : site.default_headers)
        if (!response.has_header(header.name)) response.header(header.name, header.value);
    for (const std::string& name : removed_headers) http::ResponseAccess::erase(response, name);
}

HostSites::Found HostSites::find(std::string_view host,
                                 std::string_view server_name) const noexcept {
    const auto index = table_.find(host);
    if (!server_name.empty() &&
        table_.find(server_name).value_or(default_site) != index.value_or(default_site))
        return {.refusal = 421};
    if (index && *index != default_site)
        return {.entry = entries_[static_cast<size_t>(*index)].get()};
    if (index || unknown_ == UnknownHost::serve) return {};
    return {.refusal = unknown_ == UnknownHost::misdirected ? 421 : 404};
}

HostEntry& HostSites::add(Site& site, std::vector<std::string> hosts) {
    if (hosts.empty()) throw std::invalid_argument("a site needs a host");
    http::HostTable table = table_;  // Changed only if all names fit.
    for (const std::string& host : hosts) table.add(host, static_cast<int>(entries_.size()));
    entries_.push_back(std::make_unique<HostEntry>(site, std::move(hosts)));
    table_ = std::move(table);
    return *entries_.back();
}

void HostSites::set_unknown(UnknownHost rule, const std::vector<std::string>& own) {
    unknown_ = rule;
    for (const std::string& host : own) table_.add(host, default_site);
}

HostSites& Site::make_hosts() {
    if (!hosts) hosts = std::make_shared<HostSites>();
    return *hosts;
}

bool Site::has_certificates() const noexcept {
    return !options.certificates.empty() || (hosts && !hosts->certificates().empty());
}

void Site::remove_header(std::string_view name) { removed_headers.push_back(removable(name)); }

void Site::finish_hosts() {
    if (!hosts) return;
    for (const auto& host : hosts->entries()) {
        host->router = {};
        for (const Added& one : added)
            if (one.host == host.get()) host->router.add(one.method, one.pattern, one.route);
        for (const Added& one : added) {
            if (one.host || !routes[static_cast<size_t>(one.route)]->is_for_every_host()) continue;
            try {
                host->router.add(one.method, one.pattern, one.route);
            } catch (const std::invalid_argument&) {
                // The site has a route of the same method and shape, which wins.
            }
        }
    }
}

}  // namespace starling::server

namespace starling {

HostSite& serve_host(Server& server, HostOptions options) {
    server::Site& site = site_of(server);
    server::HostSites& hosts = site.make_hosts();
    server::HostEntry& entry = hosts.add(site, std::move(options.hosts));
    Certificate& certificate = options.certificate;
    if (certificate.certificate_chain_path.empty()) return entry;
    hosts.add_certificate(std::move(certificate), entry.hosts);
    return entry;
}

void set_unknown_hosts(Server& server, UnknownHost rule, std::vector<std::string> own) {
    site_of(server).make_hosts().set_unknown(rule, own);
}

void remove_header(Server& server, std::string_view name) { site_of(server).remove_header(name); }

std::optional<std::string> fault_of_host(std::string_view text) {
    return http::fault_of_host(text);
}

}  // namespace starling
