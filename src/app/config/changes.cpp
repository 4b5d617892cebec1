#include "app/config/changes.h"

#include "app/config/flat.h"

#include <algorithm>
#include <map>

namespace starling::app {
namespace {

// Whole keys, and beginnings that end with a point or a bracket.
constexpr std::string_view live_keys[] = {"log.level",
                                          "origins",
                                          "websocket[].origins",
                                          "events.origins",
                                          "events.api_key",
                                          "events.channels[]",
                                          "gateway.routes[].origins",
                                          "gateway.routes[].trusted_proxies",
                                          "gateway.api_keys",
                                          "tls.certificates",
                                          "tls.certificates[]",
                                          "admin.key",
                                          "admin.key_file",
                                          "limits.",
                                          "drain.",
                                          "drain_timeout_s",
                                          "trusted_proxies",
                                          "http.",
                                          "auth."};

// The lists whose elements may come and go in a running server.
constexpr std::string_view live_lists[] = {"events.channels", "tls.certificates", "auth.keys"};

std::string list_of(const std::string& key) {
    const size_t bracket = key.find('[');
    return bracket == std::string::npos ? std::string() : key.substr(0, bracket);
}

void add(std::vector<std::string>& keys, const std::string& key) {
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
}

// What key files hold: a change of it is one of the key that names the file.
void compare_files(const Settings& before, const Settings& after, ConfigChanges& changes) {
    if (before.admin.key != after.admin.key && before.admin_key_path == after.admin_key_path &&
        !after.admin_key_path.empty())
        add(changes.live, "admin.key_file");
    const size_t both = std::min(before.auth_keys.size(), after.auth_keys.size());
    for (size_t i = 0; i < both; ++i)
        if (before.auth_keys[i].material != after.auth_keys[i].material &&
            before.auth_keys[i].path == after.auth_keys[i].path && !after.auth_keys[i].path.empty())
            add(changes.live, "auth.keys[" + std::to_string(i) + "].path");
}

std::string_view section_of(std::string_view key) { return key.substr(0, key.find_first_of(".[")); }

bool keeps_origins(const gateway::Options& gateway, const gateway::Route& route) {
    return gateway.olares != gateway::Olares::off || route.kind != gateway::Kind::websocket;
}

// True: a part of the server keeps the value that it was started with.
bool is_kept(const Settings& started, std::string_view key) {
    const std::string_view section = section_of(key);
    const bool has_events = started.demo || started.events_enabled;
    const auto serves = [](const SocketIoSettings& one) {
        return one.kind != SocketIoKind::gateway;
    };
    const gateway::Options& gateway = started.gateway;
    if (section == "events") return !has_events;
    if (section == "admin") return !started.admin_enabled;
    if (section == "auth")
        return !has_events || std::ranges::any_of(started.socketio, [&](const auto& one) {
            return serves(one) && one.login != SocketIoLoginRule::none;
        });
    if (section == "origins")
        return std::ranges::any_of(started.socketio, serves) ||
               (started.gateway_enabled &&
                std::ranges::any_of(gateway.routes, [&](const gateway::Route& route) {
                    return keeps_origins(gateway, route);
                }));
    if (section != "gateway") return false;
    if (!started.gateway_enabled) return true;
    for (size_t i = 0; i < gateway.routes.size(); ++i)
        if (key == "gateway.routes[" + std::to_string(i) + "].origins")
            return keeps_origins(gateway, gateway.routes[i]);
    return false;
}

}  // namespace

void name_kept(ConfigChanges& changes, const Settings& started, const ConfigChanges& since_start) {
    for (const std::string& kept : since_start.live) {
        if (!is_kept(started, kept)) continue;
        add(changes.restart, kept);
        std::erase_if(changes.live, [&](const std::string& key) {
            return section_of(key) == section_of(kept) && is_kept(started, key);
        });
    }
}

bool is_live(std::string_view key) {
    if (key.starts_with("http.cors.")) return false;
    return std::ranges::any_of(live_keys, [&](std::string_view one) {
        const bool beginning = one.ends_with('.') || one.ends_with(']');
        return beginning ? key.starts_with(one) : key == one;
    });
}

ConfigChanges compare(const Settings& before, const Settings& after) {
    std::map<std::string, std::string> old_values, new_values;
    std::map<std::string, std::pair<size_t, size_t>> sizes;
    Settings first = before, second = after;
    for (const std::string_view list : section_list_names())
        sizes[std::string(list)] = {list_size(first, list), list_size(second, list)};
    for (FlatValue& value : flat_settings(before)) old_values[value.key] = std::move(value.text);
    for (FlatValue& value : flat_settings(after)) new_values[value.key] = std::move(value.text);
    ConfigChanges changes;
    for (const auto& [list, size] : sizes) {
        if (size.first == size.second) continue;
        const bool live = std::ranges::find(live_lists, list) != std::end(live_lists);
        add(live ? changes.live : changes.restart, list);
    }
    for (const auto& [key, text] : new_values) {
        const auto found = old_values.find(key);
        if (found != old_values.end() && found->second == text) continue;
        const auto size = sizes.find(list_of(key));
        if (size != sizes.end() && size->second.first != size->second.second) continue;
        add(is_live(schema_key(key)) ? changes.live : changes.restart, key);
    }
    compare_files(before, after, changes);
    return changes;
}

}  // namespace starling::app
