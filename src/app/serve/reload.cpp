#include "app/serve/reload.h"

#include "app/events.h"

#include <algorithm>
#include <array>
#include <exception>
#include <vector>

namespace starling::app {
namespace {

std::string joined(const std::vector<std::string>& keys) {
    std::string text;
    for (const std::string& key : keys) text.append(text.empty() ? "" : " ").append(key);
    return text;
}

std::vector<std::string> both(std::vector<std::string> own,
                              const std::vector<std::string>& shared) {
    own.insert(own.end(), shared.begin(), shared.end());
    return own;
}

bool change_origins_at(const Reloader::Target& target, const std::string& path,
                       const std::string& host, std::vector<std::string> origins) {
    if (host.empty()) return target.server.change_origins(path, std::move(origins));
    return target.facts.sites.at(host)->change_origins(path, std::move(origins));
}

bool is_of(const std::string& key, std::span<const std::string_view> groups) {
    return std::ranges::any_of(groups, [&](std::string_view one) { return key.starts_with(one); });
}

// Moves what a running server cannot take over after all.
void hold_back(ConfigChanges& changes, std::span<const std::string_view> groups) {
    for (const std::string& key : changes.live)
        if (is_of(key, groups)) changes.restart.push_back(key);
    std::erase_if(changes.live, [&](const std::string& key) { return is_of(key, groups); });
}

constexpr std::array<std::string_view, 3> of_events{"events.", "auth.", "origins"};

}  // namespace

void Reloader::run(const Target& target) {
    const auto next = read_();
    if (!next) {
        const std::array fields{log::Field{"reason", next.error()}};
        target.log.write(log::Level::error, "the configuration stays as it was", fields);
        return;
    }
    ConfigChanges changes = compare(running_, *next);
    take_over(target, *next, changes);
    name_kept(changes, started_, compare(started_, *next));
    const std::string live = joined(changes.live), restart = joined(changes.restart);
    const std::array fields{log::Field{"changed", live}, log::Field{"needs_restart", restart}};
    target.log.write(log::Level::info, "reloaded", fields);
}

void Reloader::change(const Target& target, ConfigChanges& changes,
                      std::span<const std::string_view> keys, const std::function<void()>& call) {
    const bool concerned =
        std::ranges::any_of(changes.live, [&](const auto& key) { return is_of(key, keys); });
    if (!concerned) return;
    try {
        call();
    } catch (const std::exception& refused) {
        const std::array fields{log::Field{"reason", std::string_view(refused.what())}};
        target.log.write(log::Level::warn, "a change needs a restart", fields);
        hold_back(changes, keys);
    }
}

// `shared`: the key `origins`.
void Reloader::change_origins(const Target& target, const Settings& next,
                              const std::vector<std::string>& shared) {
    for (WebSocketSettings& now : running_.websocket) {
        const auto same = std::ranges::find_if(next.websocket, [&](const WebSocketSettings& one) {
            return one.path == now.path && one.site == now.site;
        });
        if (same != next.websocket.end()) now.limits.origins = same->limits.origins;
        (void)change_origins_at(target, now.path, now.site, both(now.limits.origins, shared));
    }
    for (size_t i = 0; i < running_.gateway.routes.size() && running_.gateway_enabled; ++i) {
        gateway::Route& now = running_.gateway.routes[i];
        if (i < next.gateway.routes.size()) now.origins = next.gateway.routes[i].origins;
        if (now.kind == gateway::Kind::websocket && running_.gateway.olares == gateway::Olares::off)
            (void)change_origins_at(target, now.path, now.site, both(now.origins, shared));
    }
    running_.origins = shared;
}

void Reloader::change_gateway_proxies(const Target& target, const Settings& next) {
    std::vector<gateway::Route>& routes = running_.gateway.routes;
    const size_t both = std::min(routes.size(), next.gateway.routes.size());
    for (size_t i = 0; i < both; ++i) {
        const auto& proxies = next.gateway.routes[i].trusted_proxies;
        if (routes[i].trusted_proxies == proxies) continue;
        if (target.facts.gateway) target.facts.gateway->change_trusted_proxies(i, proxies);
        routes[i].trusted_proxies = proxies;
    }
}

void Reloader::take_over(const Target& target, const Settings& next, ConfigChanges& changes) {
    // The demo's own routes and logins depend on these.
    if (running_.demo) hold_back(changes, of_events);
    const auto when = [&](std::initializer_list<std::string_view> keys,
                          const std::function<void()>& call) {
        change(target, changes, std::span(keys.begin(), keys.size()), call);
    };
    const auto servers = [&](const std::function<void(Server&)>& call) {
        call(target.server);
        if (target.redirect) call(*target.redirect);
    };
    when({"log.level"}, [&] {
        target.log.set_level(next.log.level);
        running_.log.level = next.log.level;
    });
    when({"limits."}, [&] {
        servers([&](Server& one) { one.change_limits(next.server.limits); });
        running_.server.limits = next.server.limits;
    });
    when({"http."}, [&] {
        servers([&](Server& one) { one.change_http(next.server.http); });
        running_.server.http = next.server.http;
    });
    when({"trusted_proxies"}, [&] {
        servers([&](Server& one) { one.change_trusted_proxies(next.server.trusted_proxies); });
        running_.server.trusted_proxies = next.server.trusted_proxies;
    });
    when({"drain"}, [&] {  // Not the redirecting one, which ends with the program.
        target.server.change_drain(next.server.drain, next.server.drain_timeout);
        running_.server.drain = next.server.drain;
        running_.server.drain_timeout = next.server.drain_timeout;
    });
    when({"tls.certificates"}, [&] {
        target.server.reload_certificates(next.server.certificates);
        running_.server.certificates = next.server.certificates;
    });
    when({"events.", "auth.", "origins"}, [&] {
        if (target.facts.channels) {
            events::Options options = event_options(next);
            options.origins = both(options.origins, next.origins);
            target.facts.channels->change(std::move(options), event_channels(next));
        }
        running_.events = next.events;
        running_.event_channels = next.event_channels;
        running_.auth_keys = next.auth_keys;
        running_.auth_leeway = next.auth_leeway;
    });
    const bool shared = std::ranges::find(changes.live, "origins") != changes.live.end();
    when({"origins", "websocket[", "gateway.routes["}, [&] {
        change_origins(target, next, std::vector(shared ? next.origins : running_.origins));
    });
    when({"gateway.routes["}, [&] { change_gateway_proxies(target, next); });
    when({"gateway.api_keys"}, [&] {
        if (target.facts.gateway) target.facts.gateway->change_keys(next.gateway.api_keys);
        running_.gateway.api_keys = next.gateway.api_keys;
    });
    when({"admin.key"}, [&] {
        if (target.facts.admin) target.facts.admin->change_key(next.admin.key);
        running_.admin.key = next.admin.key;
        running_.admin_key_path = next.admin_key_path;
    });
}

}  // namespace starling::app
