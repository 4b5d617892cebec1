// The end of streams: by the peer, by this side, by a timeout; and when they are freed.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/net/stream_fixture.h"

namespace starling::net {
namespace {

using fake::run_until;
using fake::StreamScript;

class StreamClose : public StreamTest {};

INSTANTIATE_TEST_SUITE_P(Backends, StreamClose, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(StreamClose, AHalfClosedPeerStillGetsItsAnswer) {
    open(fake::tcp_pair());
    script_->ended = [](Stream& stream) {
        stream.write(base::bytes_of("answer"));
        stream.close();
    };
    fake::send_text(peer_, "question");
    ::shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(run_until(loop_, [&] { return log_.find("closed") != std::string::npos; }));
    EXPECT_EQ(log_, "bytes(question) ended closed(ended)");
    EXPECT_EQ(read(11), "answer<end>");
}

TEST_P(StreamClose, AHalfClosedStreamMayStayOpen) {
    open(fake::tcp_pair());
    script_->ended = [](Stream&) {};
    ::shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(run_until(loop_, [&] { return log_ == "ended"; }));
    stream_->pause_receiving();
    stream_->resume_receiving();
    run_ticks(loop_, 5);
    write("later");
    EXPECT_EQ(read(5), "later");
    EXPECT_EQ(log_, "ended");
    EXPECT_TRUE(stream_->is_open());
}

TEST_P(StreamClose, FlushSendsWhatIsQueuedAndThenCloses) {
    open_narrow();
    write(pattern(30'000));
    stream_->close();
    EXPECT_FALSE(stream_->is_open());
    write("ignored");
    write_now("ignored");
    write_shared(pattern(2000));
    stream_->close();
    stream_->close(Stream::Close::flush);
    EXPECT_TRUE(read(30'005) == pattern(30'000) + "<end>");
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return !log_.empty(); }));
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(StreamClose, FlushWithNothingQueuedEndsInTheSameTick) {
    open(fake::tcp_pair());
    loop_.post([&] { stream_->close(); });
    run_ticks(loop_, 1);
    EXPECT_EQ(read(5), "<end>");
    EXPECT_EQ(log_, "");
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return !log_.empty(); }));
    EXPECT_EQ(log_, "closed(local)");
}

// The peer is told nothing new by these bytes, and its kernel answers them with a reset.
TEST_P(StreamClose, LastBytesThatMeetAClosedPeerDoNotMakeItsEndAFailure) {
    open(fake::tcp_pair());
    script_->ended = [&](Stream& stream) {
        write("bye");
        stream.close();
    };
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return log_.find("closed") != std::string::npos; }));
    EXPECT_EQ(log_, "ended closed(ended)");
}

// A child process has such a copy between fork() and exec().
TEST_P(StreamClose, ACopyOfTheDescriptorReportsNothingWhenTheStreamIsGone) {
    auto pair = fake::tcp_pair();
    const Descriptor copy(::dup(pair.ours.get()));
    open(std::move(pair));
    stream_->close(Stream::Close::reset);
    ASSERT_TRUE(run_until(loop_, [&] { return !log_.empty(); }));
    run_ticks(loop_, 1);
    const std::string log = log_;
    fake::send_text(peer_, "late");
    peer_.reset();
    run_ticks(loop_, 3);
    EXPECT_EQ(log_, log);
}

