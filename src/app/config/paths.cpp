// app/config/paths.cpp: the part of app/config/config.h that finds paths which two servers of
// different kinds would have: WebSocket paths, Socket.IO servers and routes of the gateway.
#include "app/config/paths.h"
#include "app/config/config.h"
#include "app/config/site_paths.h"
#include "app/socketio.h"

#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace starling::app {
namespace {

struct Place {
    std::string key;  // "websocket[0]".
    std::string_view path, site;
    bool is_socketio;
};

std::string element(std::string_view list, size_t index) {
    return std::string(list) + "[" + std::to_string(index) + "]";
}

std::vector<Place> places_of(const Settings& settings) {
    std::vector<Place> all;
    for (size_t i = 0; i < settings.websocket.size(); ++i) {
        const WebSocketSettings& one = settings.websocket[i];
        all.push_back({element("websocket", i), one.path, one.site, false});
    }
    for (size_t i = 0; i < settings.gateway.routes.size() && settings.gateway_enabled; ++i) {
        const gateway::Route& one = settings.gateway.routes[i];
        all.push_back({element("gateway.routes", i), one.path, one.site,
                       one.kind == gateway::Kind::socketio});
    }
    for (size_t i = 0; i < settings.socketio.size(); ++i) {
        const SocketIoSettings& one = settings.socketio[i];
        if (one.kind != SocketIoKind::gateway)  // That is the server of the gateway's route.
            all.push_back({element("socketio", i), one.options.path, one.site, true});
    }
    return all;
}

// Finds the first place that excludes another one: clients of one of the two would reach the other. A
// WebSocket path has GET alone, and Socket.IO all methods, so that also on a site of its own neither
// wins as a whole.
class Places {
public:
    explicit Places(const Settings& settings) : sites_(settings) {}

    // Adds `one`. Returns the place before that excludes it.
    std::optional<size_t> add(const Place& one, size_t index) {
        const std::string_view path = without_slash(one.path);
        const On on = one.site.empty() ? On() : On(sites_.site_of(one.site));
        std::optional<size_t> before;
        const auto look = [&before](const auto& places, const auto& key) {
            const auto found = places.find(key);
            if (found != places.end() && (!before || found->second < *before))
                before = found->second;
        };
        look(same_, Key{one.path, one.is_socketio, on});
        if (on) {
            look(stripped_, Key{path, !one.is_socketio, on});
            look(stripped_, Key{path, !one.is_socketio, On()});
        } else {
            look(anywhere_, std::pair{path, !one.is_socketio});
        }
        same_.try_emplace(Key{one.path, one.is_socketio, on}, index);
        stripped_.try_emplace(Key{path, one.is_socketio, on}, index);
        anywhere_.try_emplace(std::pair{path, one.is_socketio}, index);
        return before;
    }

private:
    using On = std::optional<size_t>;  // A site; nothing: the default site.
    using Key = std::tuple<std::string_view, bool, On>;
    SitePaths sites_;
    std::map<Key, size_t> same_, stripped_;
    std::map<std::pair<std::string_view, bool>, size_t> anywhere_;
};

}  // namespace

std::string_view without_slash(std::string_view path) noexcept {
    while (path.ends_with('/')) path.remove_suffix(1);
    return path;
}

bool Config::finish_kinds_of_paths() {
    const std::vector<Place> all = places_of(settings_);
    // The path that each of them has by default stands nowhere.
    const auto where = [this](const Place& one) {
        return names(one.key + ".path") ? one.key + ".path" : one.key;
    };
    Places places(settings_);
    for (size_t i = 0; i < all.size(); ++i) {
        if (const auto before = places.add(all[i], i))
            return fail_at(where(all[i]), "is the same path as " + all[*before].key + ".path");
        const bool of_chat = settings_.demo && !all[i].is_socketio && all[i].site.empty() &&
                             without_slash(all[i].path) == sio::Options().path;
        if (of_chat && !has_socketio_at(settings_, sio::Options().path))
            return fail_at(where(all[i]), "is the path of the demo's chat over Socket.IO");
    }
    return true;
}

}  // namespace starling::app
