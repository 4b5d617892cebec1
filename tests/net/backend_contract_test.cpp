// The contract of net/backend.h, which every backend must fulfil. To test another backend add it to
// fake::backend_kinds. Accepting is in accept_contract_test.cpp.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/net/backend_contract.h"

namespace starling::net::contract {
namespace {

INSTANTIATE_TEST_SUITE_P(All, BackendContract, ::testing::ValuesIn(params()),
                         [](const auto& test) { return test.param.name; });

TEST_P(BackendContract, BytesArrive) {
    fake::send_text(peer_, "hello");
    ASSERT_TRUE(log_reaches("hello"));
    fake::send_text(peer_, "world");
    ASSERT_TRUE(log_reaches("world"));
    EXPECT_EQ(log_, "bytes(hello) bytes(world)");
}

TEST_P(BackendContract, ManyBytesArriveInOrder) {
    const std::string want = pattern(3'000'000);
    std::string got;
    collect(got);
    size_t sent = 0;
    ASSERT_TRUE(run_until(loop_, [&] {
        sent += fake::send_text(peer_, std::string_view(want).substr(sent));
        return got.size() == want.size();
    }));
    EXPECT_TRUE(got == want);
}

TEST_P(BackendContract, MemoryBeforeReceivedBytesIsWritable) {
    size_t filled = 0;
    script_->bytes = [&](Stream&, StreamScript::Input& input) {
        filled += Backend::receive_headroom_bytes + input.size();
        std::byte* const front = input.data() - Backend::receive_headroom_bytes;
        std::fill(front, input.data() + input.size(), std::byte{'x'});
        input = {};
    };
    fake::send_text(peer_, "abc");
    ASSERT_TRUE(run_until(loop_, [&] { return filled != 0; }));
    EXPECT_EQ(filled, Backend::receive_headroom_bytes + 3);
}

TEST_P(BackendContract, SendTakesSeveralParts) {
    const std::string a = pattern(2000), b = "x", c = pattern(5000);
    write_shared(a), stream_->write(base::bytes_of(b)), write_shared(c);
    EXPECT_EQ(receive(7001), a + b + c);
    EXPECT_EQ(counts_.sends, 1u);
    EXPECT_EQ(counts_.sent_parts, 3u);
}

TEST_P(BackendContract, PartsMayBeEmpty) {
    std::string a = "one ", b = "", c = "two";
    const iovec parts[] = {{a.data(), a.size()}, {b.data(), b.size()}, {c.data(), c.size()}};
    stream_->write_now(parts);
    a = c = "gone";  // The caller's memory is only valid during the call.
    EXPECT_EQ(receive(7), "one two");
}

// The stream submits the rest of a short send, and is notified once the peer has made room.
TEST_P(BackendContract, APeerThatDoesNotReadLeavesOneSendPending) {
    const int small = 4096;
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    std::string bytes = pattern(1'000'000);
    const iovec part{bytes.data(), bytes.size()};
    stream_->write_now({&part, 1});
    // While the peer does not read, no send completes, and no unnecessary system call is made.
    ASSERT_TRUE(run_until(loop_, [&, sends = size_t(0), same = 0]() mutable {
        same = std::exchange(sends, counts_.sends) == counts_.sends ? same + 1 : 0;
        return same == 50;
    }));
    EXPECT_GT(counts_.pending_sends, 0u);
    // A late acknowledgement may let the kernel take a little more. Sending in vain would be a call in each tick.
    const size_t sends = counts_.sends;
    run_ticks(loop_, 200);
    EXPECT_LT(counts_.sends - sends, 20u);
    EXPECT_EQ(log_, "");

    std::string got;
    ASSERT_TRUE(run_until(loop_, [&] {
        got += fake::receive_text(peer_);
        return got.size() >= bytes.size() && log_ == "drained";
    }));
    EXPECT_TRUE(got == bytes);
    if (!loop_.backend().reads_later()) {
        // Each short send led to one pending send, which led to one completion and a new send.
        EXPECT_EQ(counts_.sends, counts_.short_sends + 1);
        EXPECT_EQ(counts_.pending_sends, counts_.short_sends);
    }
}

// Bytes of a pending send neither move nor change while more is written after them; the late
// backend compares them.
TEST_P(BackendContract, WhatIsWrittenWhileASendIsPendingComesBehindIt) {
    const int small = 4096;
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    late_.slice_bytes_max = 700;
    std::string want, got;
    for (int i = 0; i < 200; ++i) {
        const std::string text = pattern(size_t(i) * 37 % 3000 + 1);
        want += text;
        std::byte* at = nullptr;
        switch (i % 4) {
            case 0: stream_->write(base::bytes_of(text)); break;
            case 1: write_shared(text); break;
            case 2:
                at = stream_->extend(text.size());
                ASSERT_TRUE(at);
                std::copy_n(base::bytes_of(text).data(), text.size(), at);
                break;
            case 3: stream_->write_shared_now(base::SharedBytes::copy(base::bytes_of(text))); break;
        }
        run_ticks(loop_, i % 3);
        got += fake::receive_text(peer_, size_t(i) * 53 % 4000);
    }
    got += receive(want.size() - got.size());
    EXPECT_TRUE(got == want);
}

// For a queue at its limit: a burst that the kernel has room for is no sign of a peer that does not read.
TEST_P(BackendContract, AQueueThatIsOfferedHoldsOnlyWhatTheKernelRefuses) {
    std::string want;
    for (int i = 0; i < 100; ++i) {
        want += pattern(500);
        stream_->write(base::bytes_of(pattern(500)));
    }
    EXPECT_EQ(stream_->queued_bytes(), want.size());
    stream_->offer_queued();
    EXPECT_EQ(stream_->queued_bytes(), 0u);
    EXPECT_FALSE(stream_->is_blocked());
    EXPECT_EQ(receive(want.size()), want);
    EXPECT_EQ(log_, "");

    // An offer behind a send that is under way.
    stream_->write(base::bytes_of("first"));
    stream_->send_queued();
    stream_->write(base::bytes_of("second"));
    stream_->offer_queued();
    EXPECT_EQ(stream_->queued_bytes(), 0u);
    EXPECT_EQ(receive(11), "firstsecond");
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, AQueueThatIsOfferedToAFullKernelStaysAndIsDrainedLater) {
    const int small = 4096;
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    const std::string want = pattern(1'000'000);
    stream_->write(base::bytes_of(want));
    stream_->offer_queued();
    const size_t refused = stream_->queued_bytes();
    EXPECT_GT(refused, 0u);
    EXPECT_LT(refused, want.size());
    EXPECT_TRUE(stream_->is_blocked());
    stream_->offer_queued();
    EXPECT_GT(stream_->queued_bytes(), 0u);
    EXPECT_TRUE(stream_->is_blocked());
    EXPECT_EQ(log_, "");
    EXPECT_TRUE(receive(want.size()) == want);
    ASSERT_TRUE(log_reaches("drained"));
    EXPECT_EQ(stream_->queued_bytes(), 0u);
    EXPECT_FALSE(stream_->is_blocked());
    EXPECT_EQ(log_, "drained");
}

TEST_P(BackendContract, AQueueThatIsOfferedToAPeerThatIsGoneFailsItsStreamOnce) {
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] {
        if (log_.find("closed") != std::string::npos) return true;
        stream_->write(base::bytes_of("x"));
        stream_->offer_queued();
        return false;
    }));
    EXPECT_TRUE(log_.ends_with("closed(failed)")) << log_;
    EXPECT_EQ(loop_.streams().size(), 0u);
}

