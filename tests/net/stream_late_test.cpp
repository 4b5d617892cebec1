// A stream whose sends complete later: what it holds until then, and how it can end meanwhile.
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/net/stream_fixture.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

using fake::run_until;
using fake::StreamScript;

class StreamLate : public StreamTest {};

INSTANTIATE_TEST_SUITE_P(Late, StreamLate, ::testing::Values(fake::backend_kinds[1]),
                         fake::kind_name);

TEST_P(StreamLate, BytesCountAsQueuedUntilTheSendCompletes) {
    open(fake::unix_pair());
    late_.held = true;
    write("abc");
    run_ticks(loop_, 2);
    EXPECT_EQ(late_.submitted, 1u);
    write("de");
    run_ticks(loop_, 2);
    EXPECT_EQ(stream_->queued_bytes(), 5u);
    EXPECT_EQ(late_.submitted, 1u);  // One at a time.
    late_.held = false;
    EXPECT_EQ(read(5), "abcde");
    EXPECT_EQ(stream_->queued_bytes(), 0u);
    EXPECT_EQ(log_, "");  // The kernel was never full.
}

TEST_P(StreamLate, ShortCompletionsAndEveryOrderKeepTheBytesInOrder) {
    for (const size_t slice : {1u, 7u, 4000u})
        for (const bool newest_first : {false, true}) {
            late_.slice_bytes_max = slice;
            late_.newest_first = newest_first;
            late_.ticks = newest_first ? 3 : 1;
            std::vector<fake::Pair> pairs;
            std::vector<Stream*> streams;
            for (int i = 0; i < 4; ++i) {
                auto& pair = pairs.emplace_back(fake::unix_pair());
                auto handler = std::make_unique<StreamScript>(logs_.emplace_back());
                streams.push_back(&loop_.open(std::move(pair.ours), std::move(handler)));
            }
            const std::string want = pattern(slice < 10 ? 60 : 30'000);
            for (Stream* stream : streams) {
                stream->write(base::bytes_of(want));
                stream->close();
            }
            std::vector<std::string> got(streams.size());
            EXPECT_TRUE(run_until(loop_, [&] {
                bool all = true;
                for (size_t i = 0; i < got.size(); ++i) {
                    if (!got[i].ends_with("<end>")) got[i] += fake::receive_text(pairs[i].peer);
                    all = all && got[i].ends_with("<end>");
                }
                return all;
            }));
            for (const auto& text : got) EXPECT_TRUE(text == want + "<end>") << slice;
        }
}

TEST_P(StreamLate, AnErrorOfASendFailsItsStreamAlone) {
    auto other = fake::unix_pair();
    std::string& other_log = logs_.emplace_back();
    Stream& second = loop_.open(std::move(other.ours), std::make_unique<StreamScript>(other_log));
    open(fake::unix_pair());
    late_.error = EPIPE;
    write("lost");
    second.write(base::bytes_of("kept"));
    run_ticks(loop_, 3);
    EXPECT_EQ(log_, "closed(failed)");
    EXPECT_EQ(other_log, "");
    EXPECT_EQ(fake::receive_text(other.peer), "kept");
}

// The stream is blocked if a completion is short or missing.
TEST_P(StreamLate, BlockedIsToldOnceTheKernelIsFullAndDrainedFollows) {
    open(fake::unix_pair());
    late_.held = true;
    write("abc");
    run_ticks(loop_, 1);
    EXPECT_FALSE(stream_->is_blocked());
    clock_.advance(250);
    run_ticks(loop_, 1);
    EXPECT_TRUE(stream_->is_blocked());
    EXPECT_EQ(log_, "");
    late_.held = false;
    run_ticks(loop_, 3);
    EXPECT_FALSE(stream_->is_blocked());
    EXPECT_EQ(log_, "drained");
}

TEST_P(StreamLate, ASendThatNeverCompletesIsAStall) {
    open(fake::unix_pair());
    late_.held = true;
    write("abc");
    for (int i = 0; i < 45; ++i) {
        clock_.advance(250);
        run_ticks(loop_, 1);
    }
    EXPECT_EQ(log_, "closed(stalled)");
    EXPECT_EQ(late_.cancelled, 1u);
}

TEST_P(StreamLate, ADetachWaitsForTheSendThatIsUnderWay) {
    open(fake::unix_pair());
    std::optional<Detached> detached;
    script_->drained = [&](Stream& stream) { detached.emplace(stream.detach()); };
    late_.held = true;
    write("answer");
    run_ticks(loop_, 1);
    stream_->pause_receiving();
    stream_->want_drained();
    run_ticks(loop_, 5);
    EXPECT_FALSE(detached);
    late_.held = false;
    run_ticks(loop_, 3);
    ASSERT_TRUE(detached);
    EXPECT_EQ(fake::receive_text(peer_), "answer");
    EXPECT_EQ(loop_.streams().size(), 0u);
}

TEST_P(StreamLate, ClosingWaitsForTheSendAndAResetCancelsIt) {
    open(fake::unix_pair());
    late_.held = true;
    write("answer");
    run_ticks(loop_, 1);
    stream_->close();
    run_ticks(loop_, 3);
    EXPECT_EQ(fake::receive_text(peer_), "");
    stream_->close(Stream::Close::reset);
    stream_->close(Stream::Close::reset);
    write("ignored");
    EXPECT_EQ(log_, "");
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "closed(local)");
    EXPECT_EQ(late_.cancelled, 1u);
}

