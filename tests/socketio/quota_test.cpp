// The count of the clients of namespaces that have limits.
#include "socketio/quota.h"

#include <gtest/gtest.h>

namespace starling::socketio {
namespace {

TEST(SocketIoQuota, CountsTheClientsOfItsNamespaces) {
    Quota quota({.name = "/few", .connections_max = 2});
    EXPECT_TRUE(quota.enter());
    EXPECT_TRUE(quota.enter());
    EXPECT_FALSE(quota.enter());
    EXPECT_FALSE(quota.enter());
    EXPECT_EQ(quota.clients, 2u);
    EXPECT_EQ(quota.refused_connections, 2u);
    quota.leave();
    EXPECT_TRUE(quota.enter());
    EXPECT_FALSE(quota.enter());
    EXPECT_EQ(quota.clients, 2u);
}

TEST(SocketIoQuota, CountsWithoutALimitToo) {
    Quota quota({.name = "/"});
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(quota.enter());
    EXPECT_EQ(quota.clients, 1000u);
    EXPECT_EQ(quota.refused_connections, 0u);
}

TEST(SocketIoQuota, APlaceThatIsNotKeptIsGivenBack) {
    Quota quota({.name = "/", .connections_max = 1});
    ASSERT_TRUE(quota.enter());
    { const QuotaPlace place(&quota); }
    EXPECT_EQ(quota.clients, 0u);
    ASSERT_TRUE(quota.enter());
    {
        QuotaPlace place(&quota);
        place.keep();
    }
    EXPECT_EQ(quota.clients, 1u);
    const QuotaPlace nowhere(nullptr);  // A namespace without limits.
}

}  // namespace
}  // namespace starling::socketio
