// The keys of Socket.IO: what they set, what is refused, and what has no effect.
#include <gtest/gtest.h>
#include <starling/socketio_options.h>

#include <string>
#include <vector>

#include "app/config/config.h"
#include "app/socketio.h"

namespace starling::app {
namespace {

// "": the text is a valid configuration.
std::string fault_of(const std::string& text) {
    Config config;
    return config.read_text("s.yaml", text) && config.finish() ? "" : config.error();
}

TEST(SocketIoConfig, SetsTheOptionsOfTheServer) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
origins: ["https://all.example"]
auth: {keys: [{secret: "0123456789abcdef0123456789abcdef"}], issuer: "me"}
socketio:
  - path: "/io/"
    kind: broadcast
    namespaces: ["/", "/room-*"]
    transports: [websocket]
    allow_upgrades: false
    allow_eio3: true
    parser: msgpack
    serve_client: false
    cookie: io
    origins: ["https://own.example"]
    ping_interval_s: 5
    ping_timeout_s: 0.5
    upgrade_timeout_s: 3
    connect_timeout_s: 4
    message_bytes_max: 2000
    send_queue_bytes_max: 5000
    attachments_max: 3
    namespaces_max: 4
    unjoined_per_address_max: 6
    compression: {enabled: true, threshold_bytes: 10}
    http_compression: {enabled: false}
    connection_state_recovery:
      {enabled: true, max_disconnection_s: 7, packets_max: 8, bytes_max: 9000, sessions_max: 10}
    auth: optional
)") && config.finish())
        << config.error();
    EXPECT_EQ(config.warnings(),
              std::vector<std::string>{"s.yaml:17: key 'socketio[0].upgrade_timeout_s': has no "
                                       "effect without both transports"});
    const Settings& settings = config.settings();
    const sio::Options o = socketio_options(settings, settings.socketio.at(0));
    EXPECT_EQ(o.path, "/io");
    EXPECT_EQ(o.namespaces, (std::vector<std::string>{"/", "/room-*"}));
    EXPECT_EQ(o.transports, std::vector{sio::Transport::websocket});
    EXPECT_TRUE(!o.allow_upgrades && o.allow_eio3 && !o.serve_client);
    EXPECT_EQ(o.parser, sio::Parser::msgpack);
    EXPECT_EQ(o.cookie->name, "io");
    const std::vector<std::string> origins{"https://own.example", "https://all.example"};
    EXPECT_EQ(o.origins, origins);
    EXPECT_EQ(o.cors->origins, origins);  // These pages may poll, too.
    EXPECT_TRUE(o.cors->credentials);
    EXPECT_EQ(o.ping_interval.count(), 5000);
    EXPECT_EQ(o.ping_timeout.count(), 500);
    EXPECT_EQ(o.upgrade_timeout.count(), 3000);
    EXPECT_EQ(o.connect_timeout.count(), 4000);
    EXPECT_EQ(o.max_http_buffer_size, 2000u);
    EXPECT_EQ(o.send_queue_bytes_max, 5000u);
    EXPECT_EQ(o.max_attachments, 3u);
    EXPECT_EQ(o.namespaces_max, 4u);
    EXPECT_EQ(o.unjoined_per_address_max, 6u);
    EXPECT_TRUE(o.per_message_deflate.enabled);
    EXPECT_EQ(o.per_message_deflate.threshold_bytes, 10u);
    EXPECT_FALSE(o.http_compression.enabled);
    ASSERT_TRUE(o.connection_state_recovery);
    EXPECT_EQ(o.connection_state_recovery->max_disconnection_duration.count(), 7000);
    EXPECT_EQ(o.connection_state_recovery->packets_max, 8u);
    EXPECT_EQ(o.connection_state_recovery->bytes_max, 9000u);
    EXPECT_EQ(o.connection_state_recovery->sessions_max, 10u);
    ASSERT_TRUE(o.auth);
    EXPECT_EQ(o.auth->keys.size(), 1u);
    EXPECT_EQ(o.auth->issuer, "me");
    EXPECT_FALSE(o.auth_required);
}

TEST(SocketIoConfig, TheGatewaysRouteGetsTheOptions) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
gateway: {enabled: true, routes: [{kind: socketio, path: "/socket.io/", application: ""}]}
socketio: [{kind: gateway, allow_eio3: true, message_bytes_max: 77, namespaces: ["/*"]}]
)") && config.finish())
        << config.error();
    const gateway::Route& route = config.settings().gateway.routes.at(0);
    ASSERT_TRUE(route.socketio);
    EXPECT_TRUE(route.socketio->allow_eio3);
    EXPECT_EQ(route.socketio->namespaces, std::vector<std::string>{"/*"});
    EXPECT_EQ(route.message_bytes_max, 77u);
}

