// The contract of Backend::watch(), which every backend must fulfil: descriptors that a library
// owns.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "net/loop.h"
#include "net/watch.h"
#include "tests/fake/backends.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

using fake::run_ticks;
using fake::run_until;

constexpr Interest nothing, reading{.readable = true}, writing{.writable = true}, both{true, true};

struct Script final : Watcher {
    void on_ready(bool readable, bool writable) override {
        ++calls;
        last = {readable, writable};
        if (then) then();
    }
    int calls = 0;
    Interest last;
    std::function<void()> then;
};

class WatchContract : public ::testing::TestWithParam<fake::BackendKind> {
protected:
    WatchContract() : loop_(GetParam().make(late_)), pair_(fake::unix_pair()) {}

    void watch(Interest interest) {
        watch_ = std::make_unique<Watch>(loop_, pair_.ours.get(), interest, script_);
    }
    void change(Interest interest) { ASSERT_FALSE(watch_->change(interest)); }
    [[nodiscard]] bool called() {
        script_.calls = 0;
        return run_until(loop_, [&] { return script_.calls > 0; });
    }
    [[nodiscard]] int calls_in_ticks() {
        script_.calls = 0;
        run_ticks(loop_, 5);
        return script_.calls;
    }

    fake::LateControl late_;
    Loop loop_;
    fake::Pair pair_;
    Script script_;
    std::unique_ptr<Watch> watch_;
};

INSTANTIATE_TEST_SUITE_P(All, WatchContract, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(WatchContract, WhatIsReadyIsReportedUntilItIsDealtWith) {
    watch(reading);
    EXPECT_EQ(calls_in_ticks(), 0);
    fake::send_text(pair_.peer, "x");
    ASSERT_TRUE(called());
    EXPECT_EQ(script_.last, reading);
    ASSERT_TRUE(called());
    EXPECT_EQ(fake::receive_text(pair_.ours), "x");
    EXPECT_EQ(calls_in_ticks(), 0);
}

TEST_P(WatchContract, TheInterestCanChange) {
    watch(writing);
    ASSERT_TRUE(called());
    EXPECT_EQ(script_.last, writing);
    change(reading);
    EXPECT_EQ(calls_in_ticks(), 0);
    fake::send_text(pair_.peer, "x");
    ASSERT_TRUE(called());
    EXPECT_EQ(script_.last, reading);
    change(both);
    ASSERT_TRUE(called());
    EXPECT_EQ(script_.last, both);
    change(nothing);
    EXPECT_EQ(calls_in_ticks(), 0);
    change(reading);
    ASSERT_TRUE(called());
}

TEST_P(WatchContract, AHangUpIsReportedForWhatIsAskedFor) {
    watch(reading);
    pair_.peer.reset();
    ASSERT_TRUE(called());
    EXPECT_EQ(script_.last, reading);
    change(writing);
    ASSERT_TRUE(called());
    EXPECT_EQ(script_.last, writing);
}

TEST_P(WatchContract, AHangUpThatNothingAsksForDoesNotSpinTheLoop) {
    watch(nothing);
    pair_.peer.reset();
    run_ticks(loop_, 3);
    EXPECT_LT(fake::waits_within(loop_.backend(), std::chrono::milliseconds(30)), 20);
    loop_.backend().dispatch();
    EXPECT_EQ(script_.calls, 0);
}

TEST_P(WatchContract, NothingIsReportedOnceItEnded) {
    watch(reading);
    fake::send_text(pair_.peer, "x");
    loop_.backend().wait(1000);
    watch_.reset();
    loop_.backend().dispatch();
    EXPECT_EQ(calls_in_ticks(), 0);
    watch(reading);  // The descriptor can be watched again.
    EXPECT_TRUE(called());
}

TEST_P(WatchContract, AChangeInTheSameBatchCounts) {
    watch(reading);
    fake::send_text(pair_.peer, "x");
    loop_.backend().wait(1000);
    change(writing);
    script_.calls = 0;
    loop_.backend().dispatch();
    EXPECT_TRUE(script_.calls == 0 || script_.last == writing);
    EXPECT_TRUE(called());
    EXPECT_EQ(script_.last, writing);
}

TEST_P(WatchContract, ItMayEndInItsOwnCall) {
    watch(reading);
    script_.then = [&] { watch_.reset(); };
    fake::send_text(pair_.peer, "x");
    ASSERT_TRUE(called());
    EXPECT_EQ(calls_in_ticks(), 0);
}

TEST_P(WatchContract, TheLibraryMayCloseTheDescriptorInTheCall) {
    watch(both);
    script_.then = [&] {
        pair_.ours.reset();
        watch_->forget();
        EXPECT_FALSE(watch_->change(reading));
    };
    ASSERT_TRUE(called());
    EXPECT_EQ(calls_in_ticks(), 0);
    EXPECT_EQ(watch_->fd(), -1);
}

// A library closes a descriptor and opens another one, which gets the same number.
TEST_P(WatchContract, ANumberThatIsUsedAgainIsWatchedAnew) {
    watch(reading);
    const int number = pair_.ours.get();
    pair_.ours.reset();
    watch_->forget();
    fake::Pair next = fake::unix_pair();
    if (next.ours.get() != number) {
        ASSERT_EQ(::dup3(next.ours.get(), number, O_CLOEXEC), number);
        next.ours = Descriptor(number);
    }
    Script second;
    const Watch another(loop_, number, reading, second);
    watch_.reset();  // Must not remove the new one.
    fake::send_text(next.peer, "x");
    EXPECT_TRUE(run_until(loop_, [&] { return second.calls > 0; }));
    EXPECT_EQ(script_.calls, 0);
}

TEST_P(WatchContract, OneMayEndAnotherOneOfTheSameBatch) {
    std::vector<fake::Pair> pairs;
    std::vector<std::unique_ptr<Watch>> watches;
    int calls = 0;
    Script script;
    script.then = [&] {
        ++calls;
        watches.clear();
    };
    for (int i = 0; i < 3; ++i) {
        pairs.push_back(fake::unix_pair());
        watches.push_back(std::make_unique<Watch>(loop_, pairs.back().ours.get(), reading, script));
        fake::send_text(pairs.back().peer, "x");
    }
    run_ticks(loop_, 5);
    EXPECT_EQ(calls, 1);
}

TEST_P(WatchContract, AnExceptionIsToldAndTheOthersOfTheBatchGoOn) {
    std::string told;
    loop_.on_escaped([&](std::string_view what) { told += what; });
    watch(reading);
    script_.then = [] { throw std::runtime_error("broken"); };
    fake::Pair next = fake::unix_pair();
    Script second;
    const Watch another(loop_, next.ours.get(), reading, second);
    fake::send_text(pair_.peer, "x");  // Ready first, so reported first.
    fake::send_text(next.peer, "x");
    loop_.run_once(1000);
    EXPECT_EQ(told, "broken");
    EXPECT_EQ(second.calls, 1);
}

int error_of(const Descriptor& fd) {
    int error = 0;
    socklen_t size = sizeof error;
    EXPECT_EQ(::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size), 0);
    return error;
}

