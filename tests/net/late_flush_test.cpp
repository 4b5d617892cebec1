// A crowd of streams with something to send: a tick flushes some of them, later ticks the others.
#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/flush_turn.h"
#include "tests/net/stream_fixture.h"

namespace starling::net {
namespace {

// A tick flushes two streams without a look at the clock, and then has no time. Of those that wait
// it flushes one.
constexpr FlushLimits narrow{.unasked_max = 2, .us_max = 0, .flushes_per_look = 1};

TEST(FlushTurn, LooksAtTheClockAfterAnOrdinaryNumber) {
    FlushTurn turn(narrow, false);
    EXPECT_TRUE(turn.goes_on());
    EXPECT_TRUE(turn.goes_on());
    EXPECT_FALSE(turn.goes_on());
    EXPECT_TRUE(turn.late_goes_on(0));  // So that the others get on.
    EXPECT_FALSE(turn.late_goes_on(1));
    FlushTurn long_turn({.unasked_max = 1, .us_max = 3'600'000'000, .flushes_per_look = 2}, false);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(long_turn.goes_on());
    const FlushLimits rarely{.unasked_max = 1, .us_max = 0, .flushes_per_look = 4};
    FlushTurn rare(rarely, false);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(rare.goes_on()) << i;
    EXPECT_FALSE(rare.goes_on());
    FlushTurn last(narrow, true);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(last.goes_on());
}

class LateFlush : public StreamTest {
protected:
    LateFlush() : crowd_(make_backend(), {.flushes = narrow}, clock_.source()) {
        for (int i = 0; i < 6; ++i) {
            auto pair = fake::unix_pair();
            peers_.push_back(std::move(pair.peer));
            auto handler = std::make_unique<fake::StreamScript>(log_);
            handler->name = std::to_string(i) + ":";
            streams_.push_back(&crowd_.open(std::move(pair.ours), std::move(handler)));
        }
    }
    void write(std::initializer_list<size_t> streams, std::string_view text) {
        for (const size_t i : streams) streams_[i]->write(base::bytes_of(text));
    }
    // What each peer has got so far.
    std::string got() {
        std::string text;
        for (auto& peer : peers_) text += fake::receive_text(peer) + ",";
        return text;
    }
    // Until everybody is served.
    void finish() {
        EXPECT_TRUE(fake::run_until(crowd_, [&] { return crowd_.late_streams() == 0; }));
        run_ticks(crowd_, 2);
    }

    std::vector<Stream*> streams_;
    std::vector<Descriptor> peers_;
    Loop crowd_;
};

INSTANTIATE_TEST_SUITE_P(Backends, LateFlush, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(LateFlush, TheOthersWaitForLaterTicks) {
    write({0, 1, 2, 3, 4, 5}, "a");
    crowd_.run_once(0);
    EXPECT_EQ(crowd_.late_streams(), 3u);
    crowd_.run_once(-1);  // Needs no event.
    finish();
    EXPECT_EQ(got(), "a,a,a,a,a,a,");
    EXPECT_EQ(counts_.sends, 6u);
}

TEST_P(LateFlush, WhoWritesNowIsServedBeforeThoseThatWait) {
    write({0, 1, 2, 3, 4}, "a");
    crowd_.run_once(0);
    EXPECT_EQ(crowd_.late_streams(), 2u);
    run_ticks(crowd_, 1);  // So that the backend has reported what was sent.
    write({0, 1, 2, 3, 4}, "b");
    crowd_.run_once(0);
    ASSERT_GT(crowd_.late_streams(), 0u);
    write({5}, "c");
    run_ticks(crowd_, 1);
    EXPECT_EQ(fake::receive_text(peers_[5]), "c");
    finish();
    EXPECT_EQ(got(), "ab,ab,ab,ab,ab,,");
}

TEST_P(LateFlush, WhatIsWrittenMeanwhileLeavesInOneSend) {
    write({0, 1, 2, 3}, "a");
    crowd_.run_once(0);
    write({3}, "b");
    finish();
    EXPECT_EQ(got(), "a,a,a,ab,,,");
    EXPECT_EQ(counts_.sends, 4u);
}

TEST_P(LateFlush, AStreamMayCloseWhileItWaits) {
    write({0, 1, 2, 3, 4, 5}, "a");
    crowd_.run_once(0);
    streams_[3]->close();                      // After what is queued.
    streams_[4]->close(Stream::Close::reset);  // At once.
    EXPECT_EQ(log_, "");
    finish();
    EXPECT_EQ(log_, "4:closed(local)");
    EXPECT_EQ(got(), "a,a,a,a<end>,<end>,a,");
}

TEST_P(LateFlush, TheLoopMayEndMeanwhile) {
    auto loop =
        std::make_unique<Loop>(make_backend(), LoopLimits{.flushes = narrow}, clock_.source());
    std::vector<Descriptor> peers;
    for (int i = 0; i < 6; ++i) {
        auto pair = fake::unix_pair();
        peers.push_back(std::move(pair.peer));
        auto handler = std::make_unique<fake::StreamScript>(log_);
        loop->open(std::move(pair.ours), std::move(handler)).write(base::bytes_of("a"));
    }
    loop->run_once(0);
    EXPECT_EQ(loop->late_streams(), 3u);
    loop.reset();
    EXPECT_EQ(
        log_,
        "closed(local) closed(local) closed(local) closed(local) closed(local) closed(local)");
}

}  // namespace
}  // namespace starling::net
