// A stream moves between loops: with kept input, with bytes in the kernel, with TLS, and with peers
// that disconnect meanwhile.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/net/stream_fixture.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

using fake::run_until;
using fake::StreamScript;

// The handler consumes `head`, pauses, and detaches the stream as soon as nothing is queued.
class StreamDetach : public StreamTest {
protected:
    StreamDetach() : other_(make_backend(), {}, clock_.source()) {}

    Stream& open_to_move(fake::Pair pair, std::unique_ptr<TlsFilter> tls = nullptr) {
        peer_ = std::move(pair.peer);
        auto handler = std::make_unique<StreamScript>(log_);
        script_ = handler.get();
        script_->bytes = [this](Stream& stream, Input& input) {
            if (input.size() < head_bytes_) return;
            fake::take(input, head_bytes_);
            stream.pause_receiving();
            stream.want_drained();
        };
        script_->drained = [this](Stream& stream) { detached_.emplace(stream.detach()); };
        stream_ = &loop_.open(std::move(pair.ours), std::move(handler), std::move(tls));
        return *stream_;
    }
    void arrive() {
        script_->bytes = nullptr;
        script_->drained = nullptr;
        stream_ = &other_.open(std::move(*detached_));
        detached_.reset();
        stream_->resume_receiving();
    }
    bool moves() {
        return run_until(loop_, [&] { return detached_.has_value(); });
    }
    bool log_ends_with(std::string_view text) {
        return run_until(other_, [&] { return log_.ends_with(text); });
    }

    size_t head_bytes_ = 4;
    std::optional<Detached> detached_;
    Loop other_;
};

INSTANTIATE_TEST_SUITE_P(Backends, StreamDetach, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(StreamDetach, WhatWasKeptAndWhatWaitsComeInOrder) {
    for (const std::string_view behind : {"", "b", "body"}) {
        log_.clear();
        open_to_move(fake::tcp_pair());
        fake::send_text(peer_, "head" + std::string(behind));
        ASSERT_TRUE(moves());
        EXPECT_EQ(detached_->kept ? detached_->kept->view() : "", behind);
        fake::send_text(peer_, "|later");
        run_ticks(loop_, 2);
        EXPECT_EQ(loop_.streams().size(), 0u);
        EXPECT_EQ(log_, "bytes(head" + std::string(behind) + ") drained");
        arrive();
        ASSERT_TRUE(log_ends_with("|later)")) << log_;
        stream_->write(base::bytes_of("answer"));
        ASSERT_TRUE(run_until(other_, [&] { return fake::receive_text(peer_) == "answer"; }));
        peer_.reset();
        EXPECT_TRUE(log_ends_with("ended closed(ended)")) << log_;
        EXPECT_EQ(other_.streams().size(), 0u);
    }
}

TEST_P(StreamDetach, TimeoutsStayBehind) {
    open_to_move(fake::tcp_pair()).set_timeout(1'000);
    feed("head");
    ASSERT_TRUE(moves());
    clock_.advance(5'000);
    run_ticks(loop_, 2);
    arrive();
    run_ticks(other_, 2);
    EXPECT_EQ(log_, "bytes(head) drained");
    stream_->set_timeout(1'000);
    clock_.advance(2'000);
    run_ticks(other_, 2);
    EXPECT_EQ(log_, "bytes(head) drained timeout");
}

TEST_P(StreamDetach, OnlyOnceTheQueueHasLeft) {
    auto pair = fake::unix_pair();
    fake::set_buffer(pair.ours, SO_SNDBUF, 4608);
    open_to_move(std::move(pair));
    const std::string answer = pattern(100'000);
    write(answer);
    feed("head");
    EXPECT_FALSE(detached_);
    EXPECT_EQ(read(answer.size()), answer);
    EXPECT_TRUE(moves());
}

TEST_P(StreamDetach, APeerThatLeavesBeforeIsToldHereAndAfterThere) {
    auto pair = fake::unix_pair();
    fake::set_buffer(pair.ours, SO_SNDBUF, 4608);
    open_to_move(std::move(pair));
    write(pattern(100'000));
    feed("head");
    peer_.reset();
    run_until(loop_, [&] { return log_.ends_with(")") && loop_.streams().size() == 0; });
    EXPECT_EQ(log_, "bytes(head) closed(failed)");
    EXPECT_FALSE(detached_);

    log_.clear();
    open_to_move(fake::tcp_pair());
    feed("head");
    ASSERT_TRUE(moves());
    peer_.reset();
    arrive();
    EXPECT_TRUE(log_ends_with("ended closed(ended)")) << log_;

    log_.clear();
    open_to_move(fake::tcp_pair());
    feed("head");
    ASSERT_TRUE(moves());
    fake::reset(std::move(peer_));
    arrive();
    EXPECT_TRUE(log_ends_with("closed(failed)")) << log_;
}

TEST_P(StreamDetach, OneThatNobodyTakesIsClosedWithoutAWord) {
    open_to_move(fake::tcp_pair());
    feed("head");
    ASSERT_TRUE(moves());
    detached_.reset();
    EXPECT_TRUE(run_until(loop_, [&] { return fake::receive_text(peer_) == "<end>"; }));
    EXPECT_EQ(log_, "bytes(head) drained");
}

TEST_P(StreamDetach, TlsGoesOnWhereItWas) {
    for (const auto& [version, name] : versions) {
        for (const bool peer_ends : {false, true}) {
            log_.clear();
            open_to_move(fake::tcp_pair(), tls_filter());
            fake::TlsClient client(only(version));
            client.feed("");
            Loop* loop = &loop_;
            const auto talk_until = [&](auto&& done) {
                return run_until(loop_, [&] {
                    fake::send_text(peer_, client.output());
                    if (loop != &loop_) run_ticks(*loop, 1);
                    std::string bytes = fake::receive_text(peer_);
                    if (bytes.ends_with("<end>")) bytes.resize(bytes.size() - 5);
                    client.feed(bytes);
                    return done();
                });
            };
            ASSERT_TRUE(talk_until([&] { return client.established(); })) << name;
            // Three records in one read: the second is kept, the third is not decrypted yet.
            EXPECT_TRUE(client.write("head+"));
            EXPECT_TRUE(client.write("second+"));
            EXPECT_TRUE(client.write("third"));
            if (peer_ends) client.close();
            ASSERT_TRUE(talk_until([&] { return detached_.has_value(); })) << name;
            arrive();
            loop = &other_;
            if (peer_ends) {
                ASSERT_TRUE(talk_until([&] { return log_.ends_with("closed(ended)"); })) << log_;
                EXPECT_NE(log_.find("bytes(+second+third) ended"), log_.npos) << log_;
                continue;
            }
            ASSERT_TRUE(talk_until([&] { return log_.ends_with("third)"); })) << name << log_;
            EXPECT_TRUE(stream_->is_secure());
            stream_->write(base::bytes_of("answer"));
            ASSERT_TRUE(talk_until([&] { return client.plaintext() == "answer"; })) << name;
            EXPECT_TRUE(client.write("more"));
            ASSERT_TRUE(talk_until([&] { return log_.ends_with("bytes(more)"); })) << name << log_;
            stream_->close();
            run_ticks(other_, 2);
        }
    }
}

}  // namespace
}  // namespace starling::net