// This is how net::Connector makes connections: there is no operation of its own for it.
TEST_P(WatchContract, AConnectionIsReportedOnceItStandsOrHasFailed) {
    const auto connect = [](const Address& to) {
        Descriptor fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        EXPECT_TRUE(::connect(fd.get(), to.data(), to.size()) == 0 || errno == EINPROGRESS);
        return fd;
    };
    Descriptor listening = fake::listen_at("127.0.0.1:0");
    const Address address = local_address(listening.get()).value();
    {
        const Descriptor fd = connect(address);
        const Watch watching(loop_, fd.get(), writing, script_);
        ASSERT_TRUE(called());
        EXPECT_EQ(error_of(fd), 0);
    }
    // The queue of this one takes a single connection, so that the next one has to wait.
    ASSERT_EQ(::listen(listening.get(), 0), 0);
    {
        const Descriptor waits = connect(address);
        const Watch watching(loop_, waits.get(), writing, script_);
        EXPECT_EQ(calls_in_ticks(), 0);
    }
    listening.reset();
    const Descriptor refused = connect(address);
    const Watch watching(loop_, refused.get(), writing, script_);
    ASSERT_TRUE(called());
    EXPECT_EQ(error_of(refused), ECONNREFUSED);
}

TEST_P(WatchContract, WhatCannotBeWatchedIsRefused) {
    EXPECT_THROW(Watch(loop_, 1'000'000, reading, script_), std::system_error);
    watch(reading);
    EXPECT_THROW(Watch(loop_, pair_.ours.get(), reading, script_), std::system_error);
    fake::send_text(pair_.peer, "x");
    EXPECT_TRUE(called());
}

}  // namespace
}  // namespace starling::net
