// TLS in a stream: bytes through a socket and a loop.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "net/loop.h"
#include "tests/fake/clock.h"
#include "tests/fake/counting_backend.h"
#include "tests/fake/sockets.h"
#include "tests/fake/stream_script.h"
#include "tests/fake/tls_client.h"
#include "tests/net/stream_fixture.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

using fake::run_until;
using fake::StreamScript;
using fake::TlsClient;
using fake::TlsClientOptions;

class TlsStream : public ::testing::TestWithParam<fake::BackendKind> {
protected:
    TlsStream()
        : loop_(std::make_unique<fake::CountingBackend>(counts_, GetParam().make(late_)), {},
                clock_.source()) {}
    void run_ticks(Loop& loop, int ticks) {
        fake::run_ticks(loop, ticks);
        for (int i = 0; i < 3 && late_.submitted != late_.completed; ++i) fake::run_ticks(loop, 1);
        if (!loop.backend().reads_later() || late_.submitted != 0) return;
        // io_uring gets the sends of a tick at the start of the next one.
        for (int i = 0; i < 3 && sends_seen_ != counts_.sends; ++i) {
            sends_seen_ = counts_.sends;
            fake::run_ticks(loop, 1);
        }
    }

    void open(int version, fake::Pair pair = fake::unix_pair(), SSL_SESSION* session = nullptr) {
        log_.clear();
        wire_.clear();
        peer_ = std::move(pair.peer);
        auto handler = std::make_unique<StreamScript>(log_);
        script_ = handler.get();
        auto tls = std::make_unique<TlsSession>(shared_context());
        tls_ = tls.get();
        auto filter = std::make_unique<TlsFilter>(std::move(tls));
        filter_ = filter.get();
        stream_ = &loop_.open(std::move(pair.ours), std::move(handler), std::move(filter));
        TlsClientOptions options = only(version);
        options.session = session;
        client_ = std::make_unique<TlsClient>(options);
        client_->feed("");
    }
    // Carries bytes between client and socket, one tick per round, until `done` is true.
    bool talk_until(const std::function<bool()>& done) {
        return run_until(loop_, [&] {
            to_server_ += client_->output();
            if (peer_) to_server_.erase(0, fake::send_text(peer_, to_server_));
            if (peer_) receive();
            return done();
        });
    }
    void receive() {
        std::string bytes = fake::receive_text(peer_);
        received_ += bytes;
        if (bytes.ends_with("<end>")) wire_ = "<end>", bytes.resize(bytes.size() - 5);
        if (bytes.ends_with("<reset>")) wire_ = "<reset>", bytes.resize(bytes.size() - 7);
        client_->feed(bytes);
    }
    bool shake_hands() {
        return talk_until([&] { return client_->established() && tls_->established(); });
    }
    bool log_reaches(const std::string& text) {
        return talk_until([&] { return log_.find(text) != std::string::npos; });
    }
    void echo() {
        script_->bytes = [](Stream& stream, StreamScript::Input& input) {
            stream.write(input);
            input = {};
        };
    }

    fake::Clock clock_;
    fake::BackendCounts counts_;
    size_t sends_seen_ = 0;
    fake::LateControl late_;
    std::string log_, wire_, to_server_;
    Loop loop_;
    Stream* stream_ = nullptr;
    StreamScript* script_ = nullptr;
    TlsSession* tls_ = nullptr;
    TlsFilter* filter_ = nullptr;
    std::string received_;  // Ciphertext.
    std::unique_ptr<TlsClient> client_;
    Descriptor peer_;
};

