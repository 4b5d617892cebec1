// The contract of net/backend.h, which every backend must fulfil. To test another backend add it to
// fake::backend_kinds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/acceptor.h"
#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/counting_backend.h"
#include "tests/fake/sockets.h"
#include "tests/fake/stream_script.h"

namespace starling::net {
namespace {

using fake::BackendCounts;
using fake::CountingBackend;
using fake::run_ticks;
using fake::run_until;
using fake::StreamScript;

enum class Kind { unix_domain, tcp_v4, tcp_v6 };

struct Param {
    std::string name;
    fake::BackendKind backend;
    Kind kind;
};

std::vector<Param> params() {
    std::vector<Param> all;
    for (const auto& backend : fake::backend_kinds) {
        all.push_back({std::string(backend.name) + "_unix", backend, Kind::unix_domain});
        all.push_back({std::string(backend.name) + "_tcp4", backend, Kind::tcp_v4});
        all.push_back({std::string(backend.name) + "_tcp6", backend, Kind::tcp_v6});
    }
    return all;
}

std::string pattern(size_t size) {
    std::string text(size, ' ');
    for (size_t i = 0; i < size; ++i) text[i] = char('a' + i % 26);
    return text;
}

class BackendContract : public ::testing::TestWithParam<Param> {
protected:
    BackendContract()
        : loop_(std::make_unique<CountingBackend>(counts_, GetParam().backend.make(late_))) {}

    void SetUp() override {
        if (GetParam().kind == Kind::tcp_v6) {
            const auto listening = listen_on(fake::address("[::1]:0"), false);
            if (!listening) GTEST_SKIP() << listening.error();
        }
        auto pair = make_pair();
        peer_ = std::move(pair.peer);
        auto handler = std::make_unique<StreamScript>(log_);
        script_ = handler.get();
        script_->ended = [](Stream&) {};  // Stays open, to detect a second report.
        stream_ = &loop_.open(std::move(pair.ours), std::move(handler));
    }

    static fake::Pair make_pair() {
        switch (GetParam().kind) {
            case Kind::unix_domain: return fake::unix_pair();
            case Kind::tcp_v4: return fake::tcp_pair("127.0.0.1:0");
            case Kind::tcp_v6: break;
        }
        return fake::tcp_pair("[::1]:0");
    }
    [[nodiscard]] bool log_reaches(const std::string& text) {
        return run_until(loop_, [&] { return log_.find(text) != std::string::npos; });
    }
    // Resets a TCP connection. A Unix-domain socket that is closed with unread bytes behaves the
    // same.
    void break_connection() {
        std::string unread = "unread";
        const iovec part{unread.data(), unread.size()};
        stream_->write_now({&part, 1});
        run_ticks(loop_, 2);  // A backend that sends late sends it in these ticks.
        fake::reset(std::move(peer_));
    }
    // Collects the bytes without a line in the transcript for each piece.
    void collect(std::string& into) {
        script_->bytes = [&into](Stream&, StreamScript::Input& input) {
            into += base::text_of(input);
            input = {};
        };
    }

    void write_shared(const std::string& text) {
        stream_->write(base::SharedBytes::copy(base::bytes_of(text)));
    }
    [[nodiscard]] std::string receive(size_t bytes) {
        std::string got;
        EXPECT_TRUE(run_until(loop_, [&] {
            got += fake::receive_text(peer_);
            return got.size() >= bytes;
        }));
        return got;
    }

