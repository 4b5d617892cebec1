// A slow reader acknowledges bytes; a peer that does not read at all acknowledges none.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/net/stream_fixture.h"

namespace starling::net {
namespace {

using fake::run_until;

class StreamStall : public StreamTest {
protected:
    // Bytes in the kernel that the peer has not acknowledged.
    size_t kernel_bytes_ = 0;

    void answer_for_the_kernel() {
        counts_.unacknowledged = [this] { return kernel_bytes_; };
    }
    void pass(uint64_t ms) {
        for (uint64_t step = 0; step < ms; step += 250) {
            clock_.advance(250);
            run_ticks(loop_, 1);
        }
    }
    void fill() {
        auto pair = fake::tcp_pair();
        fake::set_buffer(pair.ours, SO_SNDBUF, 64 * 1024);
        open(std::move(pair));
        write(pattern(8'000'000));
        // Until the kernels of both sides are full; they take the last bytes piece by piece.
        for (int quiet = 0; quiet < 30;) {
            const size_t before = stream_->queued_bytes();
            loop_.run_once(1);
            quiet = stream_->queued_bytes() == before ? quiet + 1 : 0;
        }
        ASSERT_GT(stream_->queued_bytes(), 0u);
    }
};

INSTANTIATE_TEST_SUITE_P(Backends, StreamStall, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

// 82 KB/s out of a kernel buffer of megabytes: for half a minute and more send() takes nothing.
TEST_P(StreamStall, AReaderThatIsSlowButSteadyIsNotCutOff) {
    answer_for_the_kernel();
    fill();
    kernel_bytes_ = 3'100'000;
    const size_t queued = stream_->queued_bytes();
    for (int second = 0; second < 37; ++second) {
        pass(1'000);
        kernel_bytes_ -= 82'000;
    }
    EXPECT_EQ(log_, "");
    EXPECT_EQ(stream_->queued_bytes(), queued);
    pass(9'750);
    EXPECT_EQ(log_, "");
    pass(500);
    EXPECT_EQ(log_, "closed(stalled)");
}

TEST_P(StreamStall, OneByteInTimeIsProgress) {
    answer_for_the_kernel();
    fill();
    kernel_bytes_ = 100;
    for (int i = 0; i < 10; ++i, --kernel_bytes_) pass(9'500);
    EXPECT_EQ(log_, "");
}

// A loop that was stopped for long knows nothing about its peers.
TEST_P(StreamStall, WhatWasNeverAskedIsNotCutOff) {
    answer_for_the_kernel();
    fill();
    kernel_bytes_ = 100;
    clock_.advance(60'000);
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "");
    pass(250);
    EXPECT_EQ(log_, "closed(stalled)");
}

TEST_P(StreamStall, TheKernelTellsWhatAPeerHasTaken) {
    for (const bool tcp : {true, false}) {
        log_.clear();
        if (tcp)
            fill();
        else
            open_narrow(), write(pattern(50'000)), run_ticks(loop_, 2);
        const size_t before = loop_.backend().unacknowledged_bytes(*stream_);
        EXPECT_GT(before, 0u);
        EXPECT_GE(stream_->unsent_bytes(), before + stream_->queued_bytes());
        ASSERT_TRUE(run_until(loop_, [&] {
            (void)fake::receive_text(peer_);
            return stream_->unsent_bytes() == 0;
        })) << tcp;
        stream_->close(Stream::Close::reset);
        run_ticks(loop_, 1);
    }
}

TEST_P(StreamStall, ACutIsAResetAndSaysWhatWasLost) {
    fill();
    uint32_t lost = 0;
    script_->closed = [&](Stream& stream) { lost = stream.lost_bytes(); };
    const size_t unsent = stream_->unsent_bytes();
    pass(11'000);
    EXPECT_EQ(log_, "closed(stalled)");
    EXPECT_EQ(lost, unsent);
    EXPECT_TRUE(run_until(loop_, [&] { return fake::receive_text(peer_).ends_with("<reset>"); }));
}

// ---- closing ------------------------------------------------------------------------------------

TEST_P(StreamStall, AClosingStreamLetsASteadyReaderFinish) {
    answer_for_the_kernel();
    fill();
    kernel_bytes_ = 12'000'000;
    stream_->close();
    for (int second = 0; second < 90; ++second) {
        pass(1'000);
        kernel_bytes_ -= 120'000;
    }
    EXPECT_EQ(log_, "");
    pass(11'000);
    EXPECT_EQ(log_, "closed(stalled)");
}

// Otherwise the peer could hold the queue's memory for days.
TEST_P(StreamStall, AClosingStreamIsCutOffWhereThePeerOnlyDrips) {
    answer_for_the_kernel();
    fill();
    kernel_bytes_ = 1'000'000;
    stream_->close();
    stream_->cancel_timeout();        // Neither this call
    stream_->set_timeout(3'600'000);  // nor this one delays the end.
    int seconds = 0;
    for (; log_.empty() && seconds < 100; ++seconds) {
        pass(1'000);
        --kernel_bytes_;
    }
    EXPECT_EQ(log_, "closed(stalled)");
    EXPECT_GE(seconds, 29);
    EXPECT_LE(seconds, 31);
}

TEST_P(StreamStall, LingeringWaitsUntilASlowPeerHasEverything) {
    answer_for_the_kernel();
    open(fake::tcp_pair());
    write("answer");
    kernel_bytes_ = 3'000'000;
    stream_->close();
    run_ticks(loop_, 1);
    for (int second = 0; second < 30; ++second) {
        pass(1'000);
        kernel_bytes_ -= 100'000;
        fake::send_text(peer_, "ping");
    }
    EXPECT_EQ(log_, "");
    EXPECT_EQ(read(11), "answer<end>");
    kernel_bytes_ = 0;
    pass(14'500);
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(StreamStall, LingeringEndsInAResetWhereThePeerTakesNothing) {
    answer_for_the_kernel();
    open(fake::tcp_pair());
    kernel_bytes_ = 3'000'000;
    stream_->close();
    run_ticks(loop_, 1);
    pass(11'500);
    EXPECT_EQ(log_, "");
    pass(1'000);
    EXPECT_EQ(log_, "closed(stalled)");
}

// RFC 6455 section 7.1.1, on a real connection: although the peer sends bytes, it gets the whole
// answer.
TEST_P(StreamStall, APeerThatSendsWhileItReadsSlowlyGetsEverything) {
    open(fake::tcp_pair());
    const std::string want = pattern(8'000'000);  // More than the buffers of both kernels can hold.
    write(want);
    stream_->close();
    std::string got;
    for (int i = 0; i < 20'000 && got.size() < want.size() + 5; ++i) {
        (void)fake::wait_for(peer_.get(), POLLIN, 5);
        fake::send_text(peer_, "ping");
        run_ticks(loop_, 1);
        got += fake::receive_text(peer_, 64 * 1024);
    }
    EXPECT_EQ(got.size(), want.size() + 5) << log_;
    EXPECT_TRUE(got == want + "<end>");
    peer_.reset();
    EXPECT_TRUE(run_until(loop_, [&] { return log_ == "closed(local)"; })) << log_;
}

}  // namespace
}  // namespace starling::net
