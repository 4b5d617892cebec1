// The input of a handler: kept input, pauses, replaced handlers, exceptions.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/net/stream_fixture.h"

namespace starling::net {
namespace {

using fake::StreamScript;

class StreamReceive : public StreamTest {};

INSTANTIATE_TEST_SUITE_P(Backends, StreamReceive, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

// Splits reads of every size into lines.
TEST_P(StreamReceive, WhatAHandlerLeavesComesBackWithMoreBehindIt) {
    const std::string text = "one\ntwo\n\nthree is longer\n" + pattern(40'000) + "\nlast\nrest";
    for (const size_t step : {1u, 2u, 3u, 5u, 17u, 4096u, 100'000u}) {
        open(fake::unix_pair());
        std::string lines;
        script_->bytes = [&](Stream&, Input& input) {
            while (true) {
                const auto end = base::text_of(input).find('\n');
                if (end == std::string_view::npos) return;
                lines += fake::take(input, end + 1);
            }
        };
        const std::string sent = step < 17 ? text.substr(0, 26) + "short\nrest" : text;
        for (size_t at = 0; at < sent.size(); at += step) feed(sent.substr(at, step));
        EXPECT_TRUE(lines + "rest" == sent) << step;
        stream_->close(Stream::Close::reset);
        run_ticks(loop_, 1);
        log_.clear();
    }
}

TEST_P(StreamReceive, AHandlerThatIsReplacedLeavesTheRestToTheNewOne) {
    open(fake::unix_pair(), "a:");
    script_->bytes = [&](Stream& stream, Input& input) {
        fake::take(input, 3);
        auto next = std::make_unique<StreamScript>(log_);
        next->name = "b:";
        next->bytes = [&](Stream& same, Input& rest) {
            fake::take(rest, 2);
            auto last = std::make_unique<StreamScript>(log_);
            last->name = "c:";
            same.replace_handler(std::move(last));
        };
        stream.replace_handler(std::move(next));
    };
    feed("abcde");
    EXPECT_EQ(log_, "a:bytes(abcde) b:bytes(de)");
    feed("f");
    EXPECT_EQ(log_, "a:bytes(abcde) b:bytes(de) c:bytes(f)");
}

TEST_P(StreamReceive, AHandlerReplacedLaterGetsWhatTheOldOneLeft) {
    open(fake::unix_pair(), "a:");
    script_->bytes = [](Stream&, Input& input) { fake::take(input, 1); };
    feed("xyz");
    auto next = std::make_unique<StreamScript>(log_);
    next->name = "b:";
    stream_->replace_handler(std::move(next));
    loop_.run_once(-1);
    EXPECT_EQ(log_, "a:bytes(xyz) b:bytes(yz)");
}

TEST_P(StreamReceive, AHandlerReplacedWhilePausedGetsItAfterTheResumption) {
    open(fake::unix_pair(), "a:");
    script_->bytes = [](Stream& stream, Input& input) {
        fake::take(input, 1);
        stream.pause_receiving();
    };
    feed("xyz");
    auto next = std::make_unique<StreamScript>(log_);
    next->name = "b:";
    stream_->replace_handler(std::move(next));
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "a:bytes(xyz)");
    stream_->resume_receiving();
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "a:bytes(xyz) b:bytes(yz)");
}

TEST_P(StreamReceive, PausedNothingComesAndResumedTheRestDoes) {
    open(fake::unix_pair());
    script_->bytes = [](Stream& stream, Input& input) {
        fake::take(input, 1);
        stream.pause_receiving();
    };
    feed("abc");
    feed("d");
    EXPECT_EQ(log_, "bytes(abc)");
    stream_->resume_receiving();
    run_ticks(loop_, 1);
    EXPECT_EQ(log_, "bytes(abc) bytes(bcd)");
    stream_->resume_receiving();
    stream_->pause_receiving();
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "bytes(abc) bytes(bcd)");
    script_->bytes = nullptr;
    stream_->resume_receiving();
    loop_.run_once(-1);  // No new bytes arrive from the peer.
    EXPECT_EQ(log_, "bytes(abc) bytes(bcd) bytes(cd)");
}

// The handler has its answer at once: it pauses and resumes within its own call.
TEST_P(StreamReceive, PausedAndResumedWithinTheCallTheRestComesAtOnce) {
    open(fake::unix_pair());
    script_->bytes = [](Stream& stream, Input& input) {
        stream.pause_receiving();
        fake::take(input, 1);
        stream.resume_receiving();
    };
    feed("abc");
    EXPECT_EQ(log_, "bytes(abc) bytes(bc) bytes(c)");
}

TEST_P(StreamReceive, PausedAndResumedWithoutProgressDoesNotSpin) {
    open(fake::unix_pair());
    script_->bytes = [](Stream& stream, Input&) {
        stream.pause_receiving();
        stream.resume_receiving();
    };
    feed("abc");
    EXPECT_EQ(log_, "bytes(abc)");
    feed("d");
    EXPECT_EQ(log_, "bytes(abc) bytes(abcd)");
}

TEST_P(StreamReceive, AnExceptionClosesOnlyItsOwnStream) {
    using Throw = void (*)(StreamScript&);
    const struct {
        const char* want;
        Throw arm;
    } cases[] = {
        {"bytes(x) closed(failed)",
         [](StreamScript& s) {
             s.bytes = [](Stream&, Input&) { throw std::runtime_error("no"); };
         }},
        {"bytes(x) ended closed(failed)",
         [](StreamScript& s) { s.ended = [](Stream&) { throw std::runtime_error("no"); }; }},
        {"bytes(x) drained closed(failed)",
         [](StreamScript& s) {
             s.bytes = [](Stream& stream, Input& input) {
                 input = {};
                 stream.write(base::bytes_of(pattern(20'000)));
             };
             s.drained = [](Stream&) { throw std::runtime_error("no"); };
         }},
        {"bytes(x) timeout closed(failed)",
         [](StreamScript& s) {
             s.bytes = [](Stream& stream, Input& input) {
                 input = {};
                 stream.set_timeout(500);
             };
             s.timeout = [](Stream&) { throw 7; };
         }},
        {"bytes(x) ended closed(ended)",
         [](StreamScript& s) { s.closed = [](Stream&) { throw std::runtime_error("no"); }; }},
    };
    for (const auto& [want, arm] : cases) {
        log_.clear(), escaped_.clear();
        std::string& other_log = logs_.emplace_back();
        auto other = fake::unix_pair();
        loop_.open(std::move(other.ours), std::make_unique<StreamScript>(other_log));
        open_narrow();
        arm(*script_);
        feed("x");
        run_ticks(loop_, 1);
        fake::receive_text(peer_);
        if (std::string_view(want).find("ended") != std::string_view::npos)
            ::shutdown(peer_.get(), SHUT_WR);
        for (int i = 0; i < 20; ++i) {
            clock_.advance(100);
            run_ticks(loop_, 1);
            fake::receive_text(peer_);
        }
        EXPECT_EQ(log_, want);
        EXPECT_FALSE(escaped_.empty());
        fake::send_text(other.peer, "alive");
        run_ticks(loop_, 1);
        EXPECT_EQ(other_log, "bytes(alive)");
    }
}

}  // namespace
}  // namespace starling::net
