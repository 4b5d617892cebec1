// The limits of namespaces: what they count, and which namespaces have none.
#include "socketio/quota.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fake/socketio.h"

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

// A client that leaves a namespace and joins it again, or another of the same limit, brings no full
// bucket: else it could say as much as it likes.
TEST(SocketIoQuota, TheMessagesOfAClientAreCountedOverAllNamespacesOfTheLimit) {
    Settings settings;
    settings.namespace_limits = {{.name = "/x*", .messages = {.per_second = 1, .burst = 3}}};
    fake::Workers workers(1, settings);
    workers.of("/y");
    workers.of_matching([](std::string_view, const Json&) { return true; });
    const Quota& quota = *workers.adapter.quotas().front();
    const auto ended = [](const fake::Client& client) { return client.transport.ended; };

    const auto again = fake::join(workers, 0, "/x");
    for (int i = 0; i < 3; ++i) {
        again->says("2/x,[\"e\"]");
        again->says("1/x,");
        again->says("0/x,");
    }
    EXPECT_EQ(ended(*again), "");
    again->says("2/x,[\"e\"]");
    EXPECT_EQ(ended(*again), "forced server close");
    EXPECT_EQ(quota.refused_messages, 1u);

    const auto many = fake::join(workers, 0, "/y");
    for (const char* nsp : {"/x1", "/x2", "/x3", "/x4"}) many->says("0" + std::string(nsp) + ",");
    for (int i = 0; i < 10; ++i) many->says("2/y,[\"e\"]");  // Has no limit.
    for (const char* nsp : {"/x1", "/x2", "/x3"}) many->says("2" + std::string(nsp) + ",[\"e\"]");
    EXPECT_EQ(ended(*many), "");
    workers.pass(1000);
    many->says("2/x4,[\"e\"]");
    EXPECT_EQ(ended(*many), "");
    many->says("2/x1,[\"e\"]");
    EXPECT_EQ(ended(*many), "forced server close");
    EXPECT_EQ(quota.refused_messages, 2u);
    EXPECT_EQ(quota.clients, 0u);
}

// The Admin UI checks its pages itself: clients must not be able to take their places.
TEST(SocketIoQuota, ANamespaceOfTheServerItselfHasNoRulesOfTheClients) {
    Settings settings;
    settings.namespaces = {"/"};
    settings.namespace_limits = {{.name = "*", .connections_max = 1}};
    bool allowed = true;
    settings.login = [&](const Json&, const ConnectInfo&, int64_t) {
        Login login;
        login.allowed = allowed;
        return login;
    };
    fake::Workers workers(1, settings);
    workers.of("/");
    workers.of("/admin");
    workers.of("/other");
    workers.adapter.find_static("/admin")->own = true;
    const auto client = fake::join(workers);
    allowed = false;
    fake::Client page(workers, 0, 4), second(workers, 0, 4);
    for (fake::Client* const each : {&page, &second}) {
        each->says("0/admin,");
        EXPECT_EQ(each->takes(),
                  std::vector<std::string>{"40/admin,{\"sid\":\"" + each->member("sid") + "\"}"});
    }
    page.says("0");
    EXPECT_EQ(page.member("message"), "unauthorized");
    allowed = true;
    page.says("0");
    EXPECT_EQ(page.member("message"), "too many connections");
    page.says("0/other,");
    EXPECT_EQ(page.member("message"), "Invalid namespace");
    EXPECT_EQ(workers.adapter.quotas().front()->clients, 1u);
}

}  // namespace
}  // namespace starling::socketio
