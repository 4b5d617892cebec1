// Subscriptions of clients over a limit, and clients that may not join a namespace: both are counted.
#include <gtest/gtest.h>
#include <starling/socketio_limits.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling::socketio {
namespace {

TEST(SocketIoJoins, ThoseOfAllNamespacesOfAClientCountTogether) {
    fake::Workers workers(2);
    std::string answers;
    for (const char* name : {"/", "/b"})
        workers.of(name).on("subscribe", [&](const sio::Socket& socket) {
            answers += sio::takes_join(socket) ? '+' : '-';
        });
    const auto client = fake::join(workers), other = fake::join(workers, 1);
    client->says("0/b,");
    client->transport.joins_left = 3;
    for (int i = 0; i < 2; ++i) {
        client->says("2[\"subscribe\"]");
        client->says("2/b,[\"subscribe\"]");
    }
    EXPECT_EQ(answers, "+++-");
    other->says("2[\"subscribe\"]");  // Has a limit of its own.
    EXPECT_EQ(answers, "+++-+");
}

TEST(SocketIoJoins, NeedTheThreadOfTheSocket) {
    fake::Workers workers(2);
    sio::Socket socket;
    workers.of("/").on_connection([&](const sio::Socket& connected) { socket = connected; });
    EXPECT_FALSE(sio::takes_join(socket));  // A handle without a socket.
    const auto client = fake::join(workers);
    workers.on(1, [&] { EXPECT_THROW((void)sio::takes_join(socket), std::logic_error); });
    workers.on(0, [&] { EXPECT_TRUE(sio::takes_join(socket)); });
    client->leaves();
    workers.on(0, [&] { EXPECT_FALSE(sio::takes_join(socket)); });
}

TEST(SocketIoJoins, ARefusedNamespaceIsToldWithItsReason) {
    using Refusal = Runtime::Refusal;
    Settings settings;
    settings.namespace_limits = {{.name = "/few", .connections_max = 1}};
    fake::Workers workers(1, settings);
    workers.of("/");
    workers.of("/few");
    workers.of("/guarded").use([](const sio::Socket&) { return sio::Error{.message = "no"}; });
    const auto first = fake::join(workers, 0, "/few"), client = fake::join(workers);
    for (const char* nsp : {"/nowhere", "/few", "/guarded"})
        client->says("0" + std::string(nsp) + ",");
    EXPECT_EQ(workers.runtimes[0]->refusals,
              (std::vector{Refusal::unknown, Refusal::too_many, Refusal::middleware}));
}

}  // namespace
}  // namespace starling::socketio
