#include "server/cluster/messages.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/fake/socketio.h"

namespace starling::server {
namespace {

TEST(ClusterMessages, EventsOfOtherNodesAreKeptUnlessTheNamespaceIsUnrecorded) {
    for (const bool unrecorded : {false, true}) {
        socketio::Settings settings;
        settings.recovery = sio::Recovery{};
        fake::Workers workers(2, settings);
        const auto setup = workers.adapter.declare("/admin");
        setup->unrecorded = unrecorded;
        fake::Namespace nsp(setup);
        fake::Client client(workers, 1, 4);
        client.says("0/admin,");
        (void)client.takes();

        cluster::Message message;
        message.kind = cluster::Kind::emit;
        message.nsp = "/admin";
        message.take_data(sio::Json{"news", 17});
        workers.on(0, [&] { deliver_event(message, workers.adapter); });
        workers.settle();

        const auto got = client.takes();
        ASSERT_EQ(got.size(), 1u);
        EXPECT_TRUE(got[0].starts_with(R"(42/admin,["news",17)")) << got[0];
        size_t kept = 0;
        workers.adapter.history()->with(
            [&](const socketio::History& history) { kept = history.since(0).size(); });
        EXPECT_EQ(kept, unrecorded ? 0u : 1u);
        EXPECT_EQ(workers.adapter.records("/admin"), !unrecorded);
        EXPECT_TRUE(workers.adapter.records("/other"));
    }
}

}  // namespace
}  // namespace starling::server
