// tests/net/stream_fixture.h: one stream and its peer, on a real loop with the test's clock.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/loop.h"
#include "net/stream.h"
#include "tests/fake/backends.h"
#include "tests/fake/clock.h"
#include "tests/fake/counting_backend.h"
#include "tests/fake/sockets.h"
#include "tests/fake/stream_script.h"

namespace starling::net {

using Input = fake::StreamScript::Input;

inline std::string pattern(size_t size, char first = 'a') {
    std::string text(size, ' ');
    for (size_t i = 0; i < size; ++i) text[i] = char(first + i % 26);
    return text;
}

class StreamTest : public ::testing::TestWithParam<fake::BackendKind> {
protected:
    StreamTest() : loop_(make_backend(), {}, clock_.source()) {
        loop_.on_escaped([this](std::string_view what) { escaped_ += what; });
    }

    [[nodiscard]] std::unique_ptr<Backend> make_backend() {
        return std::make_unique<fake::CountingBackend>(counts_, GetParam().make(late_));
    }
    // Runs `ticks` ticks without waiting, and those that a late backend needs to complete.
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

    Stream& open(fake::Pair pair, const std::string& name = "") {
        peer_ = std::move(pair.peer);
        auto handler = std::make_unique<fake::StreamScript>(log_);
        script_ = handler.get();
        script_->name = name;
        stream_ = &loop_.open(std::move(pair.ours), std::move(handler));
        return *stream_;
    }
    // Opens a stream whose kernel buffer is small.
    Stream& open_narrow() {
        auto pair = fake::unix_pair();
        fake::set_buffer(pair.ours, SO_SNDBUF, 4608);
        return open(std::move(pair));
    }
    void write(std::string_view text) { stream_->write(base::bytes_of(text)); }
    void write_shared(std::string_view text) {
        stream_->write(base::SharedBytes::copy(base::bytes_of(text)));
    }
    void write_shared_now(std::string_view text) {
        stream_->write_shared_now(base::SharedBytes::copy(base::bytes_of(text)));
    }
    void write_now(std::string_view text) {
        const iovec part{const_cast<char*>(text.data()), text.size()};
        stream_->write_now({&part, 1});
    }
    std::string read(size_t bytes) {
        std::string got;
        EXPECT_TRUE(fake::run_until(loop_, [&] {
            got += fake::receive_text(peer_);
            return got.size() >= bytes;
        })) << got.size();
        return got;
    }
    // Sends `text` to the stream so that it arrives in one read.
    void feed(std::string_view text) {
        ASSERT_EQ(fake::send_text(peer_, text), text.size());
        run_ticks(loop_, 1);
    }

    fake::Clock clock_;
    fake::BackendCounts counts_;
    size_t sends_seen_ = 0;
    fake::LateControl late_;
    std::string log_, escaped_;
    std::deque<std::string> logs_;  // Transcripts of further streams.
    Loop loop_;
    Stream* stream_ = nullptr;
    fake::StreamScript* script_ = nullptr;
    Descriptor peer_;
};

}  // namespace starling::net