// The pool gives a returned chunk to the next stream, which would write into it.
TEST_P(StreamLate, MemoryOfACancelledSendIsNotUsedAgainBeforeItsEnd) {
    open(fake::unix_pair());
    late_.held = late_.hold_cancelled = true;
    write(pattern(3000));
    run_ticks(loop_, 1);
    stream_->close(Stream::Close::reset);
    run_ticks(loop_, 1);
    auto other = fake::unix_pair();
    auto handler = std::make_unique<StreamScript>(logs_.emplace_back());
    loop_.open(std::move(other.ours), std::move(handler)).write(base::bytes_of(pattern(3000, 'A')));
    run_ticks(loop_, 2);
    late_.held = late_.hold_cancelled = false;  // The fake now compares the bytes.
    run_ticks(loop_, 3);
    EXPECT_EQ(log_, "closed(local)");
    EXPECT_TRUE(fake::receive_text(other.peer) == pattern(3000, 'A'));
}

TEST_P(StreamLate, TheLoopWaitsForTheSendsOfItsStreamsWhenItEnds) {
    fake::LateControl late;
    std::string log;
    auto pair = fake::unix_pair();
    {
        Loop loop(std::make_unique<fake::LateBackend>(late));
        auto handler = std::make_unique<StreamScript>(log);
        loop.open(std::move(pair.ours), std::move(handler)).write(base::bytes_of("abc"));
        late.held = true;
        fake::run_ticks(loop, 2);
    }
    EXPECT_EQ(log, "closed(local)");
    EXPECT_EQ(late.cancelled, 1u);
    EXPECT_EQ(fake::receive_text(pair.peer), "<end>");
}

// Ciphertext that TLS produces meanwhile must not move the record that is being sent.
TEST_P(StreamLate, CiphertextStaysWhileTlsProducesMore) {
    peer_ = Descriptor();
    auto pair = fake::unix_pair();
    peer_ = std::move(pair.peer);
    stream_ = &loop_.open(std::move(pair.ours), std::make_unique<StreamScript>(log_), tls_filter());
    fake::TlsClient client(only(TLS1_3_VERSION));
    client.feed("");
    const auto talk = [&] {
        fake::send_text(peer_, client.output());
        client.feed(fake::receive_text(peer_));
    };
    ASSERT_TRUE(run_until(loop_, [&] { return talk(), client.established(); }));
    run_ticks(loop_, 3);
    late_.slice_bytes_max = 100;
    write(pattern(20'000));
    run_ticks(loop_, 1);
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
        ASSERT_EQ(SSL_do_handshake(client.ssl()), 1);
        fake::send_text(peer_, client.output());
        run_ticks(loop_, 1);
    }
    write("end");
    ASSERT_TRUE(run_until(loop_, [&] { return talk(), client.plaintext().ends_with("end"); }));
    EXPECT_TRUE(client.plaintext() == pattern(20'000) + "end");
}

}  // namespace
}  // namespace starling::net
