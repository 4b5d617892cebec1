#include "net/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "net/loop.h"
#include "tests/fake/clock.h"
#include "tests/fake/counting_backend.h"
#include "tests/fake/sockets.h"
#include "tests/fake/stream_script.h"

namespace starling::net {
namespace {

using fake::run_ticks;
using fake::run_until;

// While a NoDescriptors lives, no descriptor can be opened.
class NoDescriptors {
public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &saved_);
        // Takes the lowest free number, and all free numbers up to the new limit.
        while (true) {
            Descriptor next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            if (!next || next.get() > 200) break;
            held_.push_back(std::move(next));
        }
        rlimit limit = saved_;
        limit.rlim_cur = rlim_t(held_.empty() ? 0 : held_.back().get() + 1);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &saved_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit saved_{};
    std::vector<Descriptor> held_;
};

class AcceptorTest : public ::testing::Test {
protected:
    AcceptorTest()
        : loop_(std::make_unique<fake::CountingBackend>(counts_), {}, clock_.source()),
          acceptor_(loop_, listening(), [this](Descriptor fd) {
              loop_.open(std::move(fd), std::make_unique<fake::StreamScript>(log_));
              ++accepted_;
          }) {
        acceptor_.set_refusal("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    }
    static Descriptor listening() { return fake::listen_at("127.0.0.1:0"); }
    Descriptor connect() const { return fake::connect_to(acceptor_.fd()); }

    fake::Clock clock_;
    fake::BackendCounts counts_;
    std::string log_;
    int accepted_ = 0;
    Loop loop_;
    Acceptor acceptor_;
};

TEST_F(AcceptorTest, OutOfDescriptorsItRefusesOnePausesAndGoesOn) {
    const Descriptor old = connect();
    ASSERT_TRUE(run_until(loop_, [&] { return accepted_ == 1; }));

    const Descriptor first = connect(), second = connect();
    fake::send_text(first, "GET / HTTP/1.1\r\n\r\n");
    {
        const NoDescriptors none;
        run_ticks(loop_, 5);
        EXPECT_EQ(accepted_, 1);
        EXPECT_EQ(acceptor_.pauses(), 1u);
        ASSERT_TRUE(fake::wait_for(first.get(), POLLIN));
        EXPECT_EQ(fake::receive_text(first), "HTTP/1.1 503 Service Unavailable\r\n\r\n<end>");
        EXPECT_EQ(fake::receive_text(second), "");

        // Existing connections go on.
        fake::send_text(old, "still here");
        ASSERT_TRUE(run_until(loop_, [&] { return log_ == "bytes(still here)"; }));

        // The loop does not spin: the paused listener is not polled, so the loop sleeps as long as
        // it may.
        const size_t waits = counts_.waits;
        run_ticks(loop_, 50);
        EXPECT_EQ(counts_.waits, waits + 50);
        EXPECT_EQ(counts_.unlistens, 1u);
        EXPECT_EQ(acceptor_.pauses(), 1u);

        // Accepting is tried again after the pause: the next peer is refused, and the next pause
        // begins.
        clock_.advance(100);
        run_ticks(loop_, 5);
        EXPECT_EQ(acceptor_.pauses(), 2u);
        ASSERT_TRUE(fake::wait_for(second.get(), POLLIN));
        EXPECT_EQ(fake::receive_text(second), "HTTP/1.1 503 Service Unavailable\r\n\r\n<end>");
    }
    const Descriptor third = connect();
    clock_.advance(100);
    ASSERT_TRUE(run_until(loop_, [&] { return accepted_ == 2; }));
    EXPECT_EQ(acceptor_.pauses(), 2u);
    EXPECT_EQ(fake::receive_text(third), "");
}

TEST_F(AcceptorTest, APausedAcceptorCanBeDestroyed) {
    auto other = std::make_unique<Acceptor>(loop_, listening(), [](Descriptor) {});
    other->failed(EMFILE);
    EXPECT_EQ(other->pauses(), 1u);
    other.reset();
    clock_.advance(10'000);
    run_ticks(loop_, 3);
    EXPECT_EQ(counts_.listens, 2u);
}

// A listener that fails permanently stays readable (level-triggered), so each failure must pause
// it.
TEST_F(AcceptorTest, AnyFailurePauses) {
    ::shutdown(acceptor_.fd(), SHUT_RD);
    run_ticks(loop_, 50);
    EXPECT_EQ(acceptor_.pauses(), 1u);
}

TEST_F(AcceptorTest, WithoutARefusalThePeerIsClosed) {
    acceptor_.set_refusal("");
    const Descriptor peer = connect();
    ASSERT_TRUE(fake::wait_for(acceptor_.fd(), POLLIN));
    acceptor_.failed(EMFILE);
    ASSERT_TRUE(fake::wait_for(peer.get(), POLLIN));
    EXPECT_EQ(fake::receive_text(peer), "<end>");
    EXPECT_EQ(accepted_, 0);
}

}  // namespace
}  // namespace starling::net
