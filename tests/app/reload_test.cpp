// A reload of the running program: what each part takes over, and what the log line says.
#include "app/serve/reload.h"

#include <gtest/gtest.h>

#include <string>

#include "app/config/config.h"
#include "app/redirect.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::app {
namespace {

using server::test::Client;
using server::test::MemoryLog;
using server::test::upgrade_request;

Settings settings_of(const std::string& text) {
    Config config;
    EXPECT_TRUE(config.read_text("s.yaml", "admin: {enabled: false}\nworkers: 1\n" + text) &&
                config.finish())
        << config.error();
    Settings settings = config.settings();
    settings.server.listen = "127.0.0.1:0";
    return settings;
}

// The program with one configuration, which reloads another.
struct Running {
    explicit Running(const std::string& text) : settings(settings_of(text)) {
        settings.server.log = log;
        server.emplace(settings.server);
        auto built = build_site(*server, settings);
        EXPECT_TRUE(built);
        facts = *built;
        server->start();
    }
    void reload(const std::string& text) {
        if (!reloader) reloader.emplace(settings, [this] { return base::Result<Settings>(next); });
        next = settings_of(text);
        reloader->run({*server, *log, facts, redirect.get()});
    }
    int upgrade(std::string_view host) {
        Client client(server->port());
        std::string request = upgrade_request("/ws", "Origin: https://a.example\r\n");
        request.replace(request.find("Host: here"), 10, "Host: " + std::string(host));
        return client.request(request).status;
    }

    std::shared_ptr<MemoryLog> log = std::make_shared<MemoryLog>();
    Settings settings, next;
    std::optional<Server> server;
    std::unique_ptr<Server> redirect;
    SiteFacts facts;
    std::optional<Reloader> reloader;
};

TEST(ProgramReload, ChangesTheOriginsOfOneSite) {
    const auto text = [](const std::string& more) {
        return "sites: [{hosts: [one.example]}, {hosts: [two.example]}]\n"
               "websocket: [{path: /ws, kind: echo, site: one.example}, "
               "{path: /ws, kind: echo, site: two.example" +
               more + "}]\n";
    };
    Running program(text(""));
    program.reload(text(", origins: [\"https://a.example\"]"));
    EXPECT_EQ(program.upgrade("one.example"), 403);
    EXPECT_EQ(program.upgrade("two.example"), 101);
    EXPECT_EQ(program.log->lines.count("reloaded websocket[1].origins "), 1u);
    program.reload(text(""));
    EXPECT_EQ(program.upgrade("two.example"), 403);
}

TEST(ProgramReload, SaysThatSocketIoKeepsItsOrigins) {
    const std::string text =
        "websocket: [{path: /ws, kind: echo}]\nsocketio: [{kind: broadcast}]\n";
    Running program(text);
    for (int i = 0; i < 2; ++i) {  // Until the restart, each time.
        program.reload(text + "origins: [\"https://a.example\"]\n");
        EXPECT_EQ(program.log->lines.count("reloaded  origins"), size_t(i + 1));
        EXPECT_EQ(program.upgrade("here"), 101);
    }
    program.reload(text);
    EXPECT_EQ(program.log->lines.count("reloaded origins "), 1u);
    EXPECT_EQ(program.upgrade("here"), 403);
}

// The field of a proxy that is believed may stand once; that of any other peer is ignored.
TEST(ProgramReload, ChangesTheProxiesOfTheGatewaysRoutes) {
    const auto text = [](const std::string& proxies) {
        return "gateway: {enabled: true, routes: [{path: /other, application: "
               "\"http://127.0.0.1:1/\"}, {path: /ws, application: \"http://127.0.0.1:1/\"" +
               proxies + "}]}\n";
    };
    Running program(text(""));
    const auto two_users = [&] {
        return Client(program.server->port())
            .request(upgrade_request("/ws", "X-Bfl-User: ada\r\nX-Bfl-User: bob\r\n"))
            .status;
    };
    EXPECT_EQ(two_users(), 400);
    program.reload(text(", trusted_proxies: [\"192.0.2.1\"]"));
    EXPECT_EQ(two_users(), 101);
    EXPECT_EQ(program.log->lines.count("reloaded gateway.routes[1].trusted_proxies "), 1u);
    program.reload(text(""));
    EXPECT_EQ(two_users(), 400);
}

TEST(Redirect, HasTheAccessLogOfTheMainServer) {
    Running program("");
    Settings settings = program.settings;
    settings.redirect.listen = {"127.0.0.1:0"};
    ServerOptions options = settings.server;
    options.access_log = true;
    options.access_sink = std::make_shared<MemoryLog>();
    options.access_format = AccessFormat::combined;
    const auto* access = static_cast<MemoryLog*>(options.access_sink.get());
    program.redirect = make_redirect(settings, options);
    program.redirect->start();
    const auto ask = [&] {
        Client client(program.redirect->port());
        return client.get("/").status;
    };
    EXPECT_EQ(ask(), 308);
    EXPECT_TRUE(server::test::eventually(
        [&] { return !const_cast<MemoryLog*>(access)->lines.text().empty(); }));
    EXPECT_EQ(program.log->lines.text().find("308"), std::string::npos);
}

}  // namespace
}  // namespace starling::app