// A namespace's limit is compared with the one that counts: that of the element, or else of the route.
TEST(SocketIoConfig, AGatewaysNamespaceHasTheLimitOfTheRoute) {
    const auto with = [](const std::string& gateway, const std::string& element) {
        return fault_of("gateway: {enabled: true, " + gateway +
                        "routes: [{kind: socketio, path: /io/, application: '', "
                        "queue_bytes_max: 8000000, message_bytes_max: 3000000}]}\n"
                        "socketio: [{kind: gateway, path: /io/" +
                        element +
                        "}]\n"
                        "socketio_namespaces: [{name: /, path: /io, message_bytes_max: 2000000}]");
    };
    EXPECT_EQ(with("", ""), "");
    const std::string too_many =
        "s.yaml:3: key 'socketio_namespaces[0].message_bytes_max': must be at most "
        "message_bytes_max of the server: ";
    EXPECT_EQ(with("", ", message_bytes_max: 1500000"), too_many + "1500000");
    EXPECT_EQ(with("", ", message_bytes_max: 2000000"), "");
    EXPECT_EQ(with("olares: 'on', ", ", message_bytes_max: 1500000"), "");  // At least 4 MiB.
}

// The demo's chat gives way to an element of all sites, and in a cluster to any.
TEST(SocketIoConfig, TheChatHasAPlaceBesideTheServerOfASite) {
    const auto taken = [](const std::string& element, const std::string& more = "") {
        Config config;
        EXPECT_TRUE(config.read_text("s.yaml", "sites: [{hosts: [a]}]\n" + more +
                                                   "socketio: [{kind: broadcast" + element +
                                                   "}]") &&
                    config.finish())
            << config.error();
        return has_socketio_at(config.settings(), "/socket.io");
    };
    EXPECT_TRUE(taken(""));
    EXPECT_FALSE(taken(", path: /io"));
    EXPECT_FALSE(taken(", site: a"));
    EXPECT_TRUE(taken(", site: a", "cluster: {url: 'redis://localhost'}\n"));
}

TEST(SocketIoConfig, SaysWhatIsWrong) {
    const std::string events = "events: {enabled: true}\n";
    const std::string gateway =
        "gateway: {enabled: true, routes: [{kind: socketio, path: /io/, application: ''}]}\n";
    const std::string line2 = "s.yaml:2: key 'socketio[0]";
    const struct {
        std::string text, want;
    } cases[] = {
        {"socketio: [{}]",
         "s.yaml:1: key 'socketio[0]': needs events.enabled: true, for its kind 'channels'"},
        {events + "socketio: [{path: /}]", line2 + ".path': must hold a name, as /socket.io/ does"},
        {events + "socketio: [{path: /a}, {path: /a/}]",
         "s.yaml:2: key 'socketio[1].path': is the same path as socketio[0].path"},
        {events + "socketio: [{namespaces: []}]", line2 + ".namespaces': must hold one"},
        {events + "socketio: [{namespaces: [chat]}]",
         line2 + ".namespaces[0]': must be a namespace like /chat or /room-*"},
        {events + "socketio: [{namespaces: ['/a-*']}]",
         line2 + ".namespaces': must hold no * for the kind 'channels'"},
        {events + "socketio: [{transports: [carrier]}]",
         line2 + ".transports[0]': must be polling or websocket"},
        {events + "socketio: [{transports: []}]", line2 + ".transports': must hold one"},
        {events + "socketio: [{cors: {origins: ['*'], credentials: true}}]",
         line2 + ".cors.credentials': must be false where socketio[0].cors.origins holds \"*\""},
        {events + "socketio: [{auth: required}]",
         line2 + ".auth': needs auth.keys or auth.user_header"},
        {events + "socketio: [{kind: gateway}]",
         line2 + "': needs a gateway with a route of kind socketio at the same path"},
        {gateway + "socketio: [{kind: broadcast, path: /io}]",
         line2 + ".path': is the path of a route of the gateway: set kind: gateway"},
        {gateway + "socketio: [{kind: gateway, path: /io, connection_state_recovery: {enabled: "
                   "true}}]",
         line2 + ".connection_state_recovery.enabled': must be false for kind: gateway: webhooks "
                 "are not recovered"},
        {events + "socketio: [{conection_state_recovery: {}}]",
         line2 + ".conection_state_recovery': is not known (did you mean "
                 "'connection_state_recovery'?)"},
        {events + "socketio: [{connection_state_recovery: {enable: true}}]",
         line2 + ".connection_state_recovery.enable': is not known (did you mean 'enabled'?)"},
    };
    for (const auto& [text, want] : cases) EXPECT_EQ(fault_of(text), want) << text;
}

