// The gateway's configuration: where its application is named, and what each fault says.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/command_line.h"
#include "app/config/config.h"

namespace starling::app {
namespace {

// The settings of `starling gateway FLAGS...` with that environment and file.
struct Given {
    Environment environment = {};
    std::vector<std::string> flags = {};
    std::string file = {};
};

class GatewayConfig : public testing::Test {
protected:
    // The line that says what is wrong; "": nothing is.
    std::string read(const Given& given) {
        config_ = Config();
        std::vector<std::string> args{"gateway"};
        args.insert(args.end(), given.flags.begin(), given.flags.end());
        const CommandLine line = parse_command_line(args);
        EXPECT_EQ(line.action, CommandLine::Action::gateway) << line.text;
        if (!given.file.empty() && !config_.read_text("s.yaml", given.file)) return config_.error();
        if (!config_.read_environment(given.environment)) return config_.error();
        config_.begin_gateway(given.environment);
        for (const Flag& flag : line.flags)
            if (!config_.set(flag.flag, flag.key, flag.values)) return config_.error();
        return config_.finish() ? "" : config_.error();
    }
    const gateway::Route& route(size_t index = 0) const {
        return config_.settings().gateway.routes.at(index);
    }
    std::string write(const std::string& name, const std::string& text) {
        const auto path = std::filesystem::path(testing::TempDir()) / name;
        std::ofstream(path) << text;
        return path;
    }
    std::string manifest(const std::string& text) { return write("OlaresManifest.yaml", text); }

