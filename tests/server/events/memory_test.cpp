// Memory of an idle listener. Not under sanitizers, which have their own allocator.
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
#include <string>
#include <vector>

#include "tests/fake/anonymous_bytes.h"
#include "tests/server/events/fixture.h"

namespace starling::server::test {
namespace {

// Opens `count` clients that ask for `target`. Returns the bytes that each of them costs.
size_t bytes_each(const std::string& target, bool upgrade) {
    EventServer t;
    t.start();
    constexpr size_t count = 4000;
    std::vector<net::Descriptor> clients;
    clients.reserve(count);
    const std::string request =
        upgrade ? upgrade_request(target) : "GET " + target + " HTTP/1.1\r\nHost: here\r\n\r\n";
    const auto connect = [&] {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(t.port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        net::Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::send(fd.get(), request.data(), request.size(), 0), ssize_t(request.size()));
        char buffer[1024];
        std::string_view head;
        while (!head.ends_with("\r\n\r\n")) {
            const ssize_t size =
                ::recv(fd.get(), buffer + head.size(), sizeof buffer - head.size(), 0);
            ASSERT_GT(size, 0);
            head = {buffer, head.size() + size_t(size)};
        }
        clients.push_back(std::move(fd));
    };
    const auto settled = [&](size_t wanted) {
        return t.publish_one("ArticleMessage1", "x").find("limited") != std::string::npos &&
               t.stats().connections_open <= wanted + 1;
    };
    for (size_t i = 0; i < 100; ++i) connect();
    EXPECT_TRUE(eventually([&] { return settled(100); }));
    const size_t before = fake::anonymous_bytes();
    while (clients.size() < count && !testing::Test::HasFatalFailure()) connect();
    EXPECT_TRUE(eventually([&] { return settled(count); }));
    return (fake::anonymous_bytes() - before) / (count - 100);
}

TEST(EventsMemory, AnIdleListenerCostsAtMost400Bytes) {
    const size_t each = bytes_each("/ws/ServerEvent?Ref=ArticleMessage7", true);
    RecordProperty("bytes", int(each));
    EXPECT_LE(each, 400u);
    EXPECT_GT(each, 100u) << "that is too good to be measured right";
}

// bench/memory.py measures 15,000 listeners: 200 bytes at most.
TEST(EventsMemory, AnIdleEventStreamCostsAtMost230Bytes) {
    const size_t each = bytes_each("/sse/ServerEvent?Ref=ArticleMessage7", false);
    RecordProperty("bytes", int(each));
    EXPECT_LE(each, 230u);
    EXPECT_GT(each, 50u) << "that is too good to be measured right";
}

}  // namespace
}  // namespace starling::server::test
#endif
