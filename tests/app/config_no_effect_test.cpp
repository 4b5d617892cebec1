// What is set and has no effect, keys that are short, and what a wrong name may have meant.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "app/config/config.h"

namespace starling::app {
namespace {

struct Case {
    std::string text, line;  // The only warning; "": there is none.
};

std::vector<std::string> warnings_of(const std::string& text) {
    Config config;
    EXPECT_TRUE(config.read_text("s.yaml", text) && config.finish()) << config.error();
    return config.warnings();
}

void expect_warnings(const std::vector<Case>& cases) {
    for (const Case& one : cases)
        EXPECT_EQ(warnings_of(one.text),
                  one.line.empty() ? std::vector<std::string>() : std::vector{one.line})
            << one.text;
}

TEST(ConfigNoEffect, IsToldOfElements) {
    const std::string route = "websocket: [{path: /a, kind: echo, ";
    const std::string io = "socketio: [{kind: broadcast, ";
    const std::string channel = "events: {enabled: true, channels: [{pattern: a, ";
    expect_warnings({
        {route + "compression: {level: 9}}]",
         "s.yaml:1: key 'websocket[0].compression.level': has no effect without "
         "websocket[0].compression.enabled: true"},
        {route + "compression: {enabled: true, level: 9}}]", ""},
        {route + "ping_interval_s: 0, ping_timeout_s: 5}]",
         "s.yaml:1: key 'websocket[0].ping_timeout_s': has no effect without "
         "websocket[0].ping_interval_s"},
        {io + "compression: {threshold_bytes: 5}}]",
         "s.yaml:1: key 'socketio[0].compression.threshold_bytes': has no effect without "
         "socketio[0].compression.enabled: true"},
        {io + "http_compression: {enabled: false, threshold_bytes: 5}}]",
         "s.yaml:1: key 'socketio[0].http_compression.threshold_bytes': has no effect without "
         "socketio[0].http_compression.enabled: true"},
        {io + "transports: [polling], upgrade_timeout_s: 5}]",
         "s.yaml:1: key 'socketio[0].upgrade_timeout_s': has no effect without both transports"},
        {io + "serve_client: false, client_dir: a}]",
         "s.yaml:1: key 'socketio[0].client_dir': has no effect without socketio[0].serve_client: "
         "true"},
        {io + "cookie_options: {secure: true}}]",
         "s.yaml:1: key 'socketio[0].cookie_options.secure': has no effect without "
         "socketio[0].cookie"},
        {channel + "interval_s: 0, excess: latest}]}",
         "s.yaml:1: key 'events.channels[0].excess': has no effect without "
         "events.channels[0].interval_s"},
        {channel + "history: {seconds: 5}}]}",
         "s.yaml:1: key 'events.channels[0].history.seconds': has no effect without "
         "events.channels[0].history.messages"},
    });
}

TEST(ConfigNoEffect, IsToldOfLogins) {
    const std::string keys = "auth: {keys: [{secret: \"" + std::string(32, 's') + "\"}], ";
    const std::string users = "events.enabled: true or an element of socketio with auth";
    expect_warnings({
        {keys + "}", "s.yaml:1: key 'auth.keys': has no effect without " + users},
        {keys + "}\nevents: {enabled: true}", ""},
        {keys + "}\nsocketio: [{kind: broadcast, auth: required}]", ""},
        {keys + "trusted_proxies: [unix]}\nevents: {enabled: true}",
         "s.yaml:1: key 'auth.trusted_proxies': has no effect without auth.user_header"},
        {"auth: {issuer: me}\nevents: {enabled: true}",
         "s.yaml:1: key 'auth.issuer': has no effect without auth.keys"},
        {"auth: {cookie: me}", "s.yaml:1: key 'auth.cookie': has no effect without " + users},
    });
}

TEST(ConfigNoEffect, IsToldOfTls) {
    const std::string file = testing::TempDir() + "config_no_effect_file";
    std::ofstream(file) << "x";
    const std::string pair = "cert: \"" + file + "\", key: \"" + file + "\"";
    const std::string all = "tls: {certificates: [{" + pair + "}]}\n";
    const std::string plain = "listen: [{address: \":80\", tls: false}]\n";
    const std::string redirect = "redirect: {listen: [\":81\"]}\n";
    const std::string leads =
        "key 'redirect.listen': leads to https:, which no address of listen "
        "serves";
    expect_warnings({
        {all, ""},
        {all + redirect, ""},
        {all + plain,
         "s.yaml:1: key 'tls.certificates': has no effect without an address of listen "
         "with TLS"},
        {all + "listen: [{address: \":1\", " + pair + "}]",
         "s.yaml:1: key 'tls.certificates': has no effect without an address of listen with TLS "
         "and "
         "without a certificate of its own"},
        {plain + "sites: [{hosts: [a], " + pair + "}]",
         "s.yaml:2: key 'sites[0].cert': has no effect without an address of listen with TLS"},
        {"tls: {ciphers: a}",
         "s.yaml:1: key 'tls.ciphers': has no effect without an address of listen with TLS"},
        {"tls: {ciphers: a}\nlisten: [{address: \":1\", " + pair + "}]", ""},
        {redirect, "s.yaml:1: " + leads},
        // The TLS is that of a proxy in front.
        {redirect + "trusted_proxies: [unix]", ""},
        {redirect + "listen: [{address: \":80\", proxy_protocol: {from: [unix]}}]", ""},
    });
}

TEST(ConfigNoEffect, IsToldOfSections) {
    expect_warnings({
        {"gateway: {show_tokens: true}",
         "s.yaml:1: key 'gateway.show_tokens': has no effect without gateway.enabled: true"},
        {"admin: {socketio_ui: {username: me}}",
         "s.yaml:1: key 'admin.socketio_ui.username': has no effect without "
         "admin.socketio_ui.enabled: true"},
        {"static: {index: a.html}",
         "s.yaml:1: key 'static.index': has no effect without root, files, or an element of sites "
         "with root"},
        {"static: {index: a.html}\nroot: /", ""},
        {"sites: [{hosts: [a], cache_control: b}]",
         "s.yaml:1: key 'sites[0].cache_control': has no effect without sites[0].root"},
        {"redirect: {proxy_protocol: {from: [unix]}}",
         "s.yaml:1: key 'redirect.proxy_protocol.from': has no effect without redirect.listen"},
        {"cluster: {url: \"redis://127.0.0.1\", stream_count: 2}",
         "s.yaml:1: key 'cluster.stream_count': has no effect without cluster.mode: streams"},
        {"cluster: {url: \"redis://127.0.0.1\", mode: streams, stream_count: 2}", ""},
        {"cluster: {url: \"redis://127.0.0.1\", mode: native, stream_length_max: 2}", ""},
        {"cluster: {url: \"redis://127.0.0.1\", mode: classic, stream_length_max: 2}",
         "s.yaml:1: key 'cluster.stream_length_max': has no effect without cluster.mode: streams"},
        {"cluster: {url: \"redis://127.0.0.1\", mode: classic, engine_response_timeout_s: 2}",
         "s.yaml:1: key 'cluster.engine_response_timeout_s': has no effect without "
         "cluster.node_engine: true"},
        {"cluster: {url: \"redis://127.0.0.1\", mode: classic, node_engine: true, "
         "engine_response_timeout_s: 2}",
         ""},
    });
}

// Each element once: a file of 1 MiB has thousands.
TEST(ConfigNoEffect, IsToldOfManyElements) {
    std::string text = "websocket:\n";
    for (int i = 0; i < 2000; ++i)
        text += "  - {path: /" + std::to_string(i) +
                ", kind: echo, ping_interval_s: 0, ping_timeout_s: 5}\n";
    EXPECT_EQ(warnings_of(text).size(), 2000u);
}

// As the example does.
TEST(ConfigNoEffect, IsNotToldOfDefaults) {
    expect_warnings({
        {"socketio: [{kind: broadcast, rooms_max: 100, cors: {max_age_s: 600}, "
         "connection_state_recovery: {packets_max: 10000}}]",
         ""},
        {"hosts: []\nclient_address_header: X-Forwarded-For\nredirect: {https_port: 443}\n"
         "limits: {excess: close, joins: {burst: 0}}\nsites: [{hosts: [a], compression: true}]",
         ""},
    });
    Config config;
    ASSERT_TRUE(config.read_file(STARLING_REPOSITORY "/packaging/starling.yaml") && config.finish())
        << config.error();
    EXPECT_EQ(config.warnings(), std::vector<std::string>());
}

TEST(ConfigKeys, ThatAreShortAreToldOf) {
    const std::string guess =
        ": is easy to guess: it has 1 bytes, and should have 16 random ones at "
        "least";
    expect_warnings({
        {"admin: {key: a}", "s.yaml:1: key 'admin.key'" + guess},
        {"admin: {key: \"0123456789abcdef\"}", ""},
        {"events: {enabled: true, api_key: a}", "s.yaml:1: key 'events.api_key'" + guess},
        {"gateway: {enabled: true, api_keys: [\"0123456789abcdef\", b]}",
         "s.yaml:1: key 'gateway.api_keys[1]'" + guess},
    });
}

TEST(ConfigNames, ThatAreWrongGetTheKeyThatIsMeant) {
    const struct {
        std::string text, meant;
    } cases[] = {
        {"log_level: info", "log.level"},
        {"max_connections: 5", "connections_max"},
        {"http: {max_body_bytes: 5}", "body_bytes_max"},
        {"tls: {cert: a}", "tls.certificates[].cert"},
        {"websocket: [{path: /a, max_message_bytes: 5}]", "message_bytes_max"},
        {"cors: {origins: []}", ""},
    };
    for (const auto& [text, meant] : cases) {
        Config config;
        EXPECT_FALSE(config.read_text("s.yaml", text));
        const std::string hint = meant.empty() ? "" : " (did you mean '" + meant + "'?)";
        EXPECT_TRUE(config.error().ends_with("is not known" + hint)) << config.error();
    }
}

TEST(ConfigFaults, NameTheLineOfTheSection) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", "workers: 1\nadmin:\n  socketio_ui: {enabled: true}\n"));
    EXPECT_FALSE(config.finish());
    EXPECT_EQ(config.error(),
              "s.yaml:3: key 'admin.socketio_ui.enabled': needs "
              "admin.socketio_ui.password_hash");
    EXPECT_EQ(config.fault("admin.hosts", "is wrong"), "s.yaml:2: key 'admin.hosts': is wrong");
    EXPECT_EQ(config.fault("listen[0].tls", "is wrong"), "starling: key 'listen[0].tls': is wrong");
}

TEST(ConfigFaults, NameATab) {
    for (const std::string text : {"listen:\n\t- \":80\"\n", "workers: 1\nlog:\n\tlevel: info\n",
                                   "log:\n  level: info\n\tformat: json\n"}) {
        Config config;
        EXPECT_FALSE(config.read_text("s.yaml", text));
        EXPECT_TRUE(
            config.error().ends_with(": not valid: a tab indents this line: YAML wants blanks"))
            << text << config.error();
    }
}

TEST(ConfigFaults, NameThePrefixLengthsThereAre) {
    const std::pair<std::string, std::string> cases[] = {{"10.0.0.0/33", "32"}, {"::/129", "128"}};
    for (const auto& [range, max] : cases) {
        Config config;
        EXPECT_FALSE(config.read_text("s.yaml", "trusted_proxies: [\"" + range + "\"]"));
        EXPECT_EQ(config.error(), "s.yaml:1: key 'trusted_proxies[0]': '" + range +
                                      "' needs a prefix length from 1 to " + max +
                                      " behind its '/'");
    }
}

}  // namespace
}  // namespace starling::app
