// What a reload takes over, and the printed configuration.
#include "app/config/changes.h"

#include <gtest/gtest.h>

#include <string>

#include "app/config/config.h"
#include "app/config/flat.h"

namespace starling::app {
namespace {

Settings settings_of(const std::string& text) {
    Config config;
    EXPECT_TRUE(config.read_text("s.yaml", text) && config.finish()) << config.error();
    return config.settings();
}

std::string joined(const std::vector<std::string>& keys) {
    std::string all;
    for (const auto& key : keys) all.append(all.empty() ? "" : " ").append(key);
    return all;
}

const std::string secret(32, 's');

TEST(ConfigChanges, TellWhatIsLiveAndWhatNeedsARestart) {
    struct Case {
        std::string before, after, live, restart;
    };
    const std::string echo = "websocket: [{path: /a, kind: echo}]\n";
    const Case cases[] = {
        {"", "", "", ""},
        {"", "log: {level: debug}\n", "log.level", ""},
        {"", "log: {level: debug, format: json}\n", "log.level", "log.format"},
        {"workers: 1\n", "workers: 2\n", "", "workers"},
        {"", "limits: {messages: {per_second: 5}}\n", "limits.messages.per_second", ""},
        {"", "origins: [\"https://a.example\"]\n", "origins", ""},
        {echo, "websocket: [{path: /a, kind: echo, origins: [\"*\"]}]\n", "websocket[0].origins",
         ""},
        {echo, "websocket: [{path: /b, kind: echo}]\n", "", "websocket[0].path"},
        {echo, echo + "# more\n", "", ""},
        {echo, "websocket: []\n", "", "websocket"},
        {"events: {enabled: true, channels: [{pattern: a}]}\n",
         "events: {enabled: true, channels: [{pattern: a}, {pattern: b}]}\n", "events.channels",
         ""},
        {"events: {enabled: true, channels: [{pattern: a}]}\n",
         "events: {enabled: true, channels: [{pattern: b}]}\n", "events.channels[0].pattern", ""},
        {"", "events: {enabled: true}\n", "", "events.enabled"},
        {"", "auth: {keys: [{secret: " + secret + "}]}\n", "auth.keys", ""},
        {"", "admin: {key: k}\n", "admin.key", ""},
        {"", "drain: {seconds: 5}\nuser: nobody\n", "drain.seconds", "user"},
        {"", "http: {fields_max: 5, cors: {origins: [\"*\"]}}\ntrusted_proxies: [\"::1\"]\n",
         "http.fields_max trusted_proxies", "http.cors.origins"},
    };
    for (const Case& one : cases) {
        const ConfigChanges changes = compare(settings_of(one.before), settings_of(one.after));
        EXPECT_EQ(joined(changes.live), one.live) << one.after;
        EXPECT_EQ(joined(changes.restart), one.restart) << one.after;
    }
}

TEST(ConfigChanges, NameWhatAPartOfTheServerKeeps) {
    struct Case {
        std::string started, before, after, live, restart;
    };
    const std::string events = "events: {enabled: true}\n", io = "socketio: [{auth: optional}]\n";
    const auto auth = [](char letter) {
        return "auth: {keys: [{secret: " + std::string(32, letter) + "}]}\n";
    };
    const std::string origins = "origins: [\"https://a.example\"]\n";
    const auto routes = [](const char* kind, const char* more = "") {
        return std::string(
                   "gateway: {enabled: true, routes: [{path: /g, application: "
                   "\"http://127.0.0.1:1/\", kind: ") +
               kind + more + "}]}\n";
    };
    const char* const proxies = ", trusted_proxies: [\"::1\"]";
    const std::string own = ", origins: [\"https://b.example\"]";
    const Case cases[] = {
        {events, "", auth('a'), "auth.keys", ""},
        {events + io + auth('a'), auth('a'), auth('b'), "", "auth.keys[0].secret"},
        // What the parts have taken over differs from the start, and goes back to it.
        {events + io + auth('a'), auth('b'), auth('a'), "auth.keys[0].secret", ""},
        {events + io + auth('a'), auth('a'), auth('a') + origins, "", "origins"},
        {events, "", origins, "origins", ""},
        {"", "", auth('a'), "", "auth.keys"},
        {"", "", "events: {api_key: k}\n", "", "events.api_key"},
        {routes("websocket"), routes("websocket"), routes("websocket", own.c_str()),
         "gateway.routes[0].origins", ""},
        {routes("socketio"), routes("socketio"), routes("socketio", own.c_str()), "",
         "gateway.routes[0].origins"},
        {routes("socketio"), routes("socketio"), routes("socketio") + origins, "", "origins"},
        {routes("socketio"), routes("socketio"), routes("socketio", proxies),
         "gateway.routes[0].trusted_proxies", ""},
        {"admin: {enabled: false}\n", "admin: {enabled: false}\n",
         "admin: {enabled: false, key: k}\n", "", "admin.key"},
    };
    for (const Case& one : cases) {
        const auto with_parts = [&](const std::string& text) {
            const bool whole = one.before.find("enabled") != std::string::npos;
            std::string parts;
            if (!whole && one.started.starts_with(events)) parts += events;
            if (one.started.find(io) != std::string::npos) parts += io;
            return settings_of(parts + text);
        };
        const Settings started = settings_of(one.started), next = with_parts(one.after);
        ConfigChanges changes = compare(with_parts(one.before), next);
        name_kept(changes, started, compare(started, next));
        EXPECT_EQ(joined(changes.live), one.live) << one.started << one.after;
        EXPECT_EQ(joined(changes.restart), one.restart) << one.started << one.after;
    }
}

TEST(ConfigPrinted, TellsWhereEachValueComesFrom) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml",
                                 "workers: 3\n"
                                 "listen: [\"127.0.0.1:1\", {address: \":2\", tls: false}]\n"
                                 "http: {fields_max: 7}\n"
                                 "admin: {key: hidden}\n"
                                 "websocket:\n  - {path: /a, kind: chat}\n"));
    ASSERT_TRUE(config.read_environment({{"STARLING_HTTP__FIELDS_MAX", "8"}}));
    ASSERT_TRUE(config.set("--workers", "workers", {"4"}));
    ASSERT_TRUE(config.finish()) << config.error();
    const std::string text = config.printed();
    const auto line = [&](const std::string& key) {
        const size_t at = ("\n" + text).find("\n" + key + ": ");
        if (at == std::string::npos) return std::string("none");
        std::string found = text.substr(at, text.find('\n', at) - at);
        const size_t gap = found.find("  #");
        return found.substr(0, found.find_last_not_of(' ', gap) + 1) + found.substr(gap + 1);
    };
    EXPECT_EQ(line("workers"), "workers: 4 # --workers");
    EXPECT_EQ(line("listen[0].address"), "listen[0].address: \"127.0.0.1:1\" # s.yaml:2");
    EXPECT_EQ(line("listen[1].address"), "listen[1].address: \":2\" # s.yaml:2");
    EXPECT_EQ(line("listen[0].tls"), "listen[0].tls: auto # default");
    EXPECT_EQ(line("http.fields_max"),
              "http.fields_max: 8 # environment STARLING_HTTP__FIELDS_MAX");
    EXPECT_EQ(line("http.head_bytes_max"), "http.head_bytes_max: 16384 # default");
    EXPECT_EQ(line("admin.key"), "admin.key: \"***\" # s.yaml:4");
    EXPECT_EQ(line("websocket[0].kind"), "websocket[0].kind: chat # s.yaml:6");
    EXPECT_EQ(line("websocket[0].fragments_max"), "websocket[0].fragments_max: 1024 # default");
    EXPECT_EQ(text.find("hidden"), std::string::npos);
}

}  // namespace
}  // namespace starling::app
