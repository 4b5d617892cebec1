// Real connections that come and go: each is accepted, has one byte sent back, and is reset by its client or ended by
// the server. 20,000 by default; CONNECTIONS=100000 has been run for both backends under AddressSanitizer and
// ThreadSanitizer.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/acceptor.h"
#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

constexpr size_t batch = 100;

size_t wanted() {
    const char* const text = std::getenv("CONNECTIONS");
    return text ? std::strtoul(text, nullptr, 10) : 20'000;
}

// Sends back what it gets. With `ends` it then ends the connection.
class EchoOnce final : public StreamHandler {
public:
    EchoOnce(size_t& closed, bool ends) : closed_(closed), ends_(ends) {}
    void on_bytes(std::span<std::byte>& input) override {
        stream_->write(input);
        input = {};
        if (ends_) stream_->close(Stream::Close::flush);
    }
    void on_closed(CloseReason) override { ++closed_; }

private:
    size_t& closed_;
    bool ends_;
};

class ManyConnections : public ::testing::TestWithParam<fake::BackendKind> {};

TEST_P(ManyConnections, ComeAndGo) {
    fake::LateControl late;
    Loop loop(GetParam().make(late));
    size_t accepted = 0, closed = 0, answered = 0;
    Acceptor acceptor(loop, fake::listen_at("127.0.0.1:0"), [&](Descriptor fd) {
        // The server ends each third connection.
        loop.open(std::move(fd), std::make_unique<EchoOnce>(closed, ++accepted % 3 == 0));
    });
    const size_t all = wanted();
    for (size_t opened = 0; opened < all; opened += batch) {
        std::vector<Descriptor> clients;
        for (size_t i = 0; i < batch; ++i) clients.push_back(fake::connect_to(acceptor.fd()));
        // Some are reset before they are accepted.
        if (opened % (8 * batch) == 0) fake::reset(std::move(clients.back())), clients.pop_back();
        for (const Descriptor& client : clients) fake::send_text(client, "x");
        size_t got = 0;
        ASSERT_TRUE(fake::run_until(loop, [&] {
            for (const Descriptor& client : clients)
                got += fake::receive_text(client, 1) == "x" ? 1 : 0;
            return got == clients.size();
        })) << opened;
        answered += got;
        // A reset leaves no port behind that waits for a minute.
        for (Descriptor& client : clients) fake::reset(std::move(client));
        ASSERT_TRUE(fake::run_until(loop, [&] { return closed == accepted; })) << opened;
    }
    EXPECT_EQ(accepted, all);
    EXPECT_GE(answered, all - all / batch);
    EXPECT_EQ(loop.streams().size(), 0u);
}

std::vector<fake::BackendKind> real_kinds() {
    std::vector<fake::BackendKind> kinds = {{"epoll", &fake::make_epoll}};
    if (fake::has_uring()) kinds.push_back({"uring", &fake::make_uring});
    return kinds;
}

INSTANTIATE_TEST_SUITE_P(Backends, ManyConnections, ::testing::ValuesIn(real_kinds()),
                         fake::kind_name);

}  // namespace
}  // namespace starling::net
