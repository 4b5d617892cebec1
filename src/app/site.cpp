#include "app/site.h"

#include <starling/cluster.h>
#include <starling/gateway_admin_ui.h>
#include <starling/socketio.h>
#include <starling/socketio_admin_ui.h>

#include "app/config/schema.h"
#include "app/demo/community/community.h"
#include "app/demo/figures.h"
#include "app/demo/gateway_demo.h"
#include "app/demo/socketio_chat.h"
#include "app/events.h"
#include "app/kinds.h"
#include "app/socketio.h"

#include <boost/json.hpp>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>

namespace starling::app {
namespace {

constexpr std::string_view demo_policy =
    "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' ws: wss:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'self'";

// In a cluster a client can go to another node: it notices soon that its node is frozen.
constexpr std::chrono::seconds cluster_ping_interval{2}, cluster_ping_timeout{3};

// What the health of the program depends on, once it is there.
struct Parts {
    const gateway::Gateway* console = nullptr;  // The gateway whose console the demo serves.
    const Cluster* cluster = nullptr;
};

void health(Server& server, const std::shared_ptr<const Parts>& parts) {
    server.get("/healthz", [&server, parts](const http::Request&, http::Response& response) {
        ServerStats stats = server.stats();
        response.header("Cache-Control", "no-store");
        boost::json::object answer{{"status", "ok"},
                                   {"version", version()},
                                   {"connections", stats.connections_open},
                                   {"websockets", stats.websockets_open},
                                   {"socketio_sessions", stats.socketio_sessions_open},
                                   {"history_messages", stats.history_messages},
                                   {"presence_members", stats.presence_members}};
        if (parts->console)
            answer.emplace("gateway_clients", parts->console->stats().connections_open);
        if (parts->cluster) {
            answer.emplace("cluster_nodes", parts->cluster->stats().nodes);
            answer.emplace("messages_received", stats.messages_received);
            answer.emplace("messages_sent", stats.messages_sent);
        }
        response.json(answer);
    });
    server.get("/readyz", [&server, parts](const http::Request&, http::Response& response) {
        const char* status = "ready";
        // Of a process that takes over, the next connection asks for itself.
        if (!server.handed_over() && server.stopping())
            status = "stopping";
        else if (!server.handed_over() && server.draining())
            status = "draining";
        else if (parts->cluster && !parts->cluster->ready())
            status = "no cluster";
        const bool ready = std::string_view(status) == "ready";
        response.header("Cache-Control", "no-store").status(ready ? 200 : 503);
        response.json(boost::json::object{{"status", status}});
    });
}

// Serves the page of a WebSocket path. The file is opened for each request, so that edits show at
// once.
http::Handler page(std::string path) {
    return [path = std::move(path)](const http::Request&, http::Response& response) {
        response.header("Cache-Control", "no-cache").file(path);
    };
}

bool demo_path(const Settings& settings, std::string_view path) {
    return settings.demo && (path == "/echo" || path == "/chat");
}

// Calls `add` for what is served on the site with the host alone; "": on all sites.
void on_host(Server& server, const SiteByHost& sites, const std::string& host,
             const std::function<void()>& add) {
    if (host.empty()) return add();
    on_site(server, *sites.at(host), add);
}

void add_origins(std::vector<std::string>& origins, const Settings& settings) {
    origins.insert(origins.end(), settings.origins.begin(), settings.origins.end());
}

void websocket(Server& server, const SiteByHost& sites, const Settings& settings,
               const WebSocketSettings& one) {
    ws::Route route = make_route(server, one.kind, one.limits);
    add_origins(route.origins, settings);
    if (demo_path(settings, one.path)) route.page = page(settings.root + one.path + "/index.html");
    if (one.site.empty()) return server.websocket(one.path, std::move(route));
    sites.at(one.site)->websocket(one.path, std::move(route));
}

void mount_figures(Server& server, const Settings& settings) {
    ws::Route limits;
    add_origins(limits.origins, settings);
    serve_figures(server, std::move(limits),
                  [&server, listen = settings.server.listen, secure = has_certificates(settings)] {
                      std::vector<std::string> urls, all = listening_urls(server, listen, secure);
                      for (size_t i = 0; i < all.size(); ++i)
                          if (listen[i].serves == Listen::Serves::everything)
                              urls.push_back(std::move(all[i]));
                      return urls;
                  });
}

// Mounts the configured paths first. The demo gives its pages to those, and adds only paths that
// are not configured.
std::optional<SiteFault> websockets(Server& server, const SiteByHost& sites,
                                    const Settings& settings) {
    const std::vector<WebSocketSettings>& routes = settings.websocket;
    for (size_t i = 0; i < routes.size(); ++i) {
        try {
            websocket(server, sites, settings, routes[i]);
        } catch (const std::exception& refused) {
            return SiteFault{"websocket[" + std::to_string(i) + "].path", refused.what()};
        }
    }
    if (!settings.demo) return std::nullopt;
    const auto configured = [&](std::string_view path) {
        return std::ranges::any_of(routes, [&](const auto& route) { return route.path == path; });
    };
    if (!configured(figures_path)) mount_figures(server, settings);
    for (const WebSocketSettings& one :
         {WebSocketSettings{"/echo", Kind::echo, {.subprotocols = {"echo", "chat"}}},
          WebSocketSettings{"/chat", Kind::chat, {}}}) {
        if (!configured(one.path)) websocket(server, sites, settings, one);
    }
    return std::nullopt;
}

// Mounts server events, and the community, which publishes some of them.
base::Result<events::Channels*, SiteFault> serve_events(Server& server, const SiteByHost& sites,
                                                        const Settings& settings,
                                                        community::Community* community) {
    events::Options options = event_options(settings);
    add_origins(options.origins, settings);
    if (community) community->join(options.auth);
    if (settings.demo) {
        options.client_page = page(settings.root + "/events/client.html");
        options.server_page = page(settings.root + "/events/server.html");
    }
    size_t i = 0;
    events::Channels* channels = nullptr;
    try {
        on_host(server, sites, settings.events_site,
                [&] { channels = &server.events(std::move(options)); });
        for (events::Channel& channel : event_channels(settings)) {
            channels->declare(std::move(channel));
            ++i;
        }
        if (community) community->mount(server, *channels);
    } catch (const std::exception& refused) {
        const std::string key = "events.channels[" + std::to_string(i) + "]";
        return base::Failure(SiteFault{channels ? key : "auth", refused.what()});
    }
    return channels;
}

// The console's page calls the control API, on the address that the page comes from.
bool has_console(const Settings& settings) {
    return settings.demo && settings.gateway_enabled && settings.control_listen.empty();
}

base::Result<gateway::Gateway*, SiteFault> serve_gateway(Server& server, const Settings& settings) {
    gateway::Options options = settings.gateway;
    for (gateway::Route& route : options.routes) add_origins(route.origins, settings);
    try {
        if (has_console(settings))
            server.get("/gateway", page(settings.root + "/gateway/console.html"));
        if (settings.gateway_demo) serve_gateway_demo(server);
        return &server.gateway(std::move(options));
    } catch (const std::exception& refused) {
        return base::Failure(SiteFault{"gateway.routes", refused.what()});
    }
}

base::Result<const Cluster*, SiteFault> join(Server& server, const Settings& settings) {
    using Mode = ClusterOptions::Mode;
    using Subscriptions = sio::ClusterOptions::Subscriptions;
    ClusterOptions options = settings.cluster;
    options.mode = settings.cluster_mode == "native"    ? Mode::native
                   : settings.cluster_mode == "classic" ? Mode::classic
                   : settings.cluster_mode == "sharded" ? Mode::sharded
                                                        : Mode::streams;
    options.socketio.subscription_mode =
        settings.cluster_subscriptions == "static"    ? Subscriptions::fixed
        : settings.cluster_subscriptions == "dynamic" ? Subscriptions::dynamic
                                                      : Subscriptions::dynamic_private;
    try {
        return &join_cluster(server, std::move(options));
    } catch (const std::exception& refused) {
        // The key says the first words.
        std::string_view words = refused.what();
        for (const std::string_view word : {"cluster: ", "url: "})
            if (words.starts_with(word)) words.remove_prefix(word.size());
        return base::Failure(SiteFault{"cluster.url", std::string(words)});
    }
}

// The chat of the demo, unless its path is configured.
sio::Server& serve_demo_chat(Server& server, const Settings& settings) {
    sio::Options options;
    add_origins(options.origins, settings);
    // A page of another origin polls with CORS before it opens a WebSocket.
    if (!settings.origins.empty()) options.cors = http::CorsOptions{.origins = settings.origins};
    const bool in_cluster = !settings.cluster.url.empty();
    if (in_cluster) {
        options.ping_interval = cluster_ping_interval;
        options.ping_timeout = cluster_ping_timeout;
    }
    // A client whose node is killed goes on at another one, and has missed nothing.
    if (in_cluster && (settings.cluster_mode == "native" || settings.cluster_mode == "streams"))
        options.connection_state_recovery = sio::Recovery{};
    return serve_socketio_chat(server, std::move(options), in_cluster);
}

// The first server; null: there is none.
base::Result<sio::Server*, SiteFault> socketio_servers(Server& server, const SiteByHost& sites,
                                                       const Settings& settings,
                                                       events::Channels* channels) {
    sio::Server* first = nullptr;
    for (size_t i = 0; i < settings.socketio.size(); ++i) {
        if (settings.socketio[i].kind == SocketIoKind::gateway) continue;
        try {
            const SocketIoSettings& one = settings.socketio[i];
            on_host(server, sites, one.site, [&] {
                sio::Server& served = serve_socketio(server, settings, one, channels);
                if (!first) first = &served;
            });
        } catch (const std::exception& refused) {
            return base::Failure(SiteFault{"socketio[" + std::to_string(i) + "]", refused.what()});
        }
    }
    if (settings.demo && !has_socketio_at(settings, sio::Options().path)) {
        sio::Server& chat = serve_demo_chat(server, settings);
        if (!first) first = &chat;
    }
    return first;
}

// `io`, `gateway`: null without a Socket.IO server and without a gateway. Without `io` the first route
// for Socket.IO of the gateway is shown.
std::optional<SiteFault> serve_admin_ui(sio::Server* io, gateway::Gateway* gateway,
                                        const Settings& settings) {
    if (!settings.admin_ui_enabled) return std::nullopt;
    const std::string section = "admin.socketio_ui";
    const auto& routes = settings.gateway.routes;
    const auto route = std::ranges::find(routes, gateway::Kind::socketio, &gateway::Route::kind);
    if (!io && (!gateway || route == routes.end()))
        return SiteFault{section + ".enabled", "there is no Socket.IO server to see"};
    sio::AdminUiOptions options = settings.admin_ui;
    options.mode = settings.admin_ui_mode == "development" ? sio::AdminUiOptions::Mode::development
                                                           : sio::AdminUiOptions::Mode::production;
    try {
        if (io)
            sio::instrument(*io, std::move(options));
        else
            sio::instrument(*gateway, static_cast<size_t>(route - routes.begin()),
                            std::move(options));
        return std::nullopt;
    } catch (const std::exception& refused) {
        return SiteFault{section, refused.what()};
    }
}

base::Result<admin::Admin*, SiteFault> serve_admin(Server& server, const Settings& settings,
                                                   events::Channels* channels) {
    admin::Options options = settings.admin;
    if (!settings.admin_pages.empty()) options.pages = settings.admin_pages + "/admin";
    // The pages of the demo are beside it; the public addresses do not serve it.
    if (!settings.root.empty() && settings.root == settings.admin_pages)
        for (const char* path : {"/admin", "/admin/*"})
            server.get(path, [](const http::Request&, http::Response& response) {
                response.status(404).text("Not Found\n");
            });
    options.configuration = shown_settings(settings);
    if (channels)
        options.publish_event = [channels](std::string_view channel, std::string_view event) {
            return channels->publish(channel, event);
        };
    try {
        return &admin::serve(server, std::move(options));
    } catch (const std::exception& refused) {
        return base::Failure(SiteFault{"admin.listen", refused.what()});
    }
}

// The first folder, relative to that of the executable, in which `file` is. "": none.
std::string find_folder(const std::string& executable_path,
                        std::initializer_list<std::string_view> relatives, std::string_view file) {
    const std::string folder = executable_path.substr(0, executable_path.rfind('/') + 1);
    for (const std::string_view relative : relatives) {
        std::string candidate = folder + std::string(relative);
        if (::access((candidate + std::string(file)).c_str(), R_OK) == 0) return candidate;
    }
    return {};
}

// The documentation's site, or how to get it.
void serve_docs(Server& server, const std::string& folder) {
    if (!folder.empty()) {
        server.get("/docs", [](const http::Request&, http::Response& response) {
            response.redirect("/docs/");
        });
        return server.files("/docs", folder);
    }
    for (const char* path : {"/docs", "/docs/*"})
        server.get(path, [](const http::Request&, http::Response& response) {
            response.status(404).text(
                "The documentation is not built. In the repository, ./dev docs builds it; then "
                "start the demo again.\nAs files: docs/*.md, or /usr/share/doc/starling.\n");
        });
}

// "Name: value".
template <class Target>
void add_headers(Target& target, const std::vector<std::string>& fields) {
    for (const std::string& field : fields) {
        const size_t colon = field.find(": ");
        target.default_header(field.substr(0, colon), field.substr(colon + 2));
    }
}

// The paths of all sites that one of them does not have.
std::vector<std::string> hidden_paths(const Settings& settings, const SiteSettings& site) {
    std::vector<std::string> paths = site.hide;
    if (!site.events) {
        for (const char* folder : {"/ws", "/WS"})
            for (const char* name : {"/ClientEvent", "/ServerEvent", "/channels"})
                paths.push_back(std::string(folder) + name);
        paths.insert(paths.end(), {"/sse", "/SSE"});
        if (!settings.events.api.empty()) paths.push_back(settings.events.api);
    }
    if (!site.gateway) paths.emplace_back("/tapr");
    for (const gateway::Route& route : settings.gateway.routes) {
        const bool is_socketio = route.kind == gateway::Kind::socketio;
        if (!site.gateway || (is_socketio && !site.socketio)) paths.push_back(route.path);
    }
    if (site.socketio) return paths;
    for (const SocketIoSettings& one : settings.socketio) paths.push_back(one.options.path);
    if (settings.demo) paths.push_back(sio::Options().path);
    return paths;
}

http::StaticFileOptions static_options(const StaticSettings& settings) {
    http::StaticFileOptions options = settings.options;
    for (const std::string& type : settings.types) {
        const size_t colon = type.find(": ");
        options.types.emplace_back(type.substr(0, colon), type.substr(colon + 2));
    }
    return options;
}

SiteByHost serve_sites(Server& server, const Settings& settings) {
    SiteByHost all;
    for (const SiteSettings& one : settings.sites) {
        HostSite& site =
            serve_host(server, {.hosts = one.hosts, .certificate = {one.cert, one.key}});
        for (const std::string& host : one.hosts) all.emplace(host, &site);
        add_headers(site, one.add_headers);
        for (const std::string& name : one.remove_headers) site.remove_header(name);
        if (!one.root.empty())
            serve_files(server, site, "/", one.root, static_options(one.statics));
        if (!one.cors.origins.empty()) site.cors(one.cors);
        site.allow_origins(one.origins);
        for (const std::string& path : hidden_paths(settings, one)) site.hide(path);
    }
    for (const FilesSettings& one : settings.files) {
        const http::StaticFileOptions options = static_options(one.statics);
        if (one.site.empty())
            server.files(one.path, one.root, options);
        else
            serve_files(server, *all.at(one.site), one.path, one.root, options);
    }
    if (!settings.hosts.empty() || !settings.sites.empty())
        set_unknown_hosts(server, settings.unknown_host, settings.hosts);
    for (const std::string& name : settings.remove_headers) remove_header(server, name);
    return all;
}

}  // namespace

std::string find_web_folder(const std::string& executable_path) {
    return find_folder(executable_path, {"../share/starling/web", "../../web"}, "/chat/index.html");
}

std::string find_docs_folder(const std::string& executable_path) {
    return find_folder(executable_path, {"../share/starling/docs", "../docs"},
                       "/source/README.md.html");
}

base::Result<SiteFacts, SiteFault> build_site(Server& server, const Settings& settings,
                                              community::Community* community) {
    SiteFacts facts;
    events::Channels* channels = nullptr;
    try {
        add_headers(server, settings.add_headers);
        facts.sites = serve_sites(server, settings);
    } catch (const std::exception& refused) {
        return base::Failure(SiteFault{"sites", refused.what()});
    }
    server.default_header("X-Content-Type-Options", "nosniff");
    if (settings.demo) {
        server.default_header("Content-Security-Policy", demo_policy);
        server.default_header("Referrer-Policy", "same-origin");
    }
    if (!settings.cors.origins.empty()) server.cors(settings.cors);
    const auto parts = std::make_shared<Parts>();
    health(server, parts);
    if (has_events(settings)) {
        const auto served = serve_events(server, facts.sites, settings, community);
        if (!served) return base::Failure(served.error());
        channels = facts.channels = *served;
        if (settings.events.api_key.empty()) facts.made_publish_key = channels->api_key();
    }
    if (auto fault = websockets(server, facts.sites, settings))
        return base::Failure(*std::move(fault));
    if (settings.gateway_enabled) {
        const auto gateway = serve_gateway(server, settings);
        if (!gateway) return base::Failure(gateway.error());
        facts.gateway = *gateway;
        if (has_console(settings)) parts->console = *gateway;
        if (settings.gateway.api_keys.empty()) facts.made_gateway_key = (*gateway)->api_key();
    }
    const auto socketio = socketio_servers(server, facts.sites, settings, channels);
    if (!socketio) return base::Failure(socketio.error());
    if (settings.demo) serve_docs(server, settings.docs);
    if (auto fault = serve_admin_ui(*socketio, facts.gateway, settings))
        return base::Failure(*std::move(fault));
    if (!settings.cluster.url.empty()) {
        const auto cluster = join(server, settings);
        if (!cluster) return base::Failure(cluster.error());
        parts->cluster = *cluster;
    }
    if (settings.admin_enabled) {
        const auto admin = serve_admin(server, settings, channels);
        if (!admin) return base::Failure(admin.error());
        facts.admin = *admin;
        if (settings.admin.key.empty()) facts.made_admin_key = (*admin)->key();
    }
    if (settings.root.empty()) return facts;
    try {
        server.files("/", settings.root, static_options(settings.statics));
    } catch (const std::exception& refused) {
        return base::Failure(SiteFault{"root", refused.what()});
    }
    return facts;
}

std::vector<std::string> listening_urls(const Server& server, const ListenList& listen,
                                        bool has_certificates) {
    std::vector<std::string> urls;
    const std::vector<std::string> addresses = server.addresses();
    for (size_t i = 0; i < addresses.size() && i < listen.size(); ++i) {
        urls.push_back(url_of(addresses[i], uses_tls(listen[i], has_certificates)));
    }
    return urls;
}

std::string url_of(std::string_view address, bool secure) {
    if (address.starts_with("unix:")) return std::string(address);
    std::string host(address);
    if (host.starts_with("127.0.0.1:")) host.replace(0, 9, "localhost");
    return (secure ? "https://" : "http://") + host;
}

}  // namespace starling::app
