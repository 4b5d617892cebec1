// What the process cannot read once it has given up its rights.
#include "app/serve/privileges.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace starling::app {
namespace {

TEST(Privileges, NameEachFileThatAReloadReads) {
    Settings settings;
    settings.server.certificates = {{"/none/all.pem", "/none/all.key"}};
    settings.sites.resize(2);  // The first one has no certificate of its own.
    settings.sites[1].cert = "/none/site.pem";
    settings.sites[1].key = "/none/site.key";
    settings.auth_keys.resize(2);
    settings.auth_keys[0].secret = "s";
    settings.auth_keys[1].path = "/none/auth";
    settings.admin_key_path = "/none/admin";
    settings.gateway.routes.emplace_back().ca_path = "/none/ca";
    std::vector<std::string> want = {"/none/conf",     "/none/all.pem",  "/none/all.key",
                                     "/none/site.pem", "/none/site.key", "/none/auth",
                                     "/none/admin"};
    EXPECT_EQ(unreadable_later(settings, "/none/conf"), want);
    settings.gateway_enabled = true;
    want.insert(want.begin() + 5, "/none/ca");
    EXPECT_EQ(unreadable_later(settings, "/none/conf"), want);
}

uid_t owner_of(const std::string& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_uid : static_cast<uid_t>(-1);
}

TEST(Privileges, LogFilesThatThisStartMakesAreTheUsersAndNoOthers) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
    const std::string folder = testing::TempDir() + "privileges_" + std::to_string(::getpid());
    std::filesystem::create_directory(folder);
    const Identity nobody{65534, 65534};
    Settings settings;
    settings.log.path = folder + "/log";
    make_logs(settings, nobody);
    EXPECT_FALSE(std::filesystem::exists(settings.log.path)) << "no user is named";
    settings.user = "nobody";
    make_logs(settings, nobody);
    EXPECT_EQ(owner_of(settings.log.path), nobody.user);

    std::ofstream(folder + "/there") << "x";
    std::filesystem::create_symlink(folder + "/there", folder + "/link");
    std::filesystem::create_symlink(folder + "/nowhere", folder + "/dangling");
    for (const char* name : {"/there", "/link", "/dangling", "/none/log"}) {
        settings.access_log_path = folder + name;
        make_logs(settings, nobody);
    }
    EXPECT_EQ(owner_of(folder + "/there"), 0U);
    EXPECT_FALSE(std::filesystem::exists(folder + "/nowhere"));
    EXPECT_EQ(owner_of(folder), 0U);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace starling::app
