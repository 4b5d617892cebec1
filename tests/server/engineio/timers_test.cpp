// Engine.IO: the timer that the handler of a session sets.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

class EngineTimers : public EngineTest {};

TEST_F(EngineTimers, ATimerOfTheHandler) {
    start();
    Client client(t->port());
    const std::string sid = open(client);
    EXPECT_EQ(client.request(post_request(sid, "4timer")).body, "ok");
    EXPECT_EQ(client.request(get_request(sid)).body, "4timer");
}

// Both timers are due in the same tick, or the cancelled one is due before.
TEST_F(EngineTimers, ACancelledTimerOfTheHandler) {
    start();
    Client client(t->port());
    const std::string cancelled = open(client), kept = open(client);
    EXPECT_EQ(client
                  .request(post_request(cancelled,
                                        "4timer\x1e"
                                        "4no timer\x1e"
                                        "4over"))
                  .body,
              "ok");
    EXPECT_EQ(client.request(post_request(kept, "4timer")).body, "ok");
    EXPECT_EQ(client.request(get_request(kept)).body, "4timer");
    EXPECT_EQ(client.request(get_request(cancelled)).body, "4over");
}

}  // namespace
}  // namespace starling::server::test
