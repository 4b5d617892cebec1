// app/config/sites.cpp: the part of app/config/config.h that checks the sites by host name.
#include "app/config/config.h"
#include "app/config/paths.h"

#include <starling/sites.h>

#include <algorithm>
#include <map>

#include "app/config/site_paths.h"

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
    return finish_site_names() && finish_files() && finish_redirect();
}

bool Config::finish_site(size_t index) {
    const SiteSettings& site = settings_.sites[index];
    const std::string key = site_key(index);
    if (site.hosts.empty()) return fail_at(key + ".hosts", "must hold a host");
    if (!site.root.empty() && !is_folder(key + ".root", site.root)) return false;
    if (site.root.empty())
        for (const char* name :
             {".compression", ".cache_control", ".index", ".types", ".gzip_bytes_min"})
            warn_without_effect(key + name, key + ".root");
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
    const SitePaths paths(settings_);
    const auto check = [&](const std::string& key, const std::string& host) {
        const bool known = host.empty() || paths.site_of(host) != no_site;
        return known || fail_at(key, "must be a host of an element of sites");
    };
    const auto check_all = [&](const char* list, const auto& elements) {
        for (size_t i = 0; i < elements.size(); ++i)
            if (!check(std::string(list) + "[" + std::to_string(i) + "].site", elements[i].site))
                return false;
        return true;
    };
    return check("events.site", settings_.events_site) &&
           check_all("websocket", settings_.websocket) && check_all("files", settings_.files) &&
           check_all("socketio", settings_.socketio) &&
           check_all("gateway.routes", settings_.gateway.routes);
}

bool Config::finish_files() {
    SitePaths paths(settings_);
    for (size_t i = 0; i < settings_.files.size(); ++i) {
        const FilesSettings& one = settings_.files[i];
        const std::string key = "files[" + std::to_string(i) + "]";
        if (!is_folder(key + ".root", one.root)) return false;
        // Those of the default site are on it alone, as those of any other.
        if (const auto before = paths.add(without_slash(one.path), one.site, i))
            return fail_at(key + ".path",
                           "is the same path as files[" + std::to_string(*before) + "].path");
        if (!without_slash(one.path).empty()) continue;
        const size_t site = paths.site_of(one.site);
        if (one.site.empty() && !settings_.root.empty())
            return fail_at(key + ".path", "is the path of root");
        if (!one.site.empty() && site != no_site && !settings_.sites[site].root.empty())
            return fail_at(key + ".path", "is the path of " + site_key(site) + ".root");
    }
    finish_statics();
    return true;
}

// What an element of sites or files does not set is that of `static`.
void Config::finish_statics() {
    const StaticSettings& all = settings_.statics;
    const auto inherit = [&](const std::string& key, StaticSettings& own) {
        http::StaticFileOptions& options = own.options;
        if (!names(key + ".compression")) options.gzip = all.options.gzip;
        if (!names(key + ".cache_control")) options.cache_control = all.options.cache_control;
        if (!names(key + ".index")) options.index = all.options.index;
        if (!names(key + ".gzip_bytes_min")) options.gzip_bytes_min = all.options.gzip_bytes_min;
        options.cached_file_bytes_max = all.options.cached_file_bytes_max;
        options.cache_bytes_max = all.options.cache_bytes_max;
        own.types.insert(own.types.end(), all.types.begin(), all.types.end());
    };
    bool has_files = settings_.demo || !settings_.root.empty() || !settings_.files.empty();
    for (size_t i = 0; i < settings_.sites.size(); ++i) {
        has_files |= !settings_.sites[i].root.empty();
        inherit(site_key(i), settings_.sites[i].statics);
    }
    for (size_t i = 0; i < settings_.files.size(); ++i)
        inherit("files[" + std::to_string(i) + "]", settings_.files[i].statics);
    if (!has_files) warn_of_section("static.", "root, files, or an element of sites with root");
}

bool Config::finish_redirect() {
    const RedirectSettings& redirect = settings_.redirect;
    if (!redirect.acme_root.empty() && !is_folder("redirect.acme_root", redirect.acme_root))
        return false;
    if (!redirect.listen.empty()) return true;
    warn_without_effect("redirect.proxy_protocol.from", "redirect.listen");
    warn_without_effect("redirect.https_port", "redirect.listen");
    warn_without_effect("redirect.acme_root", "redirect.listen");
    return true;
}

}  // namespace starling::app