TEST(SocketIoConfig, SaysWhatIsWrongWithSitesAndNamespaces) {
    const std::string sites = "sites: [{hosts: [a, A2]}, {hosts: [b]}]\n";
    const std::string server = "socketio: [{kind: broadcast}]\n";
    const std::string cluster = "cluster: {url: 'redis://localhost'}\n";
    const std::string route = "{kind: socketio, path: /io/, application: '', site: ";
    const struct {
        std::string text, want;
    } cases[] = {
        {sites + "socketio: [{kind: broadcast, site: c}]",
         "s.yaml:2: key 'socketio[0].site': must be a host of an element of sites"},
        {sites + "socketio: [{kind: broadcast, site: a}, {kind: broadcast, site: A2}]",
         "s.yaml:2: key 'socketio[1]': is the same path as socketio[0].path"},
        {sites +
             "cluster: {url: 'redis://localhost'}\nsocketio: [{kind: broadcast, path: /io, site: "
             "a}, {kind: broadcast, path: /io/}]",
         "s.yaml:3: key 'socketio[1].path': is the same path as socketio[0].path: in a cluster, "
         "nodes know a Socket.IO server by its path"},
        {sites + cluster + "gateway: {enabled: true, routes: [" + route + "a}, " + route + "b}]}",
         "s.yaml:3: key 'gateway.routes[1].path': is the same path as gateway.routes[0].path: in a "
         "cluster, nodes know a Socket.IO server by its path"},
        {sites + cluster + "gateway: {enabled: true, routes: [" + route +
             "a}]}\nsocketio: [{kind: gateway, path: /io, site: a}]",
         ""},
        {sites + cluster + "gateway: {enabled: true, routes: [" + route +
             "a}]}\nsocketio: [{kind: broadcast, path: /io}]",
         "s.yaml:3: key 'gateway.routes[0].path': is the same path as socketio[0].path: in a "
         "cluster, nodes know a Socket.IO server by its path"},
        {server + "socketio_namespaces: [{}]",
         "s.yaml:2: key 'socketio_namespaces[0].name': is missing"},
        {server + "socketio_namespaces: [{name: chat}]",
         "s.yaml:2: key 'socketio_namespaces[0].name': must be a namespace like /chat or /room-*"},
        {server + "socketio_namespaces: [{name: /, path: /other}]",
         "s.yaml:2: key 'socketio_namespaces[0].path': needs an element of socketio with the same "
         "path and site"},
        {server + "socketio_namespaces: [{name: /}, {name: /}]",
         "s.yaml:2: key 'socketio_namespaces[1].name': names '/' a second time"},
        {server + "socketio_namespaces: [{name: /, connections_max: -1}]",
         "s.yaml:2: key 'socketio_namespaces[0].connections_max': must be an integer from 0 to "
         "104857600"},
        {server + "socketio_namespaces: [{name: /, message_bytes_max: 2000000}]",
         "s.yaml:2: key 'socketio_namespaces[0].message_bytes_max': must be at most "
         "message_bytes_max of the server: 1000000"},
        {server + "socketio_namespaces: [{name: /, messages: 5}]",
         "s.yaml:2: key 'socketio_namespaces[0].messages': must be a mapping of keys and values"},
        {"events: {enabled: true}\nsocketio: [{}]\nsocketio_namespaces: [{name: '/a*'}]",
         "s.yaml:3: key 'socketio_namespaces[0].name': must hold no * for the kind 'channels'"},
    };
    for (const auto& [text, want] : cases) EXPECT_EQ(fault_of(text), want) << text;
}

// Two sites, or one of them and the server, may have the same path.
TEST(SocketIoConfig, SitesHaveServersOfTheirOwn) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
sites: [{hosts: [a, a2]}, {hosts: [b]}]
socketio:
  - {kind: broadcast, site: a}
  - {kind: broadcast, site: b}
  - {kind: broadcast}
socketio_namespaces:
  - {name: "/x-*", site: a2, connections_max: 5, messages: {per_second: 2, burst: 9}}
  - {name: /, path: /socket.io, rooms_max: 3}
)") && config.finish())
        << config.error();
    const auto& servers = config.settings().socketio;
    ASSERT_EQ(servers[0].options.namespace_limits.size(), 1u);
    EXPECT_EQ(servers[0].options.namespace_limits[0].connections_max, 5u);
    EXPECT_EQ(servers[0].options.namespace_limits[0].messages, (Rate{2, 9}));
    EXPECT_TRUE(servers[1].options.namespace_limits.empty());
    ASSERT_EQ(servers[2].options.namespace_limits.size(), 1u);
    EXPECT_EQ(servers[2].options.namespace_limits[0].rooms_max, 3u);
}

TEST(SocketIoConfig, WarnsOfKeysWithoutEffect) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
socketio:
  - kind: broadcast
    rooms_max: 3
    cors: {max_age_s: 5}
    connection_state_recovery: {max_disconnection_s: 5}
)") && config.finish())
        << config.error();
    const std::vector<std::string> want{
        "s.yaml:4: key 'socketio[0].rooms_max': has no effect without kind: channels",
        "s.yaml:5: key 'socketio[0].cors.max_age_s': has no effect without "
        "socketio[0].cors.origins",
        "s.yaml:6: key 'socketio[0].connection_state_recovery.max_disconnection_s': has no effect "
        "without socketio[0].connection_state_recovery.enabled"};
    EXPECT_EQ(config.warnings(), want);
}

}  // namespace
}  // namespace starling::app
