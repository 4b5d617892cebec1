// The output of a stream: order, coalescing, and sends that the kernel refuses.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/net/stream_fixture.h"

namespace starling::net {
namespace {

using fake::StreamScript;

class StreamSend : public StreamTest {};

INSTANTIATE_TEST_SUITE_P(Backends, StreamSend, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(StreamSend, WritesOfOneTickAreOneSystemCall) {
    open(fake::unix_pair());
    for (int i = 0; i < 100; ++i) write("abc");
    write_shared(pattern(2000));
    write("end");
    EXPECT_EQ(counts_.sends, 0u);
    run_ticks(loop_, 1);
    EXPECT_EQ(counts_.sends, 1u);
    EXPECT_EQ(fake::receive_text(peer_).size(), 2303u);
    run_ticks(loop_, 5);
    EXPECT_EQ(counts_.sends, 1u);
}

TEST_P(StreamSend, WritesFromCallbacksOfATickAreOneSystemCall) {
    open(fake::unix_pair());
    script_->bytes = [&](Stream& stream, Input& input) {
        while (!input.empty()) stream.write(base::bytes_of(fake::take(input, 1)));
    };
    loop_.post([&] { write("!"); });
    loop_.after(0, [&] { write("?"); });
    feed("hello");
    EXPECT_EQ(counts_.sends, 1u);
    EXPECT_EQ(fake::receive_text(peer_), "hello!?");
}

// No event would end the wait.
TEST_P(StreamSend, WhatIsWrittenBetweenTicksDoesNotWaitForAnEvent) {
    open(fake::unix_pair());
    write("hello");
    loop_.run_once(-1);
    run_ticks(loop_, 0);
    EXPECT_EQ(fake::receive_text(peer_), "hello");
    stream_->close(Stream::Close::reset);
    loop_.run_once(-1);
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(StreamSend, WriteNowLeavesAtOnceBehindWhatIsQueued) {
    open(fake::unix_pair());
    write("queued ");
    write_now("now ");
    EXPECT_EQ(counts_.sends, 1u);
    run_ticks(loop_, 0);
    EXPECT_EQ(fake::receive_text(peer_), "queued now ");
    write_now("again");
    EXPECT_EQ(counts_.sends, 2u);
    run_ticks(loop_, 0);
    EXPECT_EQ(fake::receive_text(peer_), "again");
    EXPECT_EQ(stream_->queued_bytes(), 0u);
    run_ticks(loop_, 2);
    EXPECT_EQ(counts_.sends, 2u);
}

TEST_P(StreamSend, WriteSharedNowIsOneSystemCallWhereNothingWaits) {
    open(fake::unix_pair());
    write_shared_now("now");
    EXPECT_EQ(counts_.sends, 1u);
    run_ticks(loop_, 0);
    EXPECT_EQ(fake::receive_text(peer_), "now");
    write("queued ");
    write_shared_now("behind it");
    EXPECT_EQ(counts_.sends, 1u);
    EXPECT_EQ(read(16), "queued behind it");
    stream_->close();
    write_shared_now("ignored");
    run_ticks(loop_, 2);
    EXPECT_EQ(fake::receive_text(peer_), "<end>");
}

TEST_P(StreamSend, WriteNowOfManyPartsKeepsTheOrder) {
    open(fake::unix_pair());
    std::string text = pattern(100);
    std::vector<iovec> parts;
    for (char& c : text) parts.push_back({&c, 1});
    write("first ");
    stream_->write_now(parts);
    stream_->write_now({});
    write(" last");
    EXPECT_EQ(read(111), "first " + text + " last");
}

// Every mixture of the four ways to write, to a peer that takes a little at a time.
TEST_P(StreamSend, MixturesOfWritesKeepTheirOrder) {
    for (const size_t size : {1u, 700u, 1023u, 1024u, 3000u, 9000u})
        for (int mixture = 0; mixture < 64; ++mixture) {
            open_narrow();
            std::string want;
            for (int round = 0, ways = mixture; round < 12;
                 ++round, ways = ways / 4 + ways % 4 * 16) {
                const std::string text = pattern(size + size_t(round), char('A' + round));
                want += text;
                if (ways % 4 == 0) write(text);
                if (ways % 4 == 1) write_shared(text);
                if (ways % 4 == 2) write_now(text);
                if (ways % 4 == 3) write_shared_now(text);
                if (round % 4 == 3) run_ticks(loop_, 1);
            }
            ASSERT_TRUE(read(want.size()) == want) << size << " " << mixture;
            stream_->close(Stream::Close::reset);
            run_ticks(loop_, 1);
        }
}

TEST_P(StreamSend, PartialSendsAtEverySizeOfRead) {
    for (const size_t step : {1u, 13u, 512u, 4096u, 100'000u}) {
        open_narrow();
        const std::string want = pattern(step < 100 ? 20'000 : 60'000) + pattern(3000, 'A');
        write(std::string_view(want).substr(0, want.size() - 3000));
        write_shared(std::string_view(want).substr(want.size() - 3000));
        std::string got;
        for (size_t tick = 0; tick < 2 * want.size() && got.size() < want.size(); ++tick) {
            run_ticks(loop_, 1);
            got += fake::receive_text(peer_, step);
        }
        EXPECT_TRUE(got == want) << step;
        EXPECT_EQ(stream_->queued_bytes(), 0u);
        stream_->close(Stream::Close::reset);
        run_ticks(loop_, 1);
    }
}

TEST_P(StreamSend, DrainedIsToldOnceAndOnlyAfterARefusal) {
    open_narrow();
    write("small");
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "");
    EXPECT_EQ(fake::receive_text(peer_), "small");
    write(pattern(50'000));
    EXPECT_EQ(stream_->queued_bytes(), 50'000u);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "");
    EXPECT_GT(stream_->queued_bytes(), 0u);
    read(50'000);
    run_ticks(loop_, 5);
    EXPECT_EQ(log_, "drained");
}

TEST_P(StreamSend, DrainedMayWriteMoreAndClose) {
    open_narrow();
    int rounds = 0;
    script_->drained = [&](Stream& stream) {
        if (++rounds == 3) return stream.close();
        stream.write(base::bytes_of(pattern(20'000)));
    };
    write(pattern(20'000));
    const std::string got = read(60'000 + 5);
    EXPECT_TRUE(got == pattern(20'000) + pattern(20'000) + pattern(20'000) + "<end>");
    peer_.reset();
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "drained drained drained closed(local)");
}

TEST_P(StreamSend, DrainedMayReplaceTheHandlerOrReset) {
    for (const bool replace : {true, false}) {
        log_.clear();
        open_narrow();
        script_->drained = [&](Stream& stream) {
            if (replace) stream.replace_handler(std::make_unique<StreamScript>(log_));
            stream.close(Stream::Close::reset);
            stream.write(base::bytes_of("ignored"));
        };
        write(pattern(20'000));
        EXPECT_TRUE(read(20'005).ends_with("<end>"));
        EXPECT_EQ(log_, "drained closed(local)");
    }
}

TEST_P(StreamSend, WritingToAPeerThatLeftFailsOnce) {
    for (const bool now : {true, false}) {
        log_.clear();
        open(fake::unix_pair());
        stream_->pause_receiving();
        peer_.reset();
        now ? write_now("x") : write("x");
        write("y");
        write_now("z");
        run_ticks(loop_, 2);
        EXPECT_EQ(log_, "closed(failed)") << now;
    }
}

// The pings of many connections that opened together are due together. Each waits in a chunk of
// 4 KiB until it is sent.
TEST_P(StreamSend, WhatManyTimeoutsWriteIsSentInParts) {
    constexpr size_t streams = 300, waiting_max = 64;
    size_t written = 0, waiting = 0;
    std::vector<Descriptor> peers;
    for (size_t i = 0; i < streams; ++i) {
        auto pair = fake::unix_pair();
        peers.push_back(std::move(pair.peer));
        auto handler = std::make_unique<fake::StreamScript>(logs_.emplace_back());
        handler->timeout = [&](Stream& stream) {
            stream.write(base::bytes_of("ping"));
            waiting = std::max(waiting, ++written - counts_.sends);
        };
        loop_.open(std::move(pair.ours), std::move(handler)).set_timeout(1000);
    }
    clock_.advance(1500);
    run_ticks(loop_, 1);
    EXPECT_EQ(written, streams);
    EXPECT_EQ(waiting, waiting_max);
    for (const Descriptor& peer : peers) EXPECT_EQ(fake::receive_text(peer), "ping");
}

}  // namespace
}  // namespace starling::net