    Config config_;
};

TEST_F(GatewayConfig, ListensOnLoopbackWithTheApplicationOfTheDocument) {
    ASSERT_EQ(read({}), "");
    const Settings& settings = config_.settings();
    EXPECT_TRUE(settings.gateway_enabled);
    EXPECT_EQ(settings.server.listen.front().address, "127.0.0.1:40010");
    ASSERT_EQ(settings.gateway.routes.size(), 1u);
    EXPECT_EQ(route().path, "/ws");
    EXPECT_EQ(route().application, "http://localhost:3010/websocket/message");
    EXPECT_EQ(settings.gateway.olares, gateway::Olares::off);
}

TEST_F(GatewayConfig, TheFirstOfFlagEnvironmentAndManifestNamesTheApplication) {
    const std::string file =
        manifest("options:\n  websocket:\n    port: 8888\n    url: /ws/message\n");
    const Environment environment{{"WS_PORT", "3000"}, {"WS_URL", "/ws"}};
    ASSERT_EQ(read({.flags = {"--manifest", file}}), "");
    EXPECT_EQ(route().application, "http://127.0.0.1:8888/ws/message");
    EXPECT_EQ(config_.settings().gateway.olares, gateway::Olares::off);
    ASSERT_EQ(read({.environment = environment, .flags = {"--manifest", file}}), "");
    EXPECT_EQ(route().application, "http://127.0.0.1:3000/ws");
    EXPECT_EQ(config_.settings().gateway.olares, gateway::Olares::on);
    ASSERT_EQ(read({.environment = environment,
                    .flags = {"--manifest", file, "--application", "http://localhost:1/"}}),
              "");
    EXPECT_EQ(route().application, "http://localhost:1/");
}

TEST_F(GatewayConfig, HalfOfTheEnvironmentMeansNoWebhooks) {
    for (const Environment& environment :
         {Environment{{"WS_PORT", "3000"}}, Environment{{"WS_URL", "/ws"}},
          Environment{{"WS_PORT", ""}, {"WS_URL", "/ws"}}}) {
        ASSERT_EQ(read({.environment = environment}), "");
        EXPECT_EQ(route().application, "");
        ASSERT_EQ(config_.warnings().size(), 1u);
        EXPECT_EQ(config_.warnings().front(),
                  "starling: no webhooks: WS_PORT and WS_URL name the application together, and "
                  "one of them is missing or empty");
    }
}

TEST_F(GatewayConfig, RoutesOfAFileKeepTheirApplications) {
    const std::string file =
        "gateway:\n"
        "  enabled: true\n"
        "  routes:\n"
        "    - {path: /a, application: 'http://localhost:1/a', retry_for_s: 2.5}\n"
        "    - {path: /b, keepalive: any}\n"
        "    - {path: /socket.io/, kind: socketio}\n";
    ASSERT_EQ(read({.environment = {{"WS_PORT", "3000"},
                                    {"WS_URL", "/ws"},
                                    {"STARLING_GATEWAY_API_KEY", "one,two"},
                                    {"STARLING_GATEWAY_SIGNING_KEY", "secret"}},
                    .file = file}),
              "");
    EXPECT_EQ(route(0).application, "http://localhost:1/a");
    EXPECT_EQ(route(0).retry_for, std::chrono::milliseconds(2500));
    EXPECT_EQ(route(1).application, "http://127.0.0.1:3000/ws");
    EXPECT_EQ(route(1).keepalive, gateway::KeepAlive::any);
    EXPECT_EQ(route(1).kind, gateway::Kind::websocket);
    EXPECT_EQ(route(2).kind, gateway::Kind::socketio);
    EXPECT_EQ(route(0).signing_key, "secret");
    EXPECT_EQ(route(1).signing_key, "secret");
    EXPECT_EQ(config_.settings().gateway.api_keys, (std::vector<std::string>{"one", "two"}));
}

TEST_F(GatewayConfig, EveryFlagReachesItsMember) {
    ASSERT_EQ(read({.flags = {"--listen", "127.0.0.1:1", "--ping-timeout-s", "90", "--show-tokens",
                              "--olares=strict", "--workers", "2"}}),
              "");
    const Settings& settings = config_.settings();
    EXPECT_EQ(settings.server.listen.front().address, "127.0.0.1:1");
    EXPECT_EQ(route().ping_timeout, std::chrono::milliseconds(90'000));
    EXPECT_TRUE(settings.gateway.show_tokens);
    EXPECT_EQ(settings.gateway.olares, gateway::Olares::strict);
    ASSERT_EQ(read({.flags = {"--olares"}}), "");
    EXPECT_EQ(config_.settings().gateway.olares, gateway::Olares::on);
}

TEST_F(GatewayConfig, ARouteOfSocketIoNamesItsPath) {
    const auto fault = [](std::string path) {
        const auto found = gateway::fault_of({.kind = gateway::Kind::socketio, .path = path});
        return found ? found->member + " " + found->what : "";
    };
    EXPECT_EQ(fault("/socket.io/"), "");
    EXPECT_EQ(fault("/socket.io"), "");
    EXPECT_EQ(fault("/ws/"), "");
    EXPECT_EQ(fault("/ws"),
              "path must be set for kind socketio, to /socket.io/ for most clients; /ws is the one "
              "for kind websocket");
    for (const char* path : {"/", "//", "/a//"})
        EXPECT_EQ(fault(path), "path must hold a name for kind socketio, as /socket.io/ does");
    EXPECT_EQ(fault("socket.io"), "path must begin with a slash");
    EXPECT_NE(read({.file = "gateway:\n  routes:\n    - kind: socketio\n"})
                  .find("'gateway.routes[0].path': must be set for kind socketio"),
              std::string::npos);
}

TEST_F(GatewayConfig, AFaultIsOneLineWithItsPlace) {
    EXPECT_EQ(
        read({.flags = {"--application", "ftp://localhost/"}}),
        "starling: --application: must be http://HOST[:PORT]/PATH, https://HOST[:PORT]/PATH or "
        "unix:/SOCKET:/PATH");
    EXPECT_EQ(read({.flags = {"--ping-timeout-s", "soon"}}),
              "starling: --ping-timeout-s: must be a number of seconds from 0 to 86400");
    EXPECT_EQ(read({.environment = {{"WS_PORT", "70000"}, {"WS_URL", "/ws"}}}),
              "starling: environment variable WS_PORT: must be a port, 1 to 65535");
    EXPECT_EQ(read({.environment = {{"WS_PORT", "7000"}, {"WS_URL", "ws"}}}),
              "starling: environment variable WS_URL: must be a path like /websocket/message");
    EXPECT_EQ(read({.file = "gateway:\n  routes:\n    - application: http://a b/\n"}),
              "s.yaml:3: key 'gateway.routes[0].application': must be http://HOST[:PORT]/PATH, "
              "https://HOST[:PORT]/PATH or unix:/SOCKET:/PATH");
    EXPECT_EQ(read({.file = "gateway:\n  routes:\n    - path: /a\n    - path: /a\n"}),
              "s.yaml:4: key 'gateway.routes[1].path': is the same path as gateway.routes[0].path");
    EXPECT_EQ(
        read({.file = "gateway:\n  routes:\n    - trusted_proxies: [everybody]\n"}).substr(0, 62),
        "s.yaml:3: key 'gateway.routes[0].trusted_proxies': 'everybody'");
    // A request without a key brings the empty one.
    EXPECT_EQ(read({.file = "gateway:\n  api_keys:\n    - one\n    - ''\n"}),
              "s.yaml:4: key 'gateway.api_keys[1]': must be a key, without blanks at its ends");
    EXPECT_EQ(read({.file = "gateway: {api_keys: [' one']}\n"}),
              "s.yaml:1: key 'gateway.api_keys[0]': must be a key, without blanks at its ends");
    EXPECT_EQ(read({.environment = {{"STARLING_GATEWAY_API_KEY", "one,"}}}),
              "starling: environment variable STARLING_GATEWAY_API_KEY: must be a key, without "
              "blanks at its ends");
    EXPECT_EQ(read({.file = "gateway:\n  routes:\n    - signing_key: whsec_!!\n"}),
              "s.yaml:3: key 'gateway.routes[0].signing_key': the signing key: base64 is wanted "
              "behind whsec_");
    Config serve;
    ASSERT_TRUE(serve.read_text("s.yaml", "gateway:\n  routes: [{path: /a}]\n"));
    EXPECT_FALSE(serve.finish());
    EXPECT_EQ(serve.error(), "s.yaml:2: key 'gateway.routes': needs gateway.enabled: true");
}

TEST_F(GatewayConfig, AManifestIsReadWithItsLines) {
    const auto fault = [&](const std::string& text) {
        const std::string file = manifest(text);
        const std::string line = read({.flags = {"--manifest", file}});
        return line.starts_with(file) ? line.substr(file.size()) : line;
    };
    EXPECT_EQ(fault("name: app\n"), ":1: key 'options.websocket': is missing");
    EXPECT_EQ(fault("name: app\noptions:\n  mobile: true\n"),
              ":2: key 'options.websocket': is missing");
    EXPECT_EQ(fault("options:\n  websocket:\n    url: /a\n"),
              ":2: key 'options.websocket.port': is missing");
    EXPECT_EQ(fault("options:\n  websocket:\n    port: 1\n"),
              ":2: key 'options.websocket.url': is missing");
    EXPECT_EQ(fault("options:\n  websocket:\n    port: 65536\n    url: /a\n"),
              ":3: key 'options.websocket.port': must be a port, 1 to 65535");
    EXPECT_EQ(fault("options:\n  websocket:\n    port: 1\n    url: a\n"),
              ":4: key 'options.websocket.url': must be a path like /ws/message");
    EXPECT_EQ(fault("options: [\n").substr(0, 2), ":2");
    EXPECT_EQ(read({.flags = {"--manifest", "/no/such/file"}}),
              "starling: --manifest: cannot read '/no/such/file': No such file or directory");
}

}  // namespace
}  // namespace starling::app
