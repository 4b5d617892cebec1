// Subscriptions of clients over a limit.
#include <gtest/gtest.h>
#include <starling/socketio_limits.h>

#include <stdexcept>
#include <string>

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

}  // namespace
}  // namespace starling::socketio