// The memory stays until the backend has ended the send; no further bytes are reported.
TEST_P(BackendContract, AStreamThatIsResetWhileASendIsPendingEndsOnce) {
    const int small = 4096;
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    late_.held = late_.hold_cancelled = true;
    write_shared(pattern(1'000'000));
    run_ticks(loop_, 3);
    EXPECT_GT(counts_.pending_sends, 0u);
    stream_->close(Stream::Close::reset);
    fake::send_text(peer_, "too late");
    run_ticks(loop_, 5);
    EXPECT_EQ(log_, late_.submitted > 0 ? "" : "closed(local)");
    late_.hold_cancelled = false;
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "closed(local)");
    EXPECT_EQ(loop_.streams().size(), 0u);
    EXPECT_EQ(late_.cancelled, late_.submitted > 0 ? 1u : 0u);
}

TEST_P(BackendContract, TheEndIsReportedOnce) {
    fake::send_text(peer_, "bye");
    ::shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(log_reaches("ended"));
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "bytes(bye) ended");
    stream_->write(base::bytes_of("answer"));  // The other direction is still open.
    EXPECT_EQ(receive(6), "answer");
}

TEST_P(BackendContract, AFailureIsReportedOnceAndLast) {
    break_connection();
    ASSERT_TRUE(log_reaches("closed"));
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "closed(failed)");
}