    BackendCounts counts_;
    fake::LateControl late_;
    std::string log_;
    Loop loop_;
    StreamScript* script_ = nullptr;
    Stream* stream_ = nullptr;
    Descriptor peer_;
};

INSTANTIATE_TEST_SUITE_P(All, BackendContract, ::testing::ValuesIn(params()),
                         [](const auto& test) { return test.param.name; });

TEST_P(BackendContract, BytesArrive) {
    fake::send_text(peer_, "hello");
    ASSERT_TRUE(log_reaches("hello"));
    fake::send_text(peer_, "world");
    ASSERT_TRUE(log_reaches("world"));
    EXPECT_EQ(log_, "bytes(hello) bytes(world)");
}

TEST_P(BackendContract, ManyBytesArriveInOrder) {
    const std::string want = pattern(3'000'000);
    std::string got;
    collect(got);
    size_t sent = 0;
    ASSERT_TRUE(run_until(loop_, [&] {
        sent += fake::send_text(peer_, std::string_view(want).substr(sent));
        return got.size() == want.size();
    }));
    EXPECT_TRUE(got == want);
}

TEST_P(BackendContract, MemoryBeforeReceivedBytesIsWritable) {
    size_t filled = 0;
    script_->bytes = [&](Stream&, StreamScript::Input& input) {
        filled += Backend::receive_headroom_bytes + input.size();
        std::byte* const front = input.data() - Backend::receive_headroom_bytes;
        std::fill(front, input.data() + input.size(), std::byte{'x'});
        input = {};
    };
    fake::send_text(peer_, "abc");
    ASSERT_TRUE(run_until(loop_, [&] { return filled != 0; }));
    EXPECT_EQ(filled, Backend::receive_headroom_bytes + 3);
}

TEST_P(BackendContract, SendTakesSeveralParts) {
    const std::string a = pattern(2000), b = "x", c = pattern(5000);
    write_shared(a), stream_->write(base::bytes_of(b)), write_shared(c);
    EXPECT_EQ(receive(7001), a + b + c);
    EXPECT_EQ(counts_.sends, 1u);
    EXPECT_EQ(counts_.sent_parts, 3u);
}

TEST_P(BackendContract, PartsMayBeEmpty) {
    std::string a = "one ", b = "", c = "two";
    const iovec parts[] = {{a.data(), a.size()}, {b.data(), b.size()}, {c.data(), c.size()}};
    stream_->write_now(parts);
    a = c = "gone";  // The caller's memory is only valid during the call.
    EXPECT_EQ(receive(7), "one two");
}

// The stream submits the rest of a short send, and is notified once the peer has made room.
TEST_P(BackendContract, APeerThatDoesNotReadLeavesOneSendPending) {
    const int small = 4096;
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    std::string bytes = pattern(1'000'000);
    const iovec part{bytes.data(), bytes.size()};
    stream_->write_now({&part, 1});
    // While the peer does not read, no send completes, and no unnecessary system call is made.
    ASSERT_TRUE(run_until(loop_, [&, sends = size_t(0), same = 0]() mutable {
        same = std::exchange(sends, counts_.sends) == counts_.sends ? same + 1 : 0;
        return same == 50;
    }));
    const size_t pending = counts_.pending_sends;
    EXPECT_GT(pending, 0u);
    run_ticks(loop_, 20);
    EXPECT_EQ(counts_.pending_sends, pending);
    EXPECT_EQ(log_, "");

    std::string got;
    ASSERT_TRUE(run_until(loop_, [&] {
        got += fake::receive_text(peer_);
        return got.size() >= bytes.size() && log_ == "drained";
    }));
    EXPECT_TRUE(got == bytes);
    if (!loop_.backend().reads_later()) {
        // Each short send led to one pending send, which led to one completion and a new send.
        EXPECT_EQ(counts_.sends, counts_.short_sends + 1);
        EXPECT_EQ(counts_.pending_sends, counts_.short_sends);
    }
}

// Bytes of a pending send neither move nor change while more is written after them; the late
// backend compares them.
TEST_P(BackendContract, WhatIsWrittenWhileASendIsPendingComesBehindIt) {
    const int small = 4096;
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    late_.slice_bytes_max = 700;
    std::string want, got;
    for (int i = 0; i < 200; ++i) {
        const std::string text = pattern(size_t(i) * 37 % 3000 + 1);
        want += text;
        std::byte* at = nullptr;
        switch (i % 4) {
            case 0: stream_->write(base::bytes_of(text)); break;
            case 1: write_shared(text); break;
            case 2:
                at = stream_->extend(text.size());
                ASSERT_TRUE(at);
                std::copy_n(base::bytes_of(text).data(), text.size(), at);
                break;
            case 3: stream_->write_shared_now(base::SharedBytes::copy(base::bytes_of(text))); break;
        }
        run_ticks(loop_, i % 3);
        got += fake::receive_text(peer_, size_t(i) * 53 % 4000);
    }
    got += receive(want.size() - got.size());
    EXPECT_TRUE(got == want);
}

// The memory stays until the backend has ended the send; no further bytes are reported.
TEST_P(BackendContract, AStreamThatIsResetWhileASendIsPendingEndsOnce) {
    const int small = 4096;
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    late_.held = late_.hold_cancelled = true;
    write_shared(pattern(1'000'000));
    run_ticks(loop_, 3);
    EXPECT_GT(counts_.pending_sends, 0u);
    stream_->close(Stream::Close::reset);
    fake::send_text(peer_, "too late");
    run_ticks(loop_, 5);
    EXPECT_EQ(log_, loop_.backend().reads_later() ? "" : "closed(local)");
    late_.hold_cancelled = false;
    run_ticks(loop_, 2);
    EXPECT_EQ(log_, "closed(local)");
    EXPECT_EQ(loop_.streams().size(), 0u);
    EXPECT_EQ(late_.cancelled, loop_.backend().reads_later() ? 1u : 0u);
}

TEST_P(BackendContract, TheEndIsReportedOnce) {
    fake::send_text(peer_, "bye");
    ::shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(log_reaches("ended"));
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "bytes(bye) ended");
    stream_->write(base::bytes_of("answer"));  // The other direction is still open.
    EXPECT_EQ(receive(6), "answer");
}

TEST_P(BackendContract, AFailureIsReportedOnceAndLast) {
    break_connection();
    ASSERT_TRUE(log_reaches("closed"));
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "closed(failed)");
}

