// The headers of net/ state duties of their callers, and assertions check them: each of these calls ends the process.
#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "base/text.h"
#include "net/acceptor.h"
#include "net/loop.h"
#include "net/timer_wheel.h"
#include "net/timers.h"
#include "tests/fake/sockets.h"
#include "tests/net/tls_fixture.h"

#if defined(STARLING_ASSERTIONS)
namespace starling::net {
namespace {

TEST(NetDeathTest, ATimerHasACall) {
    EXPECT_DEATH((void)Timers().add(0, 0, nullptr), "timers.cpp:.*call");
}

TEST(NetDeathTest, ATimeoutStaysWhereTheWheelPutIt) {
    EXPECT_DEATH(
        {
            TimerWheel wheel(0);
            TimerEntry entry;
            wheel.set(entry, 0, 1'000);
            ++entry.deadline_tick;
            wheel.advance(2'000, [](TimerEntry&) {});
        },
        "timer_wheel.h:.*deadline_tick");
}

TEST(NetDeathTest, AnAddressWithAPortHasNoPath) {
    EXPECT_DEATH((void)fake::address("127.0.0.1:80").path(), "address.cpp:.*is_unix");
}

TEST(NetDeathTest, OnlyTheFileOfAUnixSocketHasPermissions) {
    EXPECT_DEATH((void)listen_on(fake::address("127.0.0.1:0"), false, {.mode = 0600}),
                 "socket.cpp:.*is_unix");
    EXPECT_DEATH((void)listen_on(fake::address("unix:x"), false, {.mode = 01000}),
                 "socket.cpp:.*mode");
    EXPECT_DEATH((void)listen_on(fake::address("unix:x"), true), "socket.cpp:.*share_port");
}

TEST(NetDeathTest, OnlyAnOpenSocketIsReset) {
    EXPECT_DEATH(close_with_reset(Descriptor()), "socket.cpp:.*fd");
}

TEST(NetDeathTest, CiphertextIsReadBeforeMoreIsFed) {
    TlsSession session(shared_context());
    const std::string bytes = "abc";
    session.feed(base::bytes_of(bytes));
    EXPECT_DEATH(session.feed(base::bytes_of(bytes)), "tls.cpp:.*input_");
}

TEST(NetDeathTest, AnAcceptorBelongsToItsLoop) {
    EXPECT_DEATH(
        {
            Loop other;
            std::latch ticking(1);
            std::latch touched(1);
            other.post([&] {
                ticking.count_down();
                touched.wait();
                other.stop();
            });
            const std::jthread runs_other([&] { other.run(); });
            ticking.wait();
            {
                const Acceptor acceptor(other, fake::listen_at("127.0.0.1:0"), [](Descriptor) {});
            }
            touched.count_down();
        },
        "acceptor.cpp:.*touched_by_own_thread");
}

}  // namespace
}  // namespace starling::net
#endif
