#include "server/host_sites.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/checked_cast.h"
#include "base/text.h"
#include "base/tokens.h"
#include "http/response_access.h"
#include "http/url.h"
#include "server/state.h"
#include "ws/origin.h"

namespace starling::server {
namespace {

std::string removable(std::string_view name) {
    // The server needs these for the framing of the answer, and for its date (RFC 9110 section 6.6.1).
    constexpr std::array<std::string_view, 5> kept{"content-length", "transfer-encoding",
                                                   "connection", "upgrade", "date"};
    const auto same = [&](std::string_view one) { return base::iequals(one, name); };
    if (!base::is_token(name) || std::ranges::any_of(kept, same))
        throw std::invalid_argument("cannot remove the field '" + std::string(name) + "'");
    return std::string(name);
}

// Compares segment by segment, as the router does. `folder`: without a slash at its end.
bool lies_beneath(std::string_view folder, std::string_view raw_path) {
    while (!folder.empty()) {
        if (!raw_path.starts_with('/')) return false;
        const auto wanted = folder.substr(1, folder.find('/', 1) - 1);
        const auto raw = raw_path.substr(1, raw_path.find('/', 1) - 1);
        const bool plain = raw.find('%') == std::string_view::npos;
        if (plain ? raw != wanted : http::percent_decode(raw) != wanted) return false;
        folder.remove_prefix(wanted.size() + 1);
        raw_path.remove_prefix(raw.size() + 1);
    }
    return true;
}

}  // namespace

void add_for_host(Site& site, HostEntry* host, const std::function<void()>& add) {
    HostEntry* const before = std::exchange(site.adding_to, host);
    try {
        add();
    } catch (...) {
        site.adding_to = before;
        throw;
    }
    site.adding_to = before;
}

void HostEntry::route(std::string_view method, std::string_view pattern, http::Handler handler) {
    add_for_host(site, this, [&] { site.add_handler(method, pattern, std::move(handler)); });
}

void HostEntry::route(std::string_view method, std::string_view pattern, http::Route options) {
    add_for_host(site, this, [&] { site.add_route(method, pattern, std::move(options)); });
}

void HostEntry::websocket(std::string_view pattern, ws::Route route) {
    add_for_host(site, this, [&] { site.add_websocket(pattern, std::move(route)); });
}

void HostEntry::hide(std::string_view path) {
    if (!path.starts_with('/'))
        throw std::invalid_argument("cannot hide '" + std::string(path) + "': it is no path");
    while (path.ends_with('/')) path.remove_suffix(1);
    hidden_.emplace_back(path);
}

bool HostEntry::hides(std::string_view pattern) const noexcept {
    return std::ranges::any_of(hidden_, [&](const std::string& path) {
        return pattern.starts_with(path) &&
               (pattern.size() == path.size() || pattern[path.size()] == '/');
    });
}

const http::Router& HostEntry::routes_for(std::string_view raw_path) const {
    const auto lies_there = [raw_path](const std::string& path) {
        return lies_beneath(path, raw_path);
    };
    return std::ranges::any_of(hidden_, lies_there) ? own_ : router;
}

void HostEntry::add_own(std::string_view method, std::string_view pattern, int index) {
    router.add(method, pattern, index);
    own_.add(method, pattern, index);
}

void HostEntry::cors(http::CorsOptions options) { cors_ = std::move(options); }

void HostEntry::allow_origins(std::vector<std::string> origins) {
    for (const std::string& origin : origins)
        if (!ws::origin_pattern_is_valid(origin))
            throw std::invalid_argument("not an origin: '" + origin + "'");
    origins_ = std::move(origins);
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
    const int index = static_cast<int>(entries_.size());
    HostEntry& entry = *entries_.emplace_back(std::make_unique<HostEntry>(site, std::move(hosts)));
    try {
        table_.add_all(entry.hosts, index);
    } catch (...) {
        entries_.pop_back();
        throw;
    }
    return entry;
}

HostEntry& HostSites::named(std::string_view host) const {
    const auto found = std::ranges::find_if(entries_, [&](const auto& entry) {
        return std::ranges::find(entry->hosts, host) != entry->hosts.end();
    });
    if (found == entries_.end())
        throw std::invalid_argument("no site has the host '" + std::string(host) + "'");
    return **found;
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
        host->clear_routes();
        for (const Added& one : added)
            if (one.host == host.get()) host->add_own(one.method, one.pattern, one.route);
        for (const Added& one : added) {
            if (one.host || !routes[static_cast<size_t>(one.route)]->is_for_every_host()) continue;
            if (host->hides(one.pattern)) continue;
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

void on_site(Server& server, HostSite& site, const std::function<void()>& add) {
    auto& entry = base::checked_cast<server::HostEntry>(site);
    if (&entry.site != &site_of(server))
        throw std::invalid_argument("the site is one of another server");
    server::add_for_host(entry.site, &entry, add);
}

void set_unknown_hosts(Server& server, UnknownHost rule, std::vector<std::string> own) {
    site_of(server).make_hosts().set_unknown(rule, own);
}

void remove_header(Server& server, std::string_view name) { site_of(server).remove_header(name); }

std::optional<std::string> fault_of_host(std::string_view text) {
    return http::fault_of_host(text);
}

}  // namespace starling
