// app/config/sites.cpp: the part of app/config/config.h that checks the sites by host name.
#include "app/config/config.h"

#include <starling/sites.h>

#include <algorithm>
#include <map>

namespace starling::app {
namespace {

std::string lower(std::string text) {
    if (text.ends_with('.')) text.pop_back();
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

std::string site_key(size_t index) { return "sites[" + std::to_string(index) + "]"; }

}  // namespace

size_t site_of(const Settings& settings, std::string_view host) noexcept {
    const auto found = std::ranges::find_if(settings.sites, [&](const SiteSettings& site) {
        return std::ranges::find(site.hosts, host) != site.hosts.end();
    });
    return found == settings.sites.end() ? no_site
                                         : static_cast<size_t>(found - settings.sites.begin());
}

bool meet(const Settings& settings, std::string_view host, std::string_view other) noexcept {
    return host.empty() == other.empty() &&
           (host.empty() || site_of(settings, host) == site_of(settings, other));
}

bool Config::finish_sites() {
    for (size_t i = 0; i < settings_.sites.size(); ++i)
        if (!finish_site(i)) return false;
    std::map<std::string, std::string> seen;
    const auto note = [&](const std::string& key, const std::vector<std::string>& hosts) {
        for (const std::string& host : hosts) {
            const auto [first, added] = seen.emplace(lower(host), key);
            if (!added) return fail_at(key, "names '" + host + "', as " + first->second + " does");
        }
        return true;
    };
    if (!note("hosts", settings_.hosts)) return false;
    for (size_t i = 0; i < settings_.sites.size(); ++i)
        if (!note(site_key(i) + ".hosts", settings_.sites[i].hosts)) return false;
    const bool has_hosts = !settings_.hosts.empty() || !settings_.sites.empty();
    if (settings_.unknown_host != UnknownHost::serve && !has_hosts)
        return fail_at("unknown_host", "needs hosts or sites: every host would be unknown");
    if (settings_.unknown_host == UnknownHost::serve && settings_.redirect.listen.empty())
        warn_without_effect("hosts", "unknown_host: misdirected or not_found");
    return finish_site_names() && finish_redirect();
}

bool Config::finish_site(size_t index) {
    const SiteSettings& site = settings_.sites[index];
    const std::string key = site_key(index);
    if (site.hosts.empty()) return fail_at(key + ".hosts", "must hold a host");
    if (!site.root.empty() && !is_folder(key + ".root", site.root)) return false;
    if (site.root.empty()) warn_without_effect(key + ".compression", key + ".root");
    if (!finish_site_cors(site.cors, key)) return false;
    if (site.cert.empty() != site.key.empty())
        return fail_at(
            site.cert.empty() ? key + ".key" : key + ".cert",
            site.cert.empty() ? "needs the certificate too" : "needs the private key too");
    return site.cert.empty() ||
           (readable(key + ".cert", site.cert) && readable(key + ".key", site.key));
}

bool Config::finish_site_cors(const http::CorsOptions& cors, const std::string& key) {
    if (cors.credentials && std::ranges::find(cors.origins, "*") != cors.origins.end())
        return fail_at(key + ".cors.credentials",
                       "must be false where " + key + ".cors.origins holds \"*\"");
    if (cors.origins.empty())
        for (const char* name : {"methods", "headers", "expose", "credentials", "max_age_s"})
            warn_without_effect(key + ".cors." + name, key + ".cors.origins");
    return true;
}

// What is of one site names that by one of its hosts.
bool Config::finish_site_names() {
    const auto check = [&](const std::string& key, const std::string& host) {
        const bool known = host.empty() || site_of(settings_, host) != no_site;
        return known || fail_at(key, "must be a host of an element of sites");
    };
    const auto check_all = [&](const char* list, const auto& elements) {
        for (size_t i = 0; i < elements.size(); ++i)
            if (!check(std::string(list) + "[" + std::to_string(i) + "].site", elements[i].site))
                return false;
        return true;
    };
    if (!check("events.site", settings_.events_site) ||
        !check_all("websocket", settings_.websocket) || !check_all("files", settings_.files) ||
        !check_all("socketio", settings_.socketio) ||
        !check_all("gateway.routes", settings_.gateway.routes))
        return false;
    for (size_t i = 0; i < settings_.files.size(); ++i)
        if (!is_folder("files[" + std::to_string(i) + "].root", settings_.files[i].root))
            return false;
    return true;
}

bool Config::finish_redirect() {
    const RedirectSettings& redirect = settings_.redirect;
    if (!redirect.acme_root.empty() && !is_folder("redirect.acme_root", redirect.acme_root))
        return false;
    if (!redirect.listen.empty()) return true;
    warn_without_effect("redirect.https_port", "redirect.listen");
    warn_without_effect("redirect.acme_root", "redirect.listen");
    return true;
}

}  // namespace starling::app
