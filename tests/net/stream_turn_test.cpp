// A handler with much input yields to other handlers and loses no input.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/net/stream_fixture.h"

namespace starling::net {
namespace {

using fake::run_until;
using fake::StreamScript;

class StreamTurn : public StreamTest {
protected:
    // A handler that consumes at most `bytes` bytes per turn.
    static auto taking(size_t bytes) {
        return [bytes](Stream& stream, Input& input) {
            (void)fake::take(input, std::min(bytes, input.size()));
            if (!input.empty()) stream.yield_turn();
        };
    }
};

INSTANTIATE_TEST_SUITE_P(Backends, StreamTurn, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(StreamTurn, AnotherConnectionIsServedBetweenTwoTurns) {
    auto other = fake::unix_pair();
    auto handler = std::make_unique<StreamScript>(log_);
    handler->name = "other:";
    loop_.open(std::move(other.ours), std::move(handler));
    open(fake::unix_pair());
    script_->bytes = taking(1);
    fake::send_text(peer_, "abc");
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "bytes(abc)");
    fake::send_text(other.peer, "x");
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "bytes(abc) other:bytes(x) bytes(bc)");
    loop_.run_once(-1);  // Needs no new event.
    EXPECT_EQ(log_, "bytes(abc) other:bytes(x) bytes(bc) bytes(c)");
}

TEST_P(StreamTurn, NothingNewIsReadBeforeTheTurn) {
    open(fake::unix_pair());
    script_->bytes = taking(2);
    feed("abcde");
    feed("fg");
    // io_uring has received it in the meantime, but the handler gets it with its turn.
    const bool uring = GetParam().name == std::string_view("uring");
    EXPECT_EQ(log_, uring ? "bytes(abcde) bytes(cdefg)" : "bytes(abcde) bytes(cde)");
    ::shutdown(peer_.get(), SHUT_WR);
    run_ticks(loop_, 3);
    EXPECT_EQ(log_, uring ? "bytes(abcde) bytes(cdefg) bytes(efg) bytes(g) ended closed(ended)"
                          : "bytes(abcde) bytes(cde) bytes(e) bytes(fg) ended closed(ended)");
}

TEST_P(StreamTurn, EveryByteOfALongInputComesOnceAndInOrder) {
    for (const size_t step : {1u, 100u, 5'000u, 70'000u}) {
        open(fake::unix_pair());
        std::string got;
        script_->bytes = [&](Stream& stream, Input& input) {
            got += fake::take(input, std::min(step, input.size()));
            if (!input.empty()) stream.yield_turn();
        };
        const std::string want = pattern(step == 1 ? 3'000 : 300'000);
        size_t sent = 0;
        ASSERT_TRUE(run_until(
            loop_,
            [&] {
                sent += fake::send_text(peer_, std::string_view(want).substr(sent));
                return got.size() >= want.size();
            },
            20'000));
        EXPECT_TRUE(got == want) << step;
        stream_->close(Stream::Close::reset);
        run_ticks(loop_, 1);
    }
}

TEST_P(StreamTurn, APauseOutlastsTheTurnAndAReplacedHandlerGetsTheRest) {
    open(fake::unix_pair());
    script_->bytes = [](Stream& stream, Input& input) {
        (void)fake::take(input, 1);
        stream.yield_turn();
        stream.pause_receiving();
    };
    feed("abc");
    run_ticks(loop_, 3);
    EXPECT_EQ(log_, "bytes(abc)");
    auto next = std::make_unique<StreamScript>(log_);
    next->name = "next:";
    stream_->replace_handler(std::move(next));
    stream_->resume_receiving();
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "bytes(abc) next:bytes(bc)");
}

TEST_P(StreamTurn, AStreamThatClosesBeforeItsTurnHasNone) {
    for (const auto how : {Stream::Close::reset, Stream::Close::flush}) {
        log_.clear();
        open(fake::unix_pair());
        script_->bytes = [how](Stream& stream, Input& input) {
            (void)fake::take(input, 1);
            stream.yield_turn();
            stream.close(how);
        };
        feed("abc");
        peer_.reset();
        run_ticks(loop_, 3);
        EXPECT_EQ(log_, "bytes(abc) closed(local)");
        EXPECT_EQ(loop_.streams().size(), 0u);
    }
}

}  // namespace
}  // namespace starling::net
