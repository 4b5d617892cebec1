// The io_uring backend in bad weather: what its contract (backend_contract_test.cpp) does not reach. Skipped where
// the kernel or a sandbox refuses io_uring.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/shared_bytes.h"
#include "base/text.h"
#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/refused_calls.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

using fake::run_ticks;
using fake::run_until;

// Sends back what it gets.
class Echo final : public StreamHandler {
public:
    explicit Echo(int& closed) : closed_(closed) {}
    void on_bytes(std::span<std::byte>& input) override {
        received += input.size();
        if (pauses) stream_->pause_receiving();
        stream_->write(input);
        input = {};
    }
    void on_closed(CloseReason) override { ++closed_; }
    [[nodiscard]] Stream& stream() noexcept { return *stream_; }

    size_t received = 0;
    bool pauses = false;

private:
    int& closed_;
};

class Sink final : public StreamHandler {
public:
    void on_bytes(std::span<std::byte>& input) override {
        received += input.size();
        input = {};
    }
    void on_closed(CloseReason) override {}

    size_t received = 0;
};

struct Client {
    Descriptor fd;
    Echo* echo;
    std::string got;
};

class Uring : public ::testing::Test {
protected:
    void SetUp() override {
        if (!fake::has_uring()) GTEST_SKIP() << "no io_uring here";
    }
    void make_loop(const UringSizes& sizes = {}) {
        loop_ = std::make_unique<Loop>(make_uring_backend(sizes));
    }
    Client connect(bool tcp = false) {
        auto pair = tcp ? fake::tcp_pair() : fake::unix_pair();
        auto handler = std::make_unique<Echo>(closed_);
        Echo* const echo = handler.get();
        loop_->open(std::move(pair.ours), std::move(handler));
        return {std::move(pair.peer), echo, {}};
    }
    [[nodiscard]] bool all_get(std::vector<Client>& clients, const std::string& text) {
        for (Client& client : clients) client.got.clear();
        return run_until(*loop_, [&] {
            bool all = true;
            for (Client& client : clients) {
                client.got += fake::receive_text(client.fd);
                all = all && client.got == text;
            }
            return all;
        });
    }
    // Fills the kernel's buffer, so that a send is pending.
    Client connect_full(size_t bytes) {
        Client client = connect();
        Stream& stream = client.echo->stream();
        const int small = 4096;
        ::setsockopt(stream.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        const std::string text(bytes, 'x');
        stream.write(base::bytes_of(text));
        run_ticks(*loop_, 3);
        return client;
    }

    // In two parts, so that the operation needs a message. Each part is too large to be copied behind the other.
    static void write_parts(Client& client, const std::string& part) {
        for (int i = 0; i < 2; ++i)
            client.echo->stream().write(base::SharedBytes::copy(base::bytes_of(part)));
    }

    int closed_ = 0;
    std::unique_ptr<Loop> loop_;
};

TEST_F(Uring, BuffersThatRunDryDelayBytesAndLoseNone) {
    make_loop({.buffers = 2});
    std::vector<Client> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(connect());
    for (int round = 0; round < 5; ++round) {
        for (Client& client : clients) fake::send_text(client.fd, "hello");
        EXPECT_TRUE(all_get(clients, "hello"));
    }
}

// More bytes at once than all buffers hold.
TEST_F(Uring, AFloodOfOneConnectionLeavesRoomForOthers) {
    make_loop({.buffers = 2});
    std::vector<Client> clients;
    clients.push_back(connect(true));
    clients.push_back(connect());
    Client& flood = clients[0];
    const std::string chunk(256 * 1024, 'f');
    size_t sent = 0, returned = 0;
    for (int round = 0; round < 20; ++round) {
        sent += fake::send_text(flood.fd, chunk);
        fake::send_text(clients[1].fd, "quiet");
        clients[1].got.clear();
        EXPECT_TRUE(run_until(*loop_, [&] {
            returned += fake::receive_text(flood.fd).size();
            clients[1].got += fake::receive_text(clients[1].fd);
            return clients[1].got == "quiet";
        }));
    }
    EXPECT_TRUE(run_until(*loop_, [&] {
        returned += fake::receive_text(flood.fd).size();
        return returned == sent;
    }));
}

// A stream that fills eight buffers in a row gets one in each tick, until it leaves room in one.
TEST_F(Uring, AGreedyStreamGetsOneBufferInEachTick) {
    make_loop();
    constexpr size_t buffer_bytes = 32 * 1024;
    auto pair = fake::unix_pair();
    const int large = 1024 * 1024;
    ::setsockopt(pair.peer.get(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    auto handler = std::make_unique<Sink>();
    Sink& sink = *handler;
    loop_->open(std::move(pair.ours), std::move(handler));
    const std::string chunk(64 * 1024, 'f');
    size_t sent = 0;
    const auto fill = [&] {
        for (size_t more = 1; more > 0; sent += more) more = fake::send_text(pair.peer, chunk);
    };
    const auto bytes_of_tick = [&] {
        fill();
        const size_t before = sink.received;
        run_ticks(*loop_, 1);
        return sink.received - before;
    };
    fill();
    EXPECT_GE(sent, 9 * buffer_bytes);
    for (int round = 0; round < 3; ++round) {
        size_t most = 0;
        for (int tick = 0; tick < 4; ++tick) most = std::max(most, bytes_of_tick());
        EXPECT_GE(most, 8 * buffer_bytes);
        for (int tick = 0; tick < 8; ++tick) EXPECT_EQ(bytes_of_tick(), buffer_bytes);
        EXPECT_TRUE(run_until(*loop_, [&] { return sink.received == sent; }));
        sent += fake::send_text(pair.peer, "short");
        EXPECT_TRUE(run_until(*loop_, [&] { return sink.received == sent; }));
    }
}

TEST_F(Uring, QueuesThatAreTooSmallDelayOperationsAndLoseNone) {
    make_loop({.submissions = 4, .completions = 8, .buffers = 64});
    std::vector<Client> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(connect());
    for (int round = 0; round < 3; ++round) {
        for (Client& client : clients) fake::send_text(client.fd, "overflow");
        EXPECT_TRUE(all_get(clients, "overflow"));
    }
    clients.clear();
    EXPECT_TRUE(run_until(*loop_, [&] { return closed_ == 200; }));
}

// The kernel takes no single operation here, but takes two at once.
TEST_F(Uring, ARefusedSubmissionKeepsItsMessage) {
    std::thread([this] {
        if (!fake::refuse_call(__NR_io_uring_enter, EAGAIN, 1)) return;
        make_loop();
        Client first = connect(), second = connect();
        run_ticks(*loop_, 1);
        write_parts(first, std::string(2000, 'a'));
        run_ticks(*loop_, 1);  // Prepares the operation.
        write_parts(second, std::string(2000, 'b'));
        run_ticks(*loop_, 1);  // The kernel refuses it. The next tick submits both.
        EXPECT_EQ(fake::receive_text(first.fd), "");
        EXPECT_TRUE(run_until(*loop_, [&] {
            first.got += fake::receive_text(first.fd);
            second.got += fake::receive_text(second.fd);
            return first.got.size() + second.got.size() >= 8000;
        }));
        EXPECT_EQ(first.got, std::string(4000, 'a'));
        EXPECT_EQ(second.got, std::string(4000, 'b'));
        loop_.reset();
    }).join();
}

TEST_F(Uring, AClosedStreamEndsItsConnectionInTheNextTick) {
    make_loop();
    Client client = connect(true);
    run_ticks(*loop_, 2);
    client.echo->stream().close(Stream::Close::reset);
    run_ticks(*loop_, 2);
    EXPECT_EQ(closed_, 1);
    EXPECT_TRUE(fake::wait_for(client.fd.get(), POLLIN));
    EXPECT_EQ(fake::receive_text(client.fd), "<reset>");
}

// Each case stops one tick later, with other operations under way.
TEST_F(Uring, AStreamThatIsResetAtAnyPointEndsOnce) {
    make_loop();
    for (int point = 0; point < 10; ++point) {
        for (const bool full : {false, true}) {
            const int closed = closed_;
            Client client = full ? connect_full(100'000) : connect(point % 2 == 1);
            fake::send_text(client.fd, "abc");
            client.echo->pauses = point % 3 == 2;
            run_ticks(*loop_, point / 2);
            if (point >= 6) ::shutdown(client.fd.get(), SHUT_WR);
            run_ticks(*loop_, point / 3);
            if (closed_ == closed) client.echo->stream().close(Stream::Close::reset);
            run_ticks(*loop_, 3);
            EXPECT_EQ(closed_, closed + 1) << point;
            EXPECT_EQ(loop_->streams().size(), 0u);
        }
    }
}

// The next stream has the slot of the last one, whose operations may still be cancelled.
TEST_F(Uring, AStreamInAUsedSlotGetsNothingOfItsPredecessor) {
    make_loop();
    for (int i = 0; i < 100; ++i) {
        Client first = connect();
        fake::send_text(first.fd, "old");
        run_ticks(*loop_, i % 3);
        first.echo->stream().close(Stream::Close::reset);
        run_ticks(*loop_, 1);
        std::vector<Client> next;
        next.push_back(connect());
        fake::send_text(next[0].fd, "new");
        EXPECT_TRUE(all_get(next, "new"));
        EXPECT_EQ(next[0].echo->received, 3u);
    }
}

TEST_F(Uring, ALoopEndsWithOperationsUnderWay) {
    make_loop();
    std::vector<Client> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(connect_full(1'000'000));
    for (int i = 0; i < 10; ++i) clients.push_back(connect());
    run_ticks(*loop_, 2);
    loop_.reset();
    EXPECT_EQ(closed_, 20);
}

// Between two ticks the loop may go to another thread, with or without leave().
TEST_F(Uring, AnotherThreadGoesOnWithTheLoop) {
    make_loop();
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(connect());
    constexpr size_t size = 300'000;
    Client full = connect_full(size);
    const auto work = [&](bool leaves) {
        for (Client& client : clients) fake::send_text(client.fd, "hello");
        EXPECT_TRUE(all_get(clients, "hello"));
        for (Client& client : clients) fake::send_text(client.fd, "late");
        run_ticks(*loop_, 1);
        full.got += fake::receive_text(full.fd, 5000);
        if (leaves) loop_->leave();
    };
    for (int i = 0; i < 4; ++i) {
        std::thread(work, i % 2 == 0).join();
        EXPECT_TRUE(all_get(clients, "late"));
        if (i % 2 == 1) loop_->leave();
    }
    EXPECT_TRUE(run_until(*loop_, [&] {
        full.got += fake::receive_text(full.fd);
        return full.got.size() >= size;
    }));
    EXPECT_EQ(full.got, std::string(size, 'x'));
    std::thread([&] { run_ticks(*loop_, 1); }).join();
    loop_.reset();  // On this thread, while the ring is that thread's.
    EXPECT_EQ(closed_, 21);
}

// More sends in one tick than the kernel has room for completions.
TEST_F(Uring, AThreadThatIsGoneTakesNoCompletionWithIt) {
    make_loop({.submissions = 32, .completions = 32, .buffers = 64});
    std::vector<Client> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(connect());
    std::thread([&] {
        run_ticks(*loop_, 1);
        for (Client& client : clients) write_parts(client, std::string(2000, 'p'));
        run_ticks(*loop_, 1);  // Submits the sends, and does not collect what the kernel did.
    }).join();
    run_ticks(*loop_, 3);
    for (Client& client : clients) EXPECT_EQ(fake::receive_text(client.fd), std::string(4000, 'p'));
}

TEST_F(Uring, TenThousandConnectionsComeAndGo) {
    make_loop();
    std::vector<Client> open;
    int opened = 0;
    while (opened < 10'000) {
        for (int i = 0; i < 50; ++i, ++opened) open.push_back(connect());
        for (Client& client : open) fake::send_text(client.fd, "x");
        if (opened % 3 == 0) {
            EXPECT_TRUE(all_get(open, "x"));
        }
        for (size_t i = 0; i < open.size(); i += 2)
            if (i % 4 == 0) open[i].echo->stream().close(Stream::Close::reset);
        open.clear();
        run_ticks(*loop_, 1);
    }
    EXPECT_TRUE(run_until(*loop_, [&] { return closed_ == opened; }));
    EXPECT_EQ(loop_->streams().size(), 0u);
}

}  // namespace
}  // namespace starling::net
