// The addresses of Unix-domain sockets, whose files are relative to the folder of the configuration.
#include <gtest/gtest.h>

#include <string>

#include "app/config/config.h"

namespace starling::app {
namespace {

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

}  // namespace
}  // namespace starling::app