TEST_P(BackendContract, AFailureIsReportedThoughReceivingIsOff) {
    stream_->pause_receiving();
    run_ticks(loop_, 1);
    break_connection();
    ASSERT_TRUE(log_reaches("closed"));
    EXPECT_EQ(log_, "closed(failed)");
}

TEST_P(BackendContract, SendingToAPeerThatIsGoneFails) {
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] {
        if (log_.find("closed") != std::string::npos) return true;
        stream_->write(base::bytes_of("x"));
        return false;
    }));
    EXPECT_TRUE(log_.ends_with("closed(failed)")) << log_;
}

TEST_P(BackendContract, ReceivingCanBeOffAndOnAgain) {
    loop_.backend().receive(*stream_, false);
    fake::send_text(peer_, "later");
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "");
    loop_.backend().receive(*stream_, false);
    loop_.backend().receive(*stream_, true);
    loop_.backend().receive(*stream_, true);
    ASSERT_TRUE(log_reaches("later"));
    EXPECT_EQ(log_, "bytes(later)");
}

// The peer writes and disconnects while receiving is off: its bytes are read later, and its end is
// not reported again and again.
TEST_P(BackendContract, WhatAPeerSentBeforeItLeftIsReadOnceReceivingIsOn) {
    stream_->pause_receiving();
    fake::send_text(peer_, "last words");
    peer_.reset();
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "");
    stream_->resume_receiving();
    ASSERT_TRUE(log_reaches("ended"));
    EXPECT_TRUE(log_.starts_with("bytes(last words) ended")) << log_;
}

TEST_P(BackendContract, APeerThatLeftDoesNotSpinTheLoopWhileReceivingIsOff) {
    stream_->pause_receiving();
    fake::send_text(peer_, "x");
    peer_.reset();
    run_ticks(loop_, 5);
    const auto before = std::chrono::steady_clock::now();
    loop_.backend().wait(40);
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30));
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, NothingIsReportedAfterRemove) {
    fake::send_text(peer_, "too late");
    loop_.backend().wait(1000);
    EXPECT_FALSE(loop_.backend().remove(*stream_, false));  // No send is pending.
    loop_.backend().dispatch();
    peer_.reset();
    run_ticks(loop_, 20);
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, AStreamClosedEarlierInTheSameBatchHearsNothing) {
    auto second_pair = make_pair();
    auto handler = std::make_unique<StreamScript>(log_);
    Stream* second = &loop_.open(std::move(second_pair.ours), std::move(handler));
    // The stream that gets the first event closes the other one.
    int heard = 0;
    const auto close_other = [&](Stream& self, StreamScript::Input& input) {
        ++heard;
        input = {};
        (&self == second ? stream_ : second)->close(Stream::Close::reset);
    };
    script_->bytes = close_other;
    static_cast<StreamScript*>(second->handler())->bytes = close_other;
    fake::send_text(peer_, "a");
    fake::send_text(second_pair.peer, "b");
    ASSERT_TRUE(log_reaches("closed(local)"));
    run_ticks(loop_, 5);
    EXPECT_EQ(heard, 1);
    EXPECT_EQ(loop_.streams().size(), 1u);
}

TEST_P(BackendContract, WakeFromAnotherThreadEndsTheWait) {
    std::thread other([this] { loop_.backend().wake(); });
    loop_.backend().wait(-1);
    loop_.backend().dispatch();
    other.join();
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, WakeBeforeTheWaitEndsItToo) {
    for (int i = 0; i < 3; ++i) {
        loop_.backend().wake();
        loop_.backend().wake();
        loop_.backend().wait(-1);
        loop_.backend().dispatch();
    }
    EXPECT_EQ(log_, "");
}

