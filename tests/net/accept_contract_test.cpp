// The contract of net/backend.h for listening sockets, which every backend must pass.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/acceptor.h"
#include "tests/net/backend_contract.h"

namespace starling::net::contract {
namespace {

class AcceptContract : public BackendContract {
protected:
    void SetUp() override {
        BackendContract::SetUp();
        if (IsSkipped()) return;
        directory_ = ::testing::TempDir() + "starling-XXXXXX";
        ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
        listening_ =
            fake::listen_at(GetParam().kind == Kind::unix_domain ? "unix:" + directory_ + "/s"
                            : GetParam().kind == Kind::tcp_v4    ? "127.0.0.1:0"
                                                                 : "[::1]:0");
        listening_fd_ = listening_.get();
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string directory_;
    Descriptor listening_;
    int listening_fd_ = -1;
};

INSTANTIATE_TEST_SUITE_P(All, AcceptContract, ::testing::ValuesIn(params()),
                         [](const auto& test) { return test.param.name; });

TEST_P(AcceptContract, AcceptedDescriptorsDoNotBlockAndAreNotInherited) {
    std::vector<Descriptor> accepted;
    const Acceptor acceptor(loop_, std::move(listening_),
                            [&](Descriptor fd) { accepted.push_back(std::move(fd)); });
    std::vector<Descriptor> peers;
    for (int i = 0; i < 5; ++i) peers.push_back(fake::connect_to(listening_fd_));
    ASSERT_TRUE(run_until(loop_, [&] { return accepted.size() == 5; }));
    for (const auto& fd : accepted) {
        EXPECT_TRUE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK);
        EXPECT_TRUE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC);
    }
    fake::send_text(peers[0], "hi");
    std::string got;
    ASSERT_TRUE(run_until(loop_, [&] {
        for (const auto& fd : accepted) got += fake::receive_text(fd);
        return !got.empty();
    }));
    EXPECT_EQ(got, "hi");
}

// A burst of new connections delays those that exist by 64 accepts in each tick and no more.
TEST_P(AcceptContract, ABurstIsAcceptedInPartsBetweenWhichStreamsAreServed) {
    constexpr size_t burst = 150, part = 64;
    std::string served;
    collect(served);
    std::vector<Descriptor> accepted;
    std::vector<size_t> served_before;  // Bytes that the stream had got when a part began.
    const Acceptor acceptor(loop_, std::move(listening_),
                            [&](Descriptor fd) { accepted.push_back(std::move(fd)); });
    std::vector<Descriptor> peers;
    for (size_t i = 0; i < burst; ++i) peers.push_back(fake::connect_to(listening_fd_));
    for (int ticks = 0; accepted.size() < burst && ticks < 1000; ++ticks) {
        fake::send_text(peer_, "x");
        const size_t before = accepted.size(), bytes = served.size();
        loop_.run_once(5);
        EXPECT_LE(accepted.size(), before + part);
        if (accepted.size() > before) served_before.push_back(bytes);
    }
    EXPECT_EQ(accepted.size(), burst);
    ASSERT_GE(served_before.size(), 3u);
    EXPECT_GT(served_before.back(), 0u);
}

TEST_P(AcceptContract, NothingIsAcceptedAfterUnlisten) {
    int accepted = 0;
    Acceptor acceptor(loop_, std::move(listening_), [&](Descriptor) { ++accepted; });
    const Descriptor peer = fake::connect_to(listening_fd_);
    loop_.backend().wait(1000);
    loop_.backend().unlisten(acceptor);
    loop_.backend().dispatch();
    run_ticks(loop_, 10);
    EXPECT_EQ(accepted, 0);
    EXPECT_FALSE(loop_.backend().listen(acceptor));
    EXPECT_TRUE(run_until(loop_, [&] { return accepted == 1; }));
}

TEST_P(AcceptContract, AnOwnerMayStopListeningFromTheCall) {
    int accepted = 0;
    Acceptor* listener = nullptr;
    Acceptor acceptor(loop_, std::move(listening_), [&](Descriptor) {
        if (++accepted == 2) loop_.backend().unlisten(*listener);
    });
    listener = &acceptor;
    std::vector<Descriptor> peers;
    for (int i = 0; i < 5; ++i) peers.push_back(fake::connect_to(listening_fd_));
    run_ticks(loop_, 20);
    EXPECT_EQ(accepted, 2);
}

// A handler that destroys the acceptor may run in the same batch as a new connection's event.
TEST_P(AcceptContract, AnAcceptorDestroyedEarlierInTheSameBatchHearsNothing) {
    int accepted = 0;
    auto acceptor =
        std::make_unique<Acceptor>(loop_, std::move(listening_), [&](Descriptor) { ++accepted; });
    fake::send_text(peer_, "stop");  // Ready first, so it is reported first.
    const Descriptor peer = fake::connect_to(listening_fd_);
    script_->bytes = [&](Stream&, StreamScript::Input& input) {
        input = {};
        acceptor.reset();
    };
    run_ticks(loop_, 5);
    EXPECT_EQ(acceptor, nullptr);
    EXPECT_LE(accepted, 1);
}

TEST_P(AcceptContract, AFailureToAcceptIsReported) {
    int accepted = 0;
    const Acceptor acceptor(loop_, std::move(listening_), [&](Descriptor) { ++accepted; });
    const Descriptor peer = fake::connect_to(listening_fd_);
    rlimit saved{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
    rlimit none = saved;
    none.rlim_cur = 3;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    run_ticks(loop_, 5);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
    EXPECT_EQ(accepted, 0);
    EXPECT_EQ(acceptor.pauses(), 1u);  // One notification.
}

}  // namespace
}  // namespace starling::net::contract