TEST_P(BackendContract, AFailureIsReportedThoughReceivingIsOff) {
    stream_->pause_receiving();
    run_ticks(loop_, 1);
    break_connection();
    ASSERT_TRUE(log_reaches("closed"));
    EXPECT_EQ(log_, "closed(failed)");
}

TEST_P(BackendContract, SendingToAPeerThatIsGoneFails) {
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] {
        if (log_.find("closed") != std::string::npos) return true;
        stream_->write(base::bytes_of("x"));
        return false;
    }));
    EXPECT_TRUE(log_.ends_with("closed(failed)")) << log_;
}

TEST_P(BackendContract, ReceivingCanBeOffAndOnAgain) {
    loop_.backend().receive(*stream_, false);
    fake::send_text(peer_, "later");
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "");
    loop_.backend().receive(*stream_, false);
    loop_.backend().receive(*stream_, true);
    loop_.backend().receive(*stream_, true);
    ASSERT_TRUE(log_reaches("later"));
    EXPECT_EQ(log_, "bytes(later)");
}

// The peer writes and disconnects while receiving is off: its bytes are read later, and its end is
// not reported again and again.
TEST_P(BackendContract, WhatAPeerSentBeforeItLeftIsReadOnceReceivingIsOn) {
    stream_->pause_receiving();
    fake::send_text(peer_, "last words");
    peer_.reset();
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "");
    stream_->resume_receiving();
    ASSERT_TRUE(log_reaches("ended"));
    EXPECT_TRUE(log_.starts_with("bytes(last words) ended")) << log_;
}

TEST_P(BackendContract, APeerThatLeftDoesNotSpinTheLoopWhileReceivingIsOff) {
    stream_->pause_receiving();
    fake::send_text(peer_, "x");
    peer_.reset();
    run_ticks(loop_, 5);
    EXPECT_LT(fake::waits_within(loop_.backend(), std::chrono::milliseconds(30)), 20);
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, NothingIsReportedAfterRemove) {
    fake::send_text(peer_, "too late");
    loop_.backend().wait(1000);
    EXPECT_FALSE(loop_.backend().remove(*stream_, true));  // No send is pending.
    loop_.backend().dispatch();
    peer_.reset();
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, AStreamClosedEarlierInTheSameBatchHearsNothing) {
    auto second_pair = make_pair();
    auto handler = std::make_unique<StreamScript>(log_);
    Stream* second = &loop_.open(std::move(second_pair.ours), std::move(handler));
    // The stream that gets the first event closes the other one.
    int heard = 0;
    const auto close_other = [&](Stream& self, StreamScript::Input& input) {
        ++heard;
        input = {};
        (&self == second ? stream_ : second)->close(Stream::Close::reset);
    };
    script_->bytes = close_other;
    static_cast<StreamScript*>(second->handler())->bytes = close_other;
    fake::send_text(peer_, "a");
    fake::send_text(second_pair.peer, "b");
    ASSERT_TRUE(log_reaches("closed(local)"));
    run_ticks(loop_, 5);
    EXPECT_EQ(heard, 1);
    EXPECT_EQ(loop_.streams().size(), 1u);
}

TEST_P(BackendContract, WakeFromAnotherThreadEndsTheWait) {
    std::thread other([this] { loop_.backend().wake(); });
    loop_.backend().wait(-1);
    loop_.backend().dispatch();
    other.join();
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, WakeBeforeTheWaitEndsItToo) {
    for (int i = 0; i < 3; ++i) {
        loop_.backend().wake();
        loop_.backend().wake();
        loop_.backend().wait(-1);
        loop_.backend().dispatch();
    }
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, TimeoutsEndTheWait) {
    for (const int timeout_ms : {0, 1, 10}) {
        loop_.backend().wait(timeout_ms);
        loop_.backend().dispatch();
    }
    EXPECT_EQ(counts_.waits, 3u);
    EXPECT_EQ(log_, "");
}

}  // namespace
}  // namespace starling::net::contract