TEST_P(StreamClose, BytesAfterCloseAreReadAndDropped) {
    open_narrow();
    write(pattern(30'000));
    stream_->close();
    feed("too late");
    read(30'005);
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return !log_.empty(); }));
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(StreamClose, LingerEndsItsSideAndReadsUntilThePeerCloses) {
    open(fake::tcp_pair());
    write("answer");
    stream_->close(Stream::Close::flush);
    EXPECT_EQ(read(11), "answer<end>");
    fake::send_text(peer_, pattern(100'000));
    run_ticks(loop_, 5);
    EXPECT_EQ(log_, "");
    EXPECT_EQ(loop_.streams().size(), 1u);
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return !log_.empty(); }));
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(StreamClose, LingerAfterAPauseReadsOn) {
    open(fake::tcp_pair());
    script_->bytes = [](Stream& stream, Input&) {
        stream.pause_receiving();
        stream.close(Stream::Close::flush);
    };
    fake::send_text(peer_, "request");
    ASSERT_TRUE(run_until(loop_, [&] { return !log_.empty(); }));
    fake::send_text(peer_, "more of it");
    ::shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(run_until(loop_, [&] { return log_.ends_with("closed(local)"); }));
    EXPECT_EQ(read(5), "<end>");
}

TEST_P(StreamClose, LingerDoesNotWaitForThePeerLongerThanTwoSeconds) {
    counts_.unacknowledged = [] { return size_t(0); };
    open(fake::tcp_pair());
    stream_->close(Stream::Close::flush);
    run_ticks(loop_, 1);
    clock_.advance(1'900);
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "");
    clock_.advance(400);
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(StreamClose, LingerDoesNotWaitForAPeerThatHasAlreadyEnded) {
    open_narrow();
    write(pattern(30'000));
    stream_->close(Stream::Close::flush);
    run_ticks(loop_, 1);
    ::shutdown(peer_.get(), SHUT_WR);
    run_ticks(loop_, 2);
    read(30'005);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(StreamClose, ResetIsAResetForThePeer) {
    open(fake::tcp_pair());
    write("lost");
    stream_->close(Stream::Close::reset);
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "closed(local)");
    ASSERT_TRUE(fake::wait_for(peer_.get(), POLLIN));
    EXPECT_EQ(fake::receive_text(peer_), "<reset>");
}

TEST_P(StreamClose, ResetOvertakesAFlushThatIsUnderWay) {
    open(fake::tcp_pair());
    fake::set_buffer(peer_, SO_RCVBUF, 4096);
    write(pattern(10'000'000));
    stream_->close();
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "");
    stream_->close(Stream::Close::reset);
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "closed(local)");
    EXPECT_TRUE(run_until(loop_, [&] { return fake::receive_text(peer_).ends_with("<reset>"); }));
}

TEST_P(StreamClose, ClosedIsTheLastCallWhateverItDoes) {
    open(fake::unix_pair());
    script_->closed = [&](Stream& stream) {
        stream.write(base::bytes_of("x"));
        stream.close();
        stream.close(Stream::Close::reset);
        stream.pause_receiving();
        stream.resume_receiving();
        stream.set_timeout(0);
        stream.cancel_timeout();
        stream.replace_handler(std::make_unique<StreamScript>(log_));
    };
    stream_->set_timeout(100);
    script_->bytes = [](Stream& stream, Input&) {
        stream.close(Stream::Close::reset);
        stream.close();
    };
    feed("abc");
    peer_.reset();
    for (int i = 0; i < 10; ++i) {
        clock_.advance(1000);
        run_ticks(loop_, 1);
    }
    EXPECT_EQ(log_, "bytes(abc) closed(local)");
    EXPECT_EQ(loop_.streams().size(), 0u);
}

TEST_P(StreamClose, ClosedMayCloseAndWriteToOthers) {
    constexpr size_t count = 50;
    std::vector<Stream*> streams;
    std::vector<Descriptor> peers;
    for (size_t i = 0; i < count; ++i) {
        auto pair = fake::unix_pair();
        auto handler = std::make_unique<StreamScript>(logs_.emplace_back());
        // Each handler writes to the second stream after its own, and closes the next one.
        handler->closed = [&, i](Stream&) {
            if (i + 2 < count) streams[i + 2]->write(base::bytes_of("gone "));
            if (i + 1 == count) return;
            streams[i + 1]->send_queued();
            streams[i + 1]->close(Stream::Close::reset);
        };
        streams.push_back(&loop_.open(std::move(pair.ours), std::move(handler)));
        peers.push_back(std::move(pair.peer));
    }
    streams[0]->close(Stream::Close::reset);
    EXPECT_TRUE(run_until(loop_, [&] { return loop_.streams().size() == 0; }));
    for (const auto& log : logs_) EXPECT_EQ(log, "closed(local)");
    EXPECT_EQ(fake::receive_text(peers[1]), "<end>");
    if (loop_.backend().reads_later()) return;  // The reset discards what was not sent yet.
    for (size_t i = 2; i < count; ++i) EXPECT_EQ(fake::receive_text(peers[i]), "gone <end>");
    EXPECT_EQ(loop_.streams().size(), 0u);
}

TEST_P(StreamClose, ClosedMayOpenAnother) {
    open(fake::unix_pair());
    std::string& second_log = logs_.emplace_back();
    Descriptor second_peer;
    script_->closed = [&](Stream& stream) {
        auto pair = fake::unix_pair();
        second_peer = std::move(pair.peer);
        stream.loop()
            .open(std::move(pair.ours), std::make_unique<StreamScript>(second_log))
            .write(base::bytes_of("hello"));
    };
    stream_->close(Stream::Close::reset);
    run_ticks(loop_, 1);
    EXPECT_EQ(fake::receive_text(second_peer), "hello");
    EXPECT_EQ(second_log, "");
}

TEST_P(StreamClose, AHandlerThatIsReplacedIsFreedAfterItsCallWithoutOnClosed) {
    open(fake::unix_pair());
    auto witness = std::make_shared<int>(0);
    script_->bytes = [this, witness](Stream& stream, Input& input) {
        stream.replace_handler(std::make_unique<StreamScript>(log_));
        ++*witness;  // The handler is still alive.
        input = {};
    };
    feed("x");
    EXPECT_EQ(*witness, 1);
    EXPECT_EQ(witness.use_count(), 1);
    EXPECT_EQ(log_, "bytes(x)");
}

TEST_P(StreamClose, TheLoopClosesWhatIsOpenWhenItEnds) {
    std::string log;
    auto pair = fake::unix_pair();
    {
        Loop loop;
        auto& stream = loop.open(std::move(pair.ours), std::make_unique<StreamScript>(log));
        stream.write(base::bytes_of("x"));
    }
    EXPECT_EQ(log, "closed(local)");
    EXPECT_TRUE(fake::receive_text(pair.peer).ends_with("<end>"));
}

TEST_P(StreamClose, ADescriptorThatCannotBeAddedIsAFailedStream) {
    auto handler = std::make_unique<StreamScript>(log_);
    // epoll refuses a regular file (EPERM) at once, io_uring when it receives (ENOTSOCK).
    Descriptor file(::memfd_create("file", MFD_CLOEXEC));
    ASSERT_GE(file.get(), 0);
    const Stream& stream = loop_.open(std::move(file), std::move(handler));
    EXPECT_EQ(stream.is_open(), GetParam().name == std::string_view("uring"));
    EXPECT_TRUE(fake::run_until(loop_, [&] { return !log_.empty(); }));
    EXPECT_EQ(log_, "closed(failed)");
}

TEST_P(StreamClose, AKeyFindsNothingOnceItsStreamHasClosed) {
    open(fake::unix_pair());
    const base::SlotKey old = stream_->slot_key();
    EXPECT_EQ(loop_.find(old), stream_);
    stream_->close(Stream::Close::reset);
    run_ticks(loop_, 1);
    EXPECT_EQ(loop_.find(old), nullptr);
    open(fake::unix_pair());
    EXPECT_EQ(stream_->slot_key().slot, old.slot);
    EXPECT_NE(stream_->slot_key().generation, old.generation);
    EXPECT_EQ(loop_.find(old), nullptr);
    EXPECT_EQ(loop_.find(stream_->slot_key()), stream_);
}

// ---- time ---------------------------------------------------------------------------------------

TEST_P(StreamClose, AQueueThatDoesNotMoveIsClosed) {
    open_narrow();
    write(pattern(50'000));
    run_ticks(loop_, 2);
    clock_.advance(9'900);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "");
    clock_.advance(400);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "closed(stalled)");
}

TEST_P(StreamClose, AQueueThatMovesALittleIsNotClosed) {
    open_narrow();
    write(pattern(200'000));
    run_ticks(loop_, 2);
    for (int i = 0; i < 10; ++i) {
        clock_.advance(9'000);
        run_ticks(loop_, 1);
        const size_t before = stream_->queued_bytes();
        fake::receive_text(peer_);
        run_ticks(loop_, 2);
        ASSERT_LT(stream_->queued_bytes(), before);
    }
    EXPECT_EQ(log_, "");
    clock_.advance(250);
    run_ticks(loop_, 1);
    clock_.advance(10'000);
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "closed(stalled)");
}

TEST_P(StreamClose, ManyStalledQueuesAreClosedTogetherAndTheOthersStay) {
    std::vector<Descriptor> peers;
    constexpr size_t count = 30;
    for (size_t i = 0; i < count; ++i) {
        auto pair = fake::unix_pair();
        fake::set_buffer(pair.ours, SO_SNDBUF, 4608);
        auto& stream =
            loop_.open(std::move(pair.ours), std::make_unique<StreamScript>(logs_.emplace_back()));
        if (i % 3 != 0) stream.write(base::bytes_of(pattern(50'000)));
        peers.push_back(std::move(pair.peer));
    }
    run_ticks(loop_, 2);
    clock_.advance(250);
    run_ticks(loop_, 1);
    clock_.advance(10'000);
    run_ticks(loop_, 2);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(logs_[i], i % 3 != 0 ? "closed(stalled)" : "");
}

TEST_P(StreamClose, TimeoutsAreToldOnceAndNeverEarly) {
    open(fake::unix_pair());
    stream_->set_timeout(60'000);
    stream_->set_timeout(5'000);
    clock_.advance(4'999);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "");
    clock_.advance(251);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "timeout");
    clock_.advance(120'000);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "timeout");
    stream_->set_timeout(1'000);
    stream_->cancel_timeout();
    clock_.advance(10'000);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "timeout");
}

TEST_P(StreamClose, ATimeoutMaySetTheNextOneOrClose) {
    open(fake::unix_pair());
    int fired = 0;
    script_->timeout = [&](Stream& stream) {
        if (++fired == 3) return stream.close(Stream::Close::reset);
        stream.set_timeout(1'000);
    };
    stream_->set_timeout(1'000);
    for (int i = 0; i < 100; ++i) {
        clock_.advance(100);
        run_ticks(loop_, 1);
    }
    EXPECT_EQ(log_, "timeout timeout timeout closed(local)");
}

}  // namespace
}  // namespace starling::net
