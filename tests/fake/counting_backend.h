// tests/fake/counting_backend.h: a real backend that counts the loop's calls.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include "net/backend.h"

namespace starling::fake {

struct BackendCounts {
    size_t sends = 0;  // Sends with a system call; every send if the backend reads later.
    size_t sent_parts = 0;
    size_t sent_bytes = 0;   // By sends that completed at once.
    size_t short_sends = 0;  // Sends that completed at once with less than all bytes.
    size_t pending_sends = 0;
    size_t asks = 0;  // Calls of ask().
    size_t waits = 0;
    size_t listens = 0;
    size_t unlistens = 0;
    std::function<size_t()> unacknowledged;  // Replaces the kernel's answer if set.
};

class CountingBackend final : public net::Backend {
public:
    explicit CountingBackend(BackendCounts& counts,
                             std::unique_ptr<Backend> real = net::make_epoll_backend())
        : Backend(real->reads_later()), counts_(counts), real_(std::move(real)) {}

    std::error_code add(net::Stream& stream) override { return real_->add(stream); }
    bool remove(net::Stream& stream, bool closing) noexcept override {
        return real_->remove(stream, closing);
    }
    void receive(net::Stream& stream, bool on) noexcept override { real_->receive(stream, on); }
    Sent send(net::Stream& stream, std::span<const iovec> parts) noexcept override {
        size_t offered = 0;
        for (const iovec& part : parts) offered += part.iov_len;
        const Sent sent = real_->send(stream, parts);
        if (sent.pending) ++counts_.pending_sends;
        if (sent.pending && !reads_later()) return sent;
        ++counts_.sends;
        counts_.sent_parts += parts.size();
        counts_.sent_bytes += sent.bytes;
        if (!sent.pending && sent.bytes < offered) ++counts_.short_sends;
        return sent;
    }
    Sent send_now(net::Stream& stream, std::span<const iovec> parts) noexcept override {
        size_t offered = 0;
        for (const iovec& part : parts) offered += part.iov_len;
        const Sent sent = real_->send_now(stream, parts);
        if (sent.error || sent.bytes > 0) ++counts_.sends, counts_.sent_parts += parts.size();
        counts_.sent_bytes += sent.bytes;
        if (sent.bytes < offered) ++counts_.short_sends;
        return sent;
    }
    Sent ask(net::Stream& stream) noexcept override {
        ++counts_.asks;
        return real_->ask(stream);
    }
    size_t unacknowledged_bytes(const net::Stream& stream) const noexcept override {
        return counts_.unacknowledged ? counts_.unacknowledged()
                                      : real_->unacknowledged_bytes(stream);
    }
    std::error_code listen(net::Acceptor& acceptor) override {
        ++counts_.listens;
        return real_->listen(acceptor);
    }
    void unlisten(net::Acceptor& acceptor) noexcept override {
        ++counts_.unlistens;
        real_->unlisten(acceptor);
    }
    std::error_code watch(net::Watch& watch) noexcept override { return real_->watch(watch); }
    void unwatch(net::Watch& watch, bool closed) noexcept override {
        real_->unwatch(watch, closed);
    }
    void wait(int timeout_ms) override {
        ++counts_.waits;
        real_->wait(timeout_ms);
    }
    void dispatch() override { real_->dispatch(); }
    void leave() noexcept override { real_->leave(); }
    void wake() noexcept override { real_->wake(); }

private:
    BackendCounts& counts_;
    const std::unique_ptr<Backend> real_;
};

}  // namespace starling::fake
