// app/config/socketio.cpp: the part of app/config/config.h that checks the keys of Socket.IO as a
// whole.
#include "app/socketio.h"
#include "app/config/config.h"
#include "app/config/paths.h"
#include "app/config/site_paths.h"
#include "app/events.h"

#include <algorithm>
#include <limits>
#include <map>

namespace starling::app {
namespace {

bool is_pattern(const std::string& name) { return name.find('*') != std::string::npos; }

// The gateway's route with the path and the site of an element; null: there is none.
gateway::Route* route_of(Settings& settings, const SocketIoSettings& one) {
    if (!settings.gateway_enabled) return nullptr;
    const auto found = std::ranges::find_if(settings.gateway.routes, [&](const auto& each) {
        return each.kind == gateway::Kind::socketio &&
               without_slash(each.path) == without_slash(one.options.path) &&
               meet(settings, each.site, one.site);
    });
    return found == settings.gateway.routes.end() ? nullptr : &*found;
}

}  // namespace

// Of a server. For the kind `gateway` it is the limit of the gateway's route, which for Olares has no
// place in the settings.
uint64_t Config::message_bytes_max_of(const SocketIoSettings& one) {
    if (one.kind == SocketIoKind::gateway) {
        if (settings_.gateway.olares != gateway::Olares::off)
            return std::numeric_limits<uint64_t>::max();
        const auto index = static_cast<size_t>(&one - settings_.socketio.data());
        const gateway::Route* const route = route_of(settings_, one);
        if (route && !names("socketio[" + std::to_string(index) + "].message_bytes_max"))
            return route->message_bytes_max;
    }
    return one.options.max_http_buffer_size;
}

// Gives each element of socketio_namespaces to the server that it names.
bool Config::finish_namespaces() {
    for (size_t i = 0; i < settings_.socketio_namespaces.size(); ++i) {
        const NamespaceSettings& one = settings_.socketio_namespaces[i];
        const std::string key = "socketio_namespaces[" + std::to_string(i) + "]";
        const auto server = std::ranges::find_if(settings_.socketio, [&](const auto& each) {
            return without_slash(each.options.path) == without_slash(one.path) &&
                   meet(settings_, each.site, one.site);
        });
        if (server == settings_.socketio.end())
            return fail_at(names(key + ".path") ? key + ".path" : key,
                           "needs an element of socketio with the same path and site");
        const auto& others = server->options.namespace_limits;
        if (std::ranges::find(others, one.limits.name, &sio::NamespaceLimits::name) != others.end())
            return fail_at(key + ".name", "names '" + one.limits.name + "' a second time");
        if (server->kind == SocketIoKind::channels && is_pattern(one.limits.name))
            return fail_at(key + ".name", "must hold no * for the kind 'channels'");
        if (one.limits.messages.per_second == 0)
            warn_without_effect(key + ".messages.burst", key + ".messages.per_second");
        const uint64_t bytes_max = message_bytes_max_of(*server);
        if (one.limits.message_bytes_max > bytes_max)
            return fail_at(
                key + ".message_bytes_max",
                "must be at most message_bytes_max of the server: " + std::to_string(bytes_max));
        server->options.namespace_limits.push_back(one.limits);
    }
    return true;
}

bool Config::finish_socketio() {
    if (!finish_namespaces()) return false;
    std::vector<SocketIoSettings>& all = settings_.socketio;
    SitePaths paths(settings_);
    for (size_t i = 0; i < all.size(); ++i) {
        const std::string key = "socketio[" + std::to_string(i) + "]";
        const std::string_view path = without_slash(all[i].options.path);
        if (path.empty()) return fail_at(key + ".path", "must hold a name, as /socket.io/ does");
        // The path that the two have by default stands nowhere.
        const std::string where = names(key + ".path") ? key + ".path" : key;
        if (const auto before = paths.add(path, all[i].site, i))
            return fail_at(where,
                           "is the same path as socketio[" + std::to_string(*before) + "].path");
        if (!finish_socketio(all[i], key) || !give_to_gateway(all[i], key)) return false;
    }
    return finish_paths();
}

// In a cluster the sites, too, need a path for each Socket.IO server. One behind the gateway is that
// of the route.
bool Config::finish_paths() {
    if (settings_.cluster.url.empty()) return true;
    std::vector<std::pair<std::string_view, std::string>> places;  // Path, and key of the element.
    for (size_t i = 0; i < settings_.socketio.size(); ++i)
        if (settings_.socketio[i].kind != SocketIoKind::gateway)
            places.emplace_back(settings_.socketio[i].options.path,
                                "socketio[" + std::to_string(i) + "]");
    for (size_t i = 0; i < settings_.gateway.routes.size(); ++i)
        if (settings_.gateway.routes[i].kind == gateway::Kind::socketio)
            places.emplace_back(settings_.gateway.routes[i].path,
                                "gateway.routes[" + std::to_string(i) + "]");
    std::map<std::string_view, size_t> seen;
    for (size_t i = 0; i < places.size(); ++i) {
        const auto [first, added] = seen.emplace(without_slash(places[i].first), i);
        if (added) continue;
        const std::string& key = places[i].second;
        return fail_at(names(key + ".path") ? key + ".path" : key,
                       "is the same path as " + places[first->second].second +
                           ".path: in a cluster, nodes know a Socket.IO server by its path");
    }
    return true;
}

bool Config::finish_socketio(const SocketIoSettings& one, const std::string& key) {
    const bool channels = one.kind == SocketIoKind::channels;
    if (one.options.namespaces.empty()) return fail_at(key + ".namespaces", "must hold one");
    if (one.transports.empty()) return fail_at(key + ".transports", "must hold one");
    if (channels && !has_events(settings_))
        return fail_at(key, "needs events.enabled: true, for its kind 'channels'");
    if (channels && std::ranges::any_of(one.options.namespaces, is_pattern))
        return fail_at(key + ".namespaces", "must hold no * for the kind 'channels'");
    if (one.cors.credentials && std::ranges::find(one.cors.origins, "*") != one.cors.origins.end())
        return fail_at(key + ".cors.credentials",
                       "must be false where " + key + ".cors.origins holds \"*\"");
    const bool has_login =
        !settings_.auth_keys.empty() || !settings_.events.auth.user_header.empty();
    if (one.login != SocketIoLoginRule::none && !has_login)
        return fail_at(key + ".auth", "needs auth.keys or auth.user_header");
    if (!channels) warn_without_effect(key + ".rooms_max", "kind: channels");
    if (one.cors.origins.empty())
        for (const char* name : {"methods", "headers", "expose", "credentials", "max_age_s"})
            warn_without_effect(key + ".cors." + name, key + ".cors.origins");
    if (!one.options.per_message_deflate.enabled)
        for (const char* name : {"threshold_bytes", "context_takeover", "window_bits", "level"})
            warn_without_effect(key + ".compression." + name, key + ".compression.enabled: true");
    if (!one.options.http_compression.enabled)
        warn_without_effect(key + ".http_compression.threshold_bytes",
                            key + ".http_compression.enabled: true");
    if (!one.options.serve_client)
        warn_without_effect(key + ".client_dir", key + ".serve_client: true");
    if (one.transports.size() < 2)
        warn_without_effect(key + ".upgrade_timeout_s", "both transports");
    else if (!one.options.allow_upgrades)
        warn_without_effect(key + ".upgrade_timeout_s", key + ".allow_upgrades: true");
    if (one.cookie.empty())
        for (const char* name : {"path", "domain", "max_age_s", "http_only", "same_site", "secure"})
            warn_without_effect(key + ".cookie_options." + name, key + ".cookie");
    if (!one.recovers)
        for (const char* name : {"max_disconnection_s", "packets_max", "bytes_max", "sessions_max"})
            warn_without_effect(key + ".connection_state_recovery." + name,
                                key + ".connection_state_recovery.enabled");
    return true;
}

// The gateway's route with the same path gets the options.
bool Config::give_to_gateway(const SocketIoSettings& one, const std::string& key) {
    gateway::Route* const route = route_of(settings_, one);
    if (one.kind != SocketIoKind::gateway) {
        if (!route) return true;
        return fail_at(key + ".path", "is the path of a route of the gateway: set kind: gateway");
    }
    if (!route)
        return fail_at(key, "needs a gateway with a route of kind socketio at the same path");
    if (one.recovers)
        return fail_at(key + ".connection_state_recovery.enabled",
                       "must be false for kind: gateway: webhooks are not recovered");
    route->socketio = std::make_shared<sio::Options>(socketio_options(settings_, one));
    if (names(key + ".message_bytes_max"))
        route->message_bytes_max = one.options.max_http_buffer_size;
    return true;
}

}  // namespace starling::app
