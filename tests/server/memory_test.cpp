// Memory of an idle WebSocket. Not under sanitizers, which have their own allocator.
#include <gtest/gtest.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STARLING_OWN_ALLOCATOR
#endif
#endif
#else
#define STARLING_OWN_ALLOCATOR
#endif

#ifndef STARLING_OWN_ALLOCATOR
#include <memory>
#include <string>
#include <vector>

#include "tests/fake/anonymous_bytes.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

// bench/memory.py measures 15,000 connections: 180 bytes at most. Here pages that are begun count for more.
TEST(WsMemory, AnIdleConnectionCostsAtMost200Bytes) {
    TestServer t;
    t.server.websocket(
        "/", {
                 .message = [](ws::Socket socket, ws::Message message) { socket.send(message); },
             });
    t.start();
    constexpr size_t count = 4000;
    // Bare descriptors: the clients use no memory of the process.
    std::vector<net::Descriptor> clients;
    clients.reserve(count);
    const std::string request = upgrade_request("/") + masked_frame(ws::Opcode::text, "hello");
    const auto connect = [&] {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(t.port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        net::Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::send(fd.get(), request.data(), request.size(), 0), ssize_t(request.size()));
        char buffer[512];
        size_t received = 0;
        while (received < 7 || buffer[received - 1] != 'o')
            received += size_t(std::max<ssize_t>(
                ::recv(fd.get(), buffer + received, sizeof buffer - received, 0), 0));
        clients.push_back(std::move(fd));
    };
    for (size_t i = 0; i < 100; ++i) connect();  // Fills pools, tables and pages first.
    EXPECT_TRUE(eventually([&] { return t.stats().messages_sent == 100; }));
    const size_t before = fake::anonymous_bytes();
    while (clients.size() < count) connect();
    EXPECT_TRUE(eventually([&] { return t.stats().messages_sent == count; }));
    const size_t each = (fake::anonymous_bytes() - before) / (count - 100);
    RecordProperty("bytes", int(each));
    EXPECT_LE(each, 200u);
    EXPECT_GT(each, 100u) << "that is too good to be measured right";
    clients.clear();
    EXPECT_TRUE(t.all_gone());
}

}  // namespace
}  // namespace starling::server::test
#endif
