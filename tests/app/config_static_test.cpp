// The keys of static files, and those of Socket.IO's cookie and first packet.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/config/config.h"
#include "app/socketio.h"

namespace starling::app {
namespace {

std::string fault_of(const std::string& text) {
    Config config;
    return config.read_text("s.yaml", text) && config.finish() ? "" : config.error();
}

TEST(StaticConfig, IsThatOfAllFoldersUnlessTheySayIt) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
root: /
static: {compression: false, cache_control: "public, max-age=60", index: home.html, gzip_bytes_min: 5,
         types: [".a: text/a"], cached_file_bytes_max: 6, cache_bytes_max: 7}
sites: [{hosts: [a], root: /, compression: true, index: ""}]
files: [{path: /f, root: /, cache_control: no-store, gzip_bytes_min: 8, types: [".b: text/b"]}]
)") && config.finish())
        << config.error();
    const Settings& s = config.settings();
    const auto& root = s.statics.options;
    EXPECT_FALSE(root.gzip);
    EXPECT_EQ(root.cache_control, "public, max-age=60");
    EXPECT_EQ(root.index, "home.html");
    EXPECT_EQ(root.gzip_bytes_min, 5u);
    const auto& site = s.sites.at(0).statics;
    EXPECT_TRUE(site.options.gzip);
    EXPECT_EQ(site.options.index, "");
    EXPECT_EQ(site.options.cache_control, "public, max-age=60");
    EXPECT_EQ(site.types, std::vector<std::string>{".a: text/a"});
    const auto& files = s.files.at(0).statics;
    EXPECT_FALSE(files.options.gzip);
    EXPECT_EQ(files.options.index, "home.html");
    EXPECT_EQ(files.options.cache_control, "no-store");
    EXPECT_EQ(files.options.gzip_bytes_min, 8u);
    EXPECT_EQ(files.options.cached_file_bytes_max, 6u);
    EXPECT_EQ(files.options.cache_bytes_max, 7u);
    EXPECT_EQ(files.types, (std::vector<std::string>{".b: text/b", ".a: text/a"}));
    EXPECT_TRUE(config.warnings().empty());
}

TEST(StaticConfig, SaysWhatIsWrong) {
    const std::string type = "': must be an extension and its type, like .wasm: application/wasm";
    const struct {
        std::string text, want;
    } cases[] = {
        {"static: {types: [wasm]}", "s.yaml:1: key 'static.types[0]" + type},
        {"static: {types: ['.a: ']}", "s.yaml:1: key 'static.types[0]" + type},
        {"files: [{path: /a, root: /, types: ['.: a/b']}]",
         "s.yaml:1: key 'files[0].types[0]" + type},
        {"static: {cache_control: ' a'}",
         "s.yaml:1: key 'static.cache_control': must be a value like public, max-age=3600, without "
         "blanks at its ends"},
        {"socketio: [{kind: broadcast, cookie_options: {path: '/;a'}}]",
         "s.yaml:1: key 'socketio[0].cookie_options.path': must be of ASCII, without a semicolon"},
        {"socketio: [{kind: broadcast, cookie: 'a b'}]",
         "s.yaml:1: key 'socketio[0].cookie': must be a token: letters, digits and "
         "!#$%&'*+-.^_`|~"},
        {"static: {index: ../a}",
         "s.yaml:1: key 'static.index': must be the name of a file, without a folder"},
        {"files: [{path: /a, root: /}, {path: /a/, root: /}]",
         "s.yaml:1: key 'files[1].path': is the same path as files[0].path"},
        {"root: /\nfiles: [{path: /, root: /}]",
         "s.yaml:2: key 'files[0].path': is the path of root"},
        {"sites: [{hosts: [a], root: /}]\nfiles: [{path: /, root: /, site: a}]",
         "s.yaml:2: key 'files[0].path': is the path of sites[0].root"},
        {"root: /\nsites: [{hosts: [a]}]\nfiles: [{path: /, root: /, site: a}]", ""},
    };
    for (const auto& [text, want] : cases) EXPECT_EQ(fault_of(text), want) << text;
}

TEST(SocketIoConfig, SetsTheCookieAndTheFirstPacket) {
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
socketio:
  - kind: broadcast
    cookie: io
    cookie_options: {path: /io, domain: a.example, max_age_s: 9, http_only: false, same_site: none,
                     secure: true}
    subprotocols: [a, b]
    initial_packet: hello
    cleanup_empty_child_namespaces: false
    compression: {enabled: true, level: 3, window_bits: 10, context_takeover: true}
  - {kind: broadcast, path: /b, cookie: io}
)") && config.finish())
        << config.error();
    EXPECT_TRUE(config.warnings().empty());
    const Settings& settings = config.settings();
    const sio::Options o = socketio_options(settings, settings.socketio.at(0));
    EXPECT_EQ(o.cookie->options.path, "/io");
    EXPECT_EQ(o.cookie->options.domain, "a.example");
    EXPECT_EQ(o.cookie->options.max_age_s, 9);
    EXPECT_FALSE(o.cookie->options.http_only);
    EXPECT_EQ(o.cookie->options.same_site, http::SameSite::none);
    EXPECT_TRUE(o.cookie->options.secure);
    EXPECT_EQ(o.subprotocols, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(o.initial_packet, "hello");
    EXPECT_FALSE(o.cleanup_empty_child_namespaces);
    EXPECT_EQ(o.per_message_deflate.level, 3);
    EXPECT_EQ(o.per_message_deflate.window_bits, 10);
    EXPECT_TRUE(o.per_message_deflate.context_takeover);
    const sio::Options other = socketio_options(settings, settings.socketio.at(1));
    EXPECT_EQ(other.cookie->options.max_age_s, std::nullopt);
    EXPECT_TRUE(other.cleanup_empty_child_namespaces);
}

}  // namespace
}  // namespace starling::app
