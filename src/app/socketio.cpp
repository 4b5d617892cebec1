#include "app/socketio.h"

#include <starling/socketio.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "app/events.h"
#include "app/socketio_channels.h"

namespace starling::app {
namespace {

// Each event of a client goes to all clients of its namespace, the sender included.
void serve_broadcast(sio::Server& io, sio::Namespace& nsp) {
    nsp.on_connection([&io](const sio::Socket& socket) {
        const auto tell_all = [&io, name = socket.nsp()](std::string_view event,
                                                         std::span<const sio::Json> args) {
            io.in_namespace(name).emit_list(event, args);
        };
        socket.on_any(tell_all);
    });
}

// Of a client in the namespace. Kinds that look at channels have no patterns of namespaces.
uint32_t rooms_max_of(const SocketIoSettings& one, std::string_view nsp) {
    const auto& all = one.options.namespace_limits;
    const auto limits = std::ranges::find_if(
        all, [&](const sio::NamespaceLimits& each) { return each.name == nsp; });
    const bool limited = limits != all.end() && limits->rooms_max != 0;
    return limited ? std::min(limits->rooms_max, one.rooms_max) : one.rooms_max;
}

// Pages that may connect by WebSocket may poll as well.
void allow_polling(sio::Options& options) {
    if (options.origins.empty() || options.cors) return;
    http::CorsOptions& cors = options.cors.emplace();
    cors.origins = options.origins;
    cors.credentials = std::ranges::find(cors.origins, "*") == cors.origins.end();
}

}  // namespace

sio::Options socketio_options(const Settings& settings, const SocketIoSettings& one) {
    sio::Options options = one.options;
    while (options.path.ends_with('/')) options.path.pop_back();
    options.transports.clear();
    for (const std::string& transport : one.transports)
        options.transports.push_back(transport == "polling" ? sio::Transport::polling
                                                            : sio::Transport::websocket);
    if (!one.cookie.empty()) {
        options.cookie = sio::Cookie{.name = one.cookie, .options = one.cookie_options};
        if (one.cookie_max_age_s != 0) options.cookie->options.max_age_s = one.cookie_max_age_s;
    }
    if (!one.cors.origins.empty()) options.cors = one.cors;
    options.origins.insert(options.origins.end(), settings.origins.begin(), settings.origins.end());
    allow_polling(options);
    if (one.recovers) options.connection_state_recovery = one.recovery;
    if (one.login != SocketIoLoginRule::none) {
        options.auth = event_options(settings).auth;
        options.auth_required = one.login == SocketIoLoginRule::required;
    }
    return options;
}

bool has_socketio_at(const Settings& settings, std::string_view path) {
    return std::ranges::any_of(settings.socketio, [&](const SocketIoSettings& one) {
        std::string_view own = one.options.path;
        while (own.ends_with('/')) own.remove_suffix(1);
        return own == path && (one.site.empty() || !settings.cluster.url.empty());
    });
}

sio::Server& serve_socketio(Server& server, const Settings& settings, const SocketIoSettings& one,
                            events::Channels* channels) {
    sio::Server& io = server.socketio(socketio_options(settings, one));
    const auto serve = [&](sio::Namespace& nsp) {
        if (one.kind == SocketIoKind::channels)
            serve_channels(server, nsp, *channels,
                           {.rooms_max = rooms_max_of(one, nsp.name()),
                            .event_bytes_max = settings.events.event_bytes_max,
                            .kept = one.recovers ? one.recovery.max_disconnection_duration
                                                 : std::chrono::milliseconds(0)});
        else
            serve_broadcast(io, nsp);
    };
    bool patterns = false;
    for (const std::string& name : one.options.namespaces)
        if (name.find('*') != std::string::npos)
            patterns = true;
        else
            serve(io.of(name));
    // The server refuses the names that no pattern matches: see sio::Options::namespaces.
    if (patterns) serve(io.of_matching([](std::string_view, const sio::Json&) { return true; }));
    return io;
}

}  // namespace starling::app