TEST_P(BackendContract, TimeoutsEndTheWait) {
    for (const int timeout_ms : {0, 1, 10}) {
        loop_.backend().wait(timeout_ms);
        loop_.backend().dispatch();
    }
    EXPECT_EQ(counts_.waits, 3u);
    EXPECT_EQ(log_, "");
}

class AcceptContract : public BackendContract {
protected:
    void SetUp() override {
        BackendContract::SetUp();
        if (IsSkipped()) return;
        directory_ = ::testing::TempDir() + "starling-XXXXXX";
        ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
        listening_ =
            fake::listen_at(GetParam().kind == Kind::unix_domain ? "unix:" + directory_ + "/s"
                            : GetParam().kind == Kind::tcp_v4    ? "127.0.0.1:0"
                                                                 : "[::1]:0");
        listening_fd_ = listening_.get();
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string directory_;
    Descriptor listening_;
    int listening_fd_ = -1;
};

INSTANTIATE_TEST_SUITE_P(All, AcceptContract, ::testing::ValuesIn(params()),
                         [](const auto& test) { return test.param.name; });

TEST_P(AcceptContract, AcceptedDescriptorsDoNotBlockAndAreNotInherited) {
    std::vector<Descriptor> accepted;
    const Acceptor acceptor(loop_, std::move(listening_),
                            [&](Descriptor fd) { accepted.push_back(std::move(fd)); });
    std::vector<Descriptor> peers;
    for (int i = 0; i < 5; ++i) peers.push_back(fake::connect_to(listening_fd_));
    ASSERT_TRUE(run_until(loop_, [&] { return accepted.size() == 5; }));
    for (const auto& fd : accepted) {
        EXPECT_TRUE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK);
        EXPECT_TRUE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC);
    }
    fake::send_text(peers[0], "hi");
    std::string got;
    ASSERT_TRUE(run_until(loop_, [&] {
        for (const auto& fd : accepted) got += fake::receive_text(fd);
        return !got.empty();
    }));
    EXPECT_EQ(got, "hi");
}

TEST_P(AcceptContract, NothingIsAcceptedAfterUnlisten) {
    int accepted = 0;
    Acceptor acceptor(loop_, std::move(listening_), [&](Descriptor) { ++accepted; });
    const Descriptor peer = fake::connect_to(listening_fd_);
    loop_.backend().wait(1000);
    loop_.backend().unlisten(acceptor);
    loop_.backend().dispatch();
    run_ticks(loop_, 10);
    EXPECT_EQ(accepted, 0);
    EXPECT_FALSE(loop_.backend().listen(acceptor));
    EXPECT_TRUE(run_until(loop_, [&] { return accepted == 1; }));
}

TEST_P(AcceptContract, AnOwnerMayStopListeningFromTheCall) {
    int accepted = 0;
    Acceptor* listener = nullptr;
    Acceptor acceptor(loop_, std::move(listening_), [&](Descriptor) {
        if (++accepted == 2) loop_.backend().unlisten(*listener);
    });
    listener = &acceptor;
    std::vector<Descriptor> peers;
    for (int i = 0; i < 5; ++i) peers.push_back(fake::connect_to(listening_fd_));
    run_ticks(loop_, 20);
    EXPECT_EQ(accepted, 2);
}

// A handler that destroys the acceptor may run in the same batch as a new connection's event.
TEST_P(AcceptContract, AnAcceptorDestroyedEarlierInTheSameBatchHearsNothing) {
    int accepted = 0;
    auto acceptor =
        std::make_unique<Acceptor>(loop_, std::move(listening_), [&](Descriptor) { ++accepted; });
    fake::send_text(peer_, "stop");  // Ready first, so it is reported first.
    const Descriptor peer = fake::connect_to(listening_fd_);
    script_->bytes = [&](Stream&, StreamScript::Input& input) {
        input = {};
        acceptor.reset();
    };
    run_ticks(loop_, 5);
    EXPECT_EQ(acceptor, nullptr);
    EXPECT_LE(accepted, 1);
}

TEST_P(AcceptContract, AFailureToAcceptIsReported) {
    int accepted = 0;
    const Acceptor acceptor(loop_, std::move(listening_), [&](Descriptor) { ++accepted; });
    const Descriptor peer = fake::connect_to(listening_fd_);
    rlimit saved{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
    rlimit none = saved;
    none.rlim_cur = 3;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    run_ticks(loop_, 5);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
    EXPECT_EQ(accepted, 0);
    EXPECT_EQ(acceptor.pauses(), 1u);  // One notification.
}

}  // namespace
}  // namespace starling::net
