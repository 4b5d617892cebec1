// tests/fake/late_backend.h: a backend whose sends complete later, as in a kernel with completions.
//
// Receives and accepts by epoll. A send reads the stream's memory only when it completes, in a
// later tick: AddressSanitizer then finds memory that was freed, and a comparison with the copy
// made at submission finds memory that was moved or changed.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "net/backend.h"
#include "net/stream.h"

namespace starling::fake {

// Set by the test. By default each send completes whole in the next tick.
struct LateControl {
    bool held = false;                  // No send completes, except cancelled ones.
    bool hold_cancelled = false;        // Cancelled sends do not complete either.
    bool newest_first = false;          // Order of the completions of different streams.
    int ticks = 1;                      // A send completes after that many dispatches.
    size_t slice_bytes_max = SIZE_MAX;  // Limit of one completion.
    int error = 0;                      // The next completion fails with this errno.

    size_t submitted = 0, completed = 0, cancelled = 0;  // Counts so far.
};

class LateBackend final : public net::Backend {
public:
    explicit LateBackend(LateControl& control)
        : Backend(true), control_(control), real_(net::make_epoll_backend()) {}
    ~LateBackend() override { EXPECT_TRUE(sends_.empty()) << "a stream did not wait for its send"; }

    std::error_code add(net::Stream& stream) override { return real_->add(stream); }
    void receive(net::Stream& stream, bool on) noexcept override { real_->receive(stream, on); }
    bool remove(net::Stream& stream, bool closing) noexcept override {
        Send* const send = send_of(stream);
        if (send) send->cancelled = true;
        // The descriptor stays open until the cancelled send is reported.
        (void)real_->remove(stream, closing && !send);
        return send != nullptr;
    }
    Sent send(net::Stream& stream, std::span<const iovec> parts) noexcept override {
        EXPECT_EQ(send_of(stream), nullptr) << "two sends of one stream at a time";
        Send& send = sends_.emplace_back();
        send.stream = &stream;
        send.parts.assign(parts.begin(), parts.end());
        send.bytes = send.read();
        EXPECT_FALSE(send.bytes.empty());
        ++control_.submitted;
        return {.pending = true};
    }
    Sent ask(net::Stream& stream) noexcept override {
        Send* const send = send_of(stream);
        EXPECT_TRUE(send && !send->cancelled) << "no send is pending";
        if (control_.held) return {.pending = true};
        const Sent sent = take(*send);
        if (!sent.pending) forget(stream);
        return sent;
    }
    size_t unacknowledged_bytes(const net::Stream& stream) const noexcept override {
        return real_->unacknowledged_bytes(stream);
    }
    std::error_code listen(net::Acceptor& acceptor) override { return real_->listen(acceptor); }
    void unlisten(net::Acceptor& acceptor) noexcept override { real_->unlisten(acceptor); }
    std::error_code watch(net::Watch& watch) noexcept override { return real_->watch(watch); }
    void unwatch(net::Watch& watch, bool closed) noexcept override {
        real_->unwatch(watch, closed);
    }
    void wait(int timeout_ms) override {
        // No event tells when a full kernel has room again.
        if (!sends_.empty()) timeout_ms = timeout_ms < 0 ? 1 : std::min(timeout_ms, 1);
        real_->wait(timeout_ms);
    }
    void dispatch() override {
        real_->dispatch();
        std::vector<net::Stream*> due;
        for (Send& send : sends_)
            if (++send.age >= control_.ticks &&
                !(send.cancelled ? control_.hold_cancelled : control_.held))
                due.push_back(send.stream);
        if (control_.newest_first) std::reverse(due.begin(), due.end());
        for (net::Stream* const stream : due) complete(*stream);
    }
    void wake() noexcept override { real_->wake(); }

private:
    struct Send {
        net::Stream* stream = nullptr;
        std::vector<iovec> parts;
        std::string bytes;  // Content of the parts at submission.
        int age = 0;
        bool cancelled = false;

        [[nodiscard]] std::string read() const {
            std::string all;
            for (const iovec& part : parts)
                all.append(static_cast<const char*>(part.iov_base), part.iov_len);
            return all;
        }
    };

    [[nodiscard]] Send* send_of(const net::Stream& stream) noexcept {
        const auto found = std::find_if(sends_.begin(), sends_.end(),
                                        [&](const Send& send) { return send.stream == &stream; });
        return found == sends_.end() ? nullptr : &*found;
    }

    // An earlier completion of the same dispatch may have cancelled this one.
    void complete(net::Stream& stream) {
        const Sent sent = take(*send_of(stream));
        if (sent.pending) return;
        forget(stream);
        stream.sent(sent.bytes, sent.error);
    }
    // Offers a send to the kernel, and returns how much the kernel takes now.
    [[nodiscard]] Sent take(const Send& send) noexcept {
        const std::string bytes = send.read();
        EXPECT_TRUE(bytes == send.bytes) << "bytes of a pending send have changed";
        if (send.cancelled) {
            ++control_.cancelled;
            return {.error = ECANCELED};
        }
        if (control_.error) return {.error = std::exchange(control_.error, 0)};
        const size_t size = std::min(bytes.size(), control_.slice_bytes_max);
        const ssize_t taken =
            ::send(send.stream->fd(), bytes.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (taken >= 0) return {.bytes = size_t(taken)};
        if (errno == EAGAIN) return {.pending = true};
        return {.error = errno};
    }
    void forget(const net::Stream& stream) noexcept {
        std::erase_if(sends_, [&](const Send& send) { return send.stream == &stream; });
        ++control_.completed;
    }

    LateControl& control_;
    const std::unique_ptr<Backend> real_;
    std::deque<Send> sends_;  // In the order of submission.
};

}  // namespace starling::fake
