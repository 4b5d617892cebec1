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
    if (site.cert.empty() != site.key.empty())
        return fail_at(
            site.cert.empty() ? key + ".key" : key + ".cert",
            site.cert.empty() ? "needs the certificate too" : "needs the private key too");
    return site.cert.empty() ||
           (readable(key + ".cert", site.cert) && readable(key + ".key", site.key));
}

// Routes and folders name their site by one of its hosts.
bool Config::finish_site_names() {
    const auto known = [&](const std::string& host) {
        return host.empty() || std::ranges::any_of(settings_.sites, [&](const SiteSettings& site) {
                   return std::ranges::find(site.hosts, host) != site.hosts.end();
               });
    };
    constexpr const char* unknown = "must be a host of an element of sites";
    for (size_t i = 0; i < settings_.websocket.size(); ++i)
        if (!known(settings_.websocket[i].site))
            return fail_at("websocket[" + std::to_string(i) + "].site", unknown);
    for (size_t i = 0; i < settings_.files.size(); ++i) {
        const std::string key = "files[" + std::to_string(i) + "]";
        if (!known(settings_.files[i].site)) return fail_at(key + ".site", unknown);
        if (!is_folder(key + ".root", settings_.files[i].root)) return false;
    }
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
