// What the process cannot read once it has given up its rights.
#include "app/serve/privileges.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace starling::app
