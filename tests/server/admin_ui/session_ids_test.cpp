#include "server/admin_ui/session_ids.h"

#include <gtest/gtest.h>

namespace starling::server {
namespace {

TEST(AdminUiSessionIds, AreValidForADay) {
    const SessionIds ids("admin", "hash");
    const std::string id = ids.make(17, 1000);
    EXPECT_EQ(id.size(), 64u);
    EXPECT_TRUE(ids.is_valid(id, 1000));
    EXPECT_TRUE(ids.is_valid(id, 1000 + SessionIds::lifetime_s - 1));
    EXPECT_FALSE(ids.is_valid(id, 1000 + SessionIds::lifetime_s));
    EXPECT_NE(id, ids.make(18, 1000));
}

TEST(AdminUiSessionIds, BelongToNameAndPassword) {
    const std::string id = SessionIds("admin", "hash").make(17, 1000);
    EXPECT_TRUE(SessionIds("admin", "hash").is_valid(id, 1000));  // Of another node, or later.
    EXPECT_FALSE(SessionIds("admin", "another hash").is_valid(id, 1000));
    EXPECT_FALSE(SessionIds("eve", "hash").is_valid(id, 1000));
}

TEST(AdminUiSessionIds, EveryDigitCounts) {
    const SessionIds ids("admin", "hash");
    const std::string id = ids.make(17, 1000);
    for (size_t i = 0; i < id.size(); ++i) {
        std::string changed = id;
        changed[i] = changed[i] == '0' ? '1' : '0';
        EXPECT_FALSE(ids.is_valid(changed, 1000)) << i;
        EXPECT_FALSE(ids.is_valid(id.substr(0, i), 1000)) << i;
    }
    EXPECT_FALSE(ids.is_valid(id + "0", 1000));
}

}  // namespace
}  // namespace starling::server
