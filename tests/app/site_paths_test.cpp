// Which elements of the configuration have the same path on the same site.
#include "app/config/site_paths.h"

#include <gtest/gtest.h>

#include <string>

#include "app/config/config.h"

namespace starling::app {
namespace {

TEST(SitePaths, AnElementIsTheSameByItsPathAndSite) {
    Settings settings;
    settings.sites.resize(2);
    settings.sites[0].hosts = {"one.example", "*.one.example"};
    settings.sites[1].hosts = {"two.example"};
    SitePaths paths(settings);
    EXPECT_EQ(paths.site_of("*.one.example"), 0u);
    EXPECT_EQ(paths.site_of("two.example"), 1u);
    EXPECT_EQ(paths.site_of("three.example"), no_site);
    EXPECT_EQ(paths.add("/ws", "", 0), std::nullopt);
    EXPECT_EQ(paths.add("/ws", "one.example", 1), std::nullopt);
    EXPECT_EQ(paths.add("/ws", "two.example", 2), std::nullopt);
    EXPECT_EQ(paths.add("/ws", "three.example", 3), std::nullopt);
    EXPECT_EQ(paths.add("/b", "one.example", 4), std::nullopt);
    EXPECT_EQ(paths.add("/ws", "", 5), 0u);
    EXPECT_EQ(paths.add("/ws", "*.one.example", 6), 1u);
    EXPECT_EQ(paths.add("/ws", "*.one.example", 7), 1u);  // The first one stays.
    EXPECT_EQ(paths.add("/ws", "four.example", 8), 3u);   // Neither host is of a site.
}

// Comparing each with each would take a minute.
TEST(SitePaths, ManySitesWithAPathEach) {
    constexpr size_t count = 4000;
    std::string sites = "sites:\n", websocket = "websocket:\n";
    for (size_t i = 0; i < count; ++i) {
        const std::string host = "h" + std::to_string(i) + ".example";
        sites += "  - hosts: [" + host + "]\n";
        websocket += "  - {path: /ws, kind: echo, site: " + host + "}\n";
    }
    Config config;
    EXPECT_TRUE(config.read_text("s.yaml", sites + websocket) && config.finish()) << config.error();
    EXPECT_EQ(config.settings().websocket.size(), count);

    Config twice;
    EXPECT_FALSE(twice.read_text("s.yaml", sites + websocket +
                                               "  - {path: /ws, kind: echo, site: h7.example}\n") &&
                 twice.finish());
    EXPECT_NE(twice.error().find("websocket[4000].path': is the same path as websocket[7].path"),
              std::string::npos)
        << twice.error();
}

}  // namespace
}  // namespace starling::app
