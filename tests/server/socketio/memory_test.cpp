// Memory of an idle Socket.IO client. Not under sanitizers, which have their own allocator.
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
#include <starling/socketio.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/fake/anonymous_bytes.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

// A bare descriptor: it uses no memory of the process.
class IdleClient {
public:
    explicit IdleClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        send(upgrade_request("/socket.io/?EIO=4&transport=websocket"));
        receive("pingTimeout");
        send(masked_frame(ws::Opcode::text, "40"));
        receive("40{");
        send(masked_frame(ws::Opcode::text, R"(421["echo","x"])"));
        receive(R"(431["x"])");
    }

private:
    void send(std::string_view bytes) {
        EXPECT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), 0), ssize_t(bytes.size()));
    }
    void receive(std::string_view awaited) {
        char buffer[1024];
        size_t received = 0;
        while (std::string_view(buffer, received).find(awaited) == std::string_view::npos) {
            const ssize_t got = ::recv(fd_.get(), buffer + received, sizeof buffer - received, 0);
            ASSERT_GT(got, 0);
            received += size_t(got);
        }
    }

    net::Descriptor fd_;
};

// bench/memory.py measures 15,000 clients. Here pages that are begun count for more. The clients share
// their listeners, because no handler captures more than 16 bytes.
TEST(SocketIoMemory, AnIdleClientCostsAtMost500Bytes) {
    TestServer t;
    int answers = 0;
    t.server.socketio().on_connection([&answers](sio::Socket socket) {
        socket.on("echo", [](std::string text) { return text; });
        socket.on("count", [&answers] { ++answers; });
        socket.on("add", [&answers](int by) { answers += by; });
    });
    t.start();
    constexpr size_t count = 4000, first = 100;
    std::vector<IdleClient> clients;
    clients.reserve(count);
    for (size_t i = 0; i < first; ++i) clients.emplace_back(t.port());  // Fills pools and pages.
    const size_t before = fake::anonymous_bytes();
    while (clients.size() < count) clients.emplace_back(t.port());
    const size_t each = (fake::anonymous_bytes() - before) / (count - first);
    RecordProperty("bytes", int(each));
    EXPECT_LE(each, 500u);
    EXPECT_GT(each, 300u) << "that is too good to be measured right";
    clients.clear();
    EXPECT_TRUE(t.all_gone());
}

}  // namespace
}  // namespace starling::server::test
#endif
