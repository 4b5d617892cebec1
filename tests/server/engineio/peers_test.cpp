// Engine.IO with clients of other vendors, with a successor, and the log lines for faulty peers.
#include <gtest/gtest.h>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

class EnginePeers : public EngineTest {};

// The Java client's base64 ends with a line break.
TEST_F(EnginePeers, Base64AsJavaWritesIt) {
    start();
    Client client(t->port());
    const std::string sid = open(client);
    EXPECT_EQ(client
                  .request(post_request(sid,
                                        "4silence\x1e"
                                        "bAQID\n"))
                  .body,
              "ok");
    EXPECT_EQ(client.request(get_request(sid)).body, "bAQID");
}

TEST_F(EnginePeers, WithoutATrailingSlash) {
    start({.add_trailing_slash = false});
    Client client(t->port());
    EXPECT_EQ(client.get("/socket.io?EIO=4&transport=polling").status, 200);
    EXPECT_EQ(client.get("/socket.io/?EIO=4&transport=polling").status, 200);
    WsClient socket(t->port(), "/socket.io?EIO=4&transport=websocket");
    EXPECT_EQ(socket.handshake().status, 101);
}

TEST_F(EnginePeers, ATrailingSlashIsAskedFor) {
    start();
    Client client(t->port());
    EXPECT_EQ(client.get("/socket.io?EIO=4&transport=polling").status, 404);
}

// At most one warning per second, with the number of faults since the previous one.
TEST_F(EnginePeers, FaultsAreLogged) {
    start();
    Client client(t->port());
    const std::string sid = open(client);
    EXPECT_EQ(client.request(post_request(sid, "9x")).status, 400);
    EXPECT_TRUE(t->log->lines.wait_for(
        "Engine.IO: a client broke the protocol unknown packet type 127.0.0.1 1"));
    uint64_t refused = 0;
    EXPECT_TRUE(eventually([&] {
        ++refused;
        (void)client.get("/socket.io/?EIO=4&transport=polling", "Origin: http://a\r\n");
        return t->log->lines.count("Engine.IO refused a request Forbidden 127.0.0.1 " +
                                   std::to_string(refused)) == 1;
    }));
}

// The next request of a client may reach the successor, which does not know the session.
TEST_F(EnginePeers, ASuccessorEndsTheSessions) {
    start();
    Client waits(t->port()), comes_back(t->port());
    const std::string first = open(waits), second = open(comes_back);
    waits.send(get_request(first));
    t->on(0, [](Worker& worker) { worker.leave_listeners(); });
    EXPECT_EQ(waits.answer().body, "1");
    EXPECT_EQ(comes_back.request(get_request(second)).body, "1");
    EXPECT_TRUE(eventually([&] { return engine->sessions() == 0; }));
}

}  // namespace
}  // namespace starling::server::test
