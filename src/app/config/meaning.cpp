// app/config/meaning.cpp: the part of app/config/config.h that finds settings which are valid one by
// one and would be dangerous together: they are refused. What has no effect is a warning, see
// app/config/no_effect.cpp.
#include "app/config/config.h"

#include <algorithm>

namespace starling::app {
namespace {

constexpr size_t secret_bytes_min = 32;  // RFC 7518 section 3.2, for HS256.

std::string element(std::string_view list, size_t index, std::string_view member) {
    return std::string(list) + "[" + std::to_string(index) + "]." + std::string(member);
}

bool needs_login(const events::Channel& channel) noexcept {
    return channel.access != events::Access::anyone ||
           channel.publishers == events::Publishers::user ||
           channel.publishers == events::Publishers::owner;
}

}  // namespace

bool Config::finish_meaning() {
    warn_of_no_effect();
    return finish_secrets() && finish_channels() && finish_queues();
}

bool Config::finish_secrets() {
    for (size_t i = 0; i < settings_.auth_keys.size(); ++i) {
        const AuthKeySettings& key = settings_.auth_keys[i];
        if (key.algorithm != auth::Algorithm::hs256 || key.material.size() >= secret_bytes_min)
            continue;
        return fail_at(element("auth.keys", i, key.path.empty() ? "secret" : "path"),
                       "the secret of HS256 must have 32 bytes at least, it has " +
                           std::to_string(key.material.size()));
    }
    for (size_t i = 0; i < settings_.gateway.routes.size() && settings_.gateway_enabled; ++i) {
        const std::string key = element("gateway.routes", i, "user_header");
        if (names(key) && settings_.gateway.routes[i].trusted_proxies.empty() &&
            settings_.server.trusted_proxies.empty() &&
            settings_.gateway.olares == gateway::Olares::off)
            return fail_at(key, "needs trusted_proxies: no proxy is believed");
    }
    return true;
}

bool Config::finish_channels() {
    if (settings_.demo) return true;  // It serves events, and has logins of its own.
    const auto& channels = settings_.event_channels;
    if (!settings_.events_enabled) {
        if (channels.empty()) return true;
        return fail_at("events.channels", "needs events.enabled: true");
    }
    const bool logins = !settings_.auth_keys.empty() || !settings_.events.auth.user_header.empty();
    for (size_t i = 0; i < channels.size() && !logins; ++i) {
        if (!needs_login(channels[i])) continue;
        const bool access = channels[i].access != events::Access::anyone;
        return fail_at(element("events.channels", i, access ? "access" : "publishers"),
                       "needs auth.keys or auth.user_header: nobody can log in");
    }
    return true;
}

// A message that the queue cannot hold behind another one ends the connection.
bool Config::finish_queues() {
    for (size_t i = 0; i < settings_.websocket.size(); ++i) {
        const ws::Route& limits = settings_.websocket[i].limits;
        if (limits.message_bytes_max <= limits.send_queue_bytes_max) continue;
        const std::string size = element("websocket", i, "message_bytes_max");
        const std::string queue = element("websocket", i, "send_queue_bytes_max");
        return fail_at(names(size) ? size : queue,
                       "a message (" + std::to_string(limits.message_bytes_max) +
                           " bytes) must fit into the queue (send_queue_bytes_max: " +
                           std::to_string(limits.send_queue_bytes_max) + ")");
    }
    for (size_t i = 0; i < settings_.gateway.routes.size() && settings_.gateway_enabled; ++i) {
        const gateway::Route& route = settings_.gateway.routes[i];
        if (route.message_bytes_max <= route.queue_bytes_max) continue;
        const std::string size = element("gateway.routes", i, "message_bytes_max");
        const std::string queue = element("gateway.routes", i, "queue_bytes_max");
        return fail_at(names(size) ? size : queue,
                       "a message (" + std::to_string(route.message_bytes_max) +
                           " bytes) must fit into the queue (queue_bytes_max: " +
                           std::to_string(route.queue_bytes_max) + ")");
    }
    return true;
}

}  // namespace starling::app
