// One context of the client's side of TLS, used by several threads.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/tls_client.h"
#include "tests/fake/authority.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

void carry(TlsSession& from, TlsSession& to) {
    const std::string wire = std::exchange(from.output(), {});
    to.feed(std::as_bytes(std::span(wire)));
    (void)to.shake_hands();
    auto status = TlsSession::Status::ok;
    std::byte buffer[4096];
    while (to.read(buffer, status) != 0) continue;
    to.feed({});
}

TEST(TlsClientThreads, ShareSessionsUnderALock) {
    const fake::TemporaryDirectory directory;
    const fake::Authority authority(directory);
    const auto server = load({authority.issue("server", {"DNS:a.example"})});
    const auto made =
        TlsClientContext::make({.ca_path = authority.path(), .alpn = {}, .sessions_max = 3});
    ASSERT_TRUE(made);
    const auto client = *made;
    std::atomic<int> established = 0, resumed = 0;
    const auto work = [&](uint16_t first_port) {
        for (uint16_t i = 0; i < 40; ++i) {
            TlsSession ours(client, "a.example", static_cast<uint16_t>(first_port + i % 4));
            TlsSession theirs(server);
            for (int round = 0; round < 3; ++round) {
                carry(ours, theirs);
                carry(theirs, ours);
            }
            established += ours.established();
            resumed += ours.resumed();
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(work, static_cast<uint16_t>(100 + i));
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(established, 120);
    EXPECT_GT(resumed, 0);
    EXPECT_LE(client->kept_sessions(), 3u);
}

}  // namespace
}  // namespace starling::net