INSTANTIATE_TEST_SUITE_P(Backends, TlsStream, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(TlsStream, EchoesAMegabyteAndKeepsNoBufferWhenIdle) {
    for (const auto& [version, name] : versions) {
        auto pair = fake::tcp_pair();
        // Small, so that the kernel refuses bytes.
        fake::set_buffer(pair.ours, SO_SNDBUF, 16 * 1024);
        open(version, std::move(pair));
        EXPECT_TRUE(stream_->is_secure());
        ASSERT_TRUE(shake_hands());
        echo();
        const std::string want = pattern(1 << 20);
        ASSERT_TRUE(client_->write(want));
        ASSERT_TRUE(talk_until([&] { return client_->plaintext().size() >= want.size(); }));
        EXPECT_TRUE(client_->plaintext() == want) << name;
        EXPECT_EQ(stream_->queued_bytes(), 0u);
        EXPECT_LE(tls_->output().capacity(), std::string().capacity());
        client_->close();
        ASSERT_TRUE(log_reaches("closed"));
    }
}

TEST_P(TlsStream, WritesOfOneTickAreOneRecordAndOneSystemCall) {
    open(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    run_ticks(loop_, 2);
    receive();
    const size_t sends = counts_.sends, bytes = counts_.sent_bytes;
    for (int i = 0; i < 100; ++i) stream_->write(base::bytes_of("abc"));
    std::string now = "now";
    const iovec part{now.data(), now.size()};
    stream_->write_now({&part, 1});
    run_ticks(loop_, 1);
    EXPECT_EQ(counts_.sends, sends + 1);
    EXPECT_LT(counts_.sent_bytes - bytes, 303u + 40);
    receive();
    EXPECT_EQ(client_->plaintext().size(), 303u);
}

// The sizes of the records in `wire`, without their headers.
std::vector<size_t> record_sizes(std::string_view wire) {
    std::vector<size_t> sizes;
    while (wire.size() >= 5) {
        const size_t size = size_t(uint8_t(wire[3])) << 8 | uint8_t(wire[4]);
        sizes.push_back(size);
        wire.remove_prefix(std::min(wire.size(), 5 + size));
    }
    return sizes;
}

TEST_P(TlsStream, RecordsAreSmallAtTheStartAndAfterAPauseAndThenFull) {
    constexpr size_t small = TlsRecordSize::small_bytes, full = TlsSession::record_bytes_max;
    for (const auto& [version, name] : versions) {
        open(version, fake::tcp_pair());
        ASSERT_TRUE(shake_hands());
        run_ticks(loop_, 2);
        receive();
        for (int burst = 0; burst < 2; ++burst) {
            received_.clear();
            const size_t sends = counts_.sends, before = client_->plaintext().size();
            const std::string text = pattern(200'000);
            stream_->write(base::bytes_of(text));
            ASSERT_TRUE(
                talk_until([&] { return client_->plaintext().size() == before + text.size(); }));
            // Several small records leave in one system call.
            EXPECT_LE(counts_.sends - sends, text.size() / full + 20);
            const std::vector<size_t> sizes = record_sizes(received_);
            ASSERT_GT(sizes.size(), 30u) << name;
            for (size_t i = 0; i < 30; ++i) EXPECT_LE(sizes[i], small + 24) << name << ' ' << i;
            EXPECT_GT(std::ranges::max(sizes), full) << name;
            EXPECT_LT(sizes.size(), 50u) << name;
            clock_.advance(TlsRecordSize::idle_ms);
            run_ticks(loop_, 1);
        }
        stream_->close();
        peer_.reset();
        ASSERT_TRUE(log_reaches("closed"));
    }
}

TEST_P(TlsStream, AnIdleConnectionHoldsNeitherAnSslObjectNorCiphers) {
    static_assert(sizeof(TlsRecords) <= 248);
    static_assert(sizeof(TlsSession) <= 192);
    static_assert(sizeof(TlsFilter) <= 96);
    for (const auto& [version, name] : versions) {
        open(version);
        ASSERT_TRUE(shake_hands());
        echo();
        for (const std::string text : {"one", "two", "three"}) {
            client_->plaintext().clear();
            EXPECT_TRUE(client_->write(text));
            ASSERT_TRUE(talk_until([&] { return client_->plaintext() == text; })) << name;
            EXPECT_EQ(tls_->is_small(), version == TLS1_3_VERSION);
            EXPECT_TRUE(filter_->linked());
            clock_.advance(TlsFilter::rest_after_ms + 1'000);
            run_ticks(loop_, 2);
            EXPECT_FALSE(filter_->linked());
        }
        stream_->close();
        peer_.reset();
        ASSERT_TRUE(log_reaches("closed"));
    }
}

// RFC 5246 section 7.3: in an abbreviated handshake the client sends last. So no message of the
// server follows that would also send the queued plaintext.
TEST_P(TlsStream, WhatIsWrittenDuringTheHandshakeLeavesAfterIt) {
    for (const auto& [version, name] : versions) {
        open(version);
        stream_->write(base::bytes_of("welcome"));
        ASSERT_TRUE(talk_until([&] { return client_->plaintext() == "welcome"; })) << name;
        ASSERT_NE(client_->session(), nullptr);
        const std::unique_ptr<TlsClient> first = std::move(client_);
        stream_->close();
        run_ticks(loop_, 2);

        open(version, fake::unix_pair(), first->session());
        stream_->write(base::bytes_of("welcome back"));
        ASSERT_TRUE(talk_until([&] { return client_->plaintext() == "welcome back"; })) << name;
        EXPECT_TRUE(client_->resumed());
        stream_->close();
        run_ticks(loop_, 2);
    }
}

TEST_P(TlsStream, CloseNotifyOfThePeerIsAnEndAndIsAnswered) {
    for (const auto& [version, name] : versions) {
        open(version);
        ASSERT_TRUE(shake_hands());
        EXPECT_TRUE(client_->write("bye"));
        client_->close();
        ASSERT_TRUE(log_reaches("closed"));
        EXPECT_EQ(log_, "bytes(bye) ended closed(ended)") << name;
        receive();
        EXPECT_TRUE(client_->ended()) << name;
        EXPECT_EQ(wire_, "<end>");
    }
}

TEST_P(TlsStream, OurCloseSendsWhatIsQueuedAndACloseNotify) {
    auto pair = fake::unix_pair();
    fake::set_buffer(pair.ours, SO_SNDBUF, 4608);
    open(TLS1_3_VERSION, std::move(pair));
    ASSERT_TRUE(shake_hands());
    const std::string want = pattern(100'000);
    stream_->write(base::bytes_of(want));
    stream_->close();
    ASSERT_TRUE(talk_until([&] { return client_->ended() && wire_ == "<end>"; }));
    EXPECT_TRUE(client_->plaintext() == want);
    peer_.reset();
    ASSERT_TRUE(log_reaches("closed"));
    EXPECT_EQ(log_, "closed(local)");
}

TEST_P(TlsStream, TheLastBytesAndTheCloseNotifyAreOneSystemCall) {
    for (const auto& [version, name] : versions) {
        open(version);
        ASSERT_TRUE(shake_hands());
        run_ticks(loop_, 2);
        receive();
        const size_t sends = counts_.sends;
        stream_->write(base::bytes_of("bye"));
        stream_->close();
        ASSERT_TRUE(talk_until([&] { return client_->ended() && wire_ == "<end>"; })) << name;
        EXPECT_EQ(client_->plaintext(), "bye") << name;
        EXPECT_EQ(counts_.sends, sends + 1) << name;
        peer_.reset();
        ASSERT_TRUE(log_reaches("closed(local)")) << name;
    }
}

// Each record is one turn; the end comes after the last one.
TEST_P(TlsStream, AHandlerThatYieldsItsTurnGetsEverythingInOrder) {
    open(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    std::string got;
    script_->bytes = [&](Stream& stream, StreamScript::Input& input) {
        got += fake::take(input, std::min<size_t>(1000, input.size()));
        if (!input.empty()) stream.yield_turn();
    };
    const std::string want = pattern(120'000);
    EXPECT_TRUE(client_->write(want));
    client_->close();
    ASSERT_TRUE(log_reaches("closed"));
    EXPECT_TRUE(got == want) << got.size();
    EXPECT_TRUE(log_.ends_with(" ended closed(ended)"));
}

TEST_P(TlsStream, AStreamCutOffIsAnEnd) {
    open(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    EXPECT_TRUE(client_->write(pattern(1000)));
    const std::string record = client_->output();
    fake::send_text(peer_, std::string_view(record).substr(0, record.size() / 2));
    ::shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(log_reaches("closed"));
    EXPECT_EQ(log_, "ended closed(ended)");  // No byte of the incomplete record is delivered.
}

TEST_P(TlsStream, ARecordThatWasTamperedWithFailsTheStream) {
    open(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    EXPECT_TRUE(client_->write("attack at dawn"));
    std::string record = client_->output();
    record[record.size() - 3] ^= 1;
    fake::send_text(peer_, record);
    ASSERT_TRUE(talk_until([&] { return wire_ == "<end>"; }));
    peer_.reset();
    ASSERT_TRUE(log_reaches("closed"));
    EXPECT_EQ(log_, "closed(failed)");
    EXPECT_NE(client_->error().find("bad record mac"), std::string::npos) << client_->error();
}

TEST_P(TlsStream, GarbageInsteadOfAClientHelloFailsTheStream) {
    open(TLS1_3_VERSION);
    (void)client_->output();
    fake::send_text(peer_, "GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(talk_until([&] { return wire_ == "<end>"; }));
    peer_.reset();
    ASSERT_TRUE(log_reaches("closed"));
    EXPECT_EQ(log_, "closed(failed)");
}

TEST_P(TlsStream, ACloseDuringTheHandshakeDropsWhatWaitedForIt) {
    open(TLS1_3_VERSION);
    stream_->write(base::bytes_of("never"));
    stream_->close();
    run_ticks(loop_, 2);
    EXPECT_EQ(fake::receive_text(peer_), "<end>");
    peer_.reset();
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "closed(local)");
}

// The end arrived together with requests that a paused handler has not seen.
TEST_P(TlsStream, AnEndWaitsForAPausedHandler) {
    open(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    script_->bytes = [](Stream& stream, StreamScript::Input& input) {
        fake::take(input, 1);
        stream.pause_receiving();
    };
    EXPECT_TRUE(client_->write("ab"));
    EXPECT_TRUE(client_->write("c"));
    client_->close();
    ASSERT_TRUE(log_reaches("bytes(ab)"));
    run_ticks(loop_, 3);
    EXPECT_EQ(log_, "bytes(ab)");
    stream_->resume_receiving();
    loop_.run_once(-1);
    EXPECT_EQ(log_, "bytes(ab) bytes(bc)");
    stream_->resume_receiving();
    loop_.run_once(-1);
    EXPECT_EQ(log_, "bytes(ab) bytes(bc) bytes(c)");
    stream_->resume_receiving();
    loop_.run_once(-1);
    run_ticks(loop_, 0);
    EXPECT_EQ(log_, "bytes(ab) bytes(bc) bytes(c) ended closed(ended)");
}

TEST_P(TlsStream, AQueueThatDoesNotMoveIsClosed) {
    auto pair = fake::unix_pair();
    fake::set_buffer(pair.ours, SO_SNDBUF, 4608);
    open(TLS1_3_VERSION, std::move(pair));
    ASSERT_TRUE(shake_hands());
    run_ticks(loop_, 2);
    receive();
    stream_->write(base::bytes_of(pattern(50'000)));
    run_ticks(loop_, 2);
    const size_t queued = stream_->queued_bytes();
    EXPECT_GT(queued, 0u);
    clock_.advance(9'000);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "");
    clock_.advance(1'250);
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "closed(stalled)");
}

TEST_P(TlsStream, WhatAHandlerLeavesComesBackWithMoreBehindIt) {
    open(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    std::string got;
    script_->bytes = [&](Stream&, StreamScript::Input& input) {
        while (input.size() >= 30'000) got += fake::take(input, 30'000);
    };
    const std::string want = pattern(150'000);
    EXPECT_TRUE(client_->write(want));
    ASSERT_TRUE(talk_until([&] { return got.size() == want.size(); }));
    EXPECT_TRUE(got == want);
}

// RFC 8446 section 4.6.3.
TEST_P(TlsStream, AFloodOfKeyUpdatesFailsTheStreamAndSomeDoNot) {
    open(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    echo();
    const auto update = [&](uint32_t times) {
        for (uint32_t i = 0; i < times; ++i) {
            ASSERT_EQ(SSL_key_update(client_->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
            ASSERT_EQ(SSL_do_handshake(client_->ssl()), 1);
        }
        EXPECT_TRUE(client_->write("x"));
    };
    size_t echoed = 0;
    for (int minute = 0; minute < 3; ++minute) {
        update(TlsSession::key_updates_per_minute_max);
        ++echoed;
        ASSERT_TRUE(talk_until([&] { return client_->plaintext().size() == echoed; })) << minute;
        clock_.advance(60'000);
    }
    update(TlsSession::key_updates_per_minute_max + 1);
    ASSERT_TRUE(talk_until([&] { return wire_ == "<end>"; }));
    EXPECT_EQ(client_->plaintext().size(), echoed);
    peer_.reset();
    ASSERT_TRUE(log_reaches("closed(failed)")) << log_;
}

}  // namespace
}  // namespace starling::net
