// The addresses of all listeners, compared with each other; the files of Unix-domain sockets; users
// and groups.
#include <gtest/gtest.h>

#include <string>

#include "app/config/config.h"

namespace starling::app {
namespace {

struct Case {
    std::string text, line;  // "": the configuration is valid.
};

std::string fault_of(const std::string& text) {
    Config config;
    return config.read_text("s.yaml", text) && config.finish() ? "" : config.error();
}

const std::string admin_key = ", key: 0123456789abcdef}";

TEST(ConfigAddresses, AreComparedWithEachOther) {
    const Case cases[] = {
        {"listen: [\":80\", \"*:080\"]",
         "s.yaml:1: key 'listen[1]': is the same address as listen[0]"},
        {"listen: [\"127.0.0.1:80\", \"localhost:80\"]",
         "s.yaml:1: key 'listen[1]': is the same address as listen[0]"},
        {"listen: [\"[::1]:80\", \"[0:0:0:0:0:0:0:1]:80\"]",
         "s.yaml:1: key 'listen[1]': is the same address as listen[0]"},
        {"listen: [\"unix:/run/a\", \"unix:/run/x/../a\"]",
         "s.yaml:1: key 'listen[1]': is the same address as listen[0]"},
        {"listen: [\"127.0.0.1:80\", \":80\"]",
         "s.yaml:1: key 'listen[1]': overlaps listen[0]: one of the two takes every address of the "
         "port"},
        {"listen: [\"[::]:80\", \"[::1]:80\"]",
         "s.yaml:1: key 'listen[1]': overlaps listen[0]: one of the two takes every address of the "
         "port"},
        {"listen: [\":80\"]\nredirect: {listen: [\":81\", \":80\"]}",
         "s.yaml:2: key 'redirect.listen[1]': is the same address as listen[0]"},
        {"redirect: {listen: [\":80\", \"127.0.0.1:80\"]}",
         "s.yaml:1: key 'redirect.listen[1]': overlaps redirect.listen[0]: one of the two takes "
         "every address of the port"},
        {"listen: [\"127.0.0.1:80\"]\nadmin: {listen: \"127.0.0.1:80\"" + admin_key,
         "s.yaml:2: key 'admin.listen': is the same address as listen[0]"},
        {"listen: [\":80\"]\ngateway: {enabled: true, control: {listen: \":80\"}}",
         "s.yaml:2: key 'gateway.control.listen': is the same address as listen[0]"},
        {"gateway: {enabled: true, control: {listen: \":80\"}}\nadmin: {listen: \":80\"" +
             admin_key,
         "s.yaml:2: key 'admin.listen': is the same address as gateway.control.listen"},
        // Different addresses.
        {"listen: [\":80\", \"[::]:80\", \":81\"]", ""},
        {"listen: [\"127.0.0.1:80\", \"127.0.0.2:80\", \"unix:/run/a\", \"unix:/run/b\"]", ""},
        {"listen: [\":0\", \":0\", \"127.0.0.1:00\"]", ""},  // Free ports.
        // What is off, or may be missing, takes no address.
        {"listen: [\"127.0.0.1:8081\"]", ""},
        {"listen: [\":80\"]\nadmin: {enabled: false, listen: \":80\"}", ""},
        {"listen: [\":80\"]\ngateway: {control: {listen: \":80\"}}", ""},
    };
    for (const Case& one : cases) EXPECT_EQ(fault_of(one.text), one.line) << one.text;
}

TEST(ConfigAddresses, OfSocketFilesAreRelativeToTheFile) {
    Config config;
    ASSERT_TRUE(config.read_text("conf/s.yaml", R"(
listen: ["unix:a.sock", {address: "unix:run/b.sock"}, "unix:/c.sock", ":80"]
redirect: {listen: ["unix:r.sock"]}
admin: {listen: "unix:admin.sock"}
gateway: {enabled: true, control: {listen: "unix:control.sock"}}
)") && config.finish())
        << config.error();
    const Settings& settings = config.settings();
    EXPECT_EQ(settings.server.listen.at(0).address, "unix:conf/a.sock");
    EXPECT_EQ(settings.server.listen.at(1).address, "unix:conf/run/b.sock");
    EXPECT_EQ(settings.server.listen.at(2).address, "unix:/c.sock");
    EXPECT_EQ(settings.server.listen.at(3).address, ":80");
    EXPECT_EQ(settings.redirect.listen.at(0), "unix:conf/r.sock");
    EXPECT_EQ(settings.admin_listen, "unix:conf/admin.sock");
    EXPECT_EQ(settings.control_listen, "unix:conf/control.sock");
}

TEST(ConfigAddresses, OfSocketFilesOnTheCommandLineAreRelativeToTheCurrentFolder) {
    Config config;
    ASSERT_TRUE(config.read_text("conf/s.yaml", "workers: 1"));
    ASSERT_TRUE(config.set("--listen", "listen", {"unix:a.sock"}));
    EXPECT_EQ(config.settings().server.listen.at(0).address, "unix:a.sock");
}

TEST(ConfigAddresses, WithTheirFolderMustFit) {
    const std::string folder = "/" + std::string(100, 'f') + "/";
    Config config;
    EXPECT_FALSE(config.read_text(folder + "s.yaml", "listen: [\"unix:socket\"]"));
    EXPECT_EQ(config.error(), folder +
                                  "s.yaml:1: key 'listen[0]': must be a path of 1 to 107 bytes "
                                  "behind 'unix:'");
}

TEST(ConfigOwners, MustExist) {
    const Case cases[] = {
        {"user: nobodyhere", "s.yaml:1: key 'user': there is no user 'nobodyhere'"},
        {"group: nobodyhere", "s.yaml:1: key 'group': there is no group 'nobodyhere'"},
        {"listen: [{address: \"unix:/a\", owner: nobodyhere}]",
         "s.yaml:1: key 'listen[0].owner': there is no user 'nobodyhere'"},
        {"listen: [\":80\", {address: \"unix:/a\", group: nobodyhere}]",
         "s.yaml:1: key 'listen[1].group': there is no group 'nobodyhere'"},
        {"user: root\ngroup: root\nlisten: [{address: \"unix:/a\", owner: root, group: \"0\"}]",
         ""},
    };
    for (const Case& one : cases) EXPECT_EQ(fault_of(one.text), one.line) << one.text;
}

}  // namespace
}  // namespace starling::app
