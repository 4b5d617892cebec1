// net/readiness.h: what both backends do with readiness: listening sockets, and descriptors that other
// code owns. They are in an epoll set, which io_uring watches as one descriptor. So a connection is
// accepted only in the tick that reports it, and none is lost when the owner stops listening.
//
// Owner: the backend, as its base class. Thread: the loop's, except for wake().
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>

#include "base/descriptor.h"
#include "net/backend.h"

namespace starling::net {

class ReadinessBackend : public Backend {
public:
    std::error_code listen(Acceptor& acceptor) override;
    void unlisten(Acceptor& acceptor) noexcept override;
    std::error_code watch(Watch& watch) noexcept override;
    void unwatch(Watch& watch, bool closed) noexcept override;
    [[nodiscard]] size_t unacknowledged_bytes(const Stream& stream) const noexcept override;
    void wake() noexcept override;

protected:
    explicit ReadinessBackend(bool reads_later);

    // One system call; 0 bytes if the kernel takes none now.
    [[nodiscard]] Sent send_at_once(int fd, std::span<const iovec> parts) noexcept;

    // Asks the set for events, and waits for them at most `timeout_ms` (-1: without end).
    void find_events(int timeout_ms) noexcept;
    // Reports the events that were found. `report(Stream&, events)` gets those of streams.
    template <class Report>
    void report_events(Report&& report) {
        for (int i = 0; i < count_; ++i) {
            const epoll_event event = events_[static_cast<size_t>(i)];
            if (event.data.u64 & acceptor_tag)
                accept(*untagged<Acceptor>(event.data.u64, acceptor_tag));
            else if (event.data.u64 & watch_tag)
                report_watch(*untagged<Watch>(event.data.u64, watch_tag), event.events);
            else if (event.data.ptr)
                report(*static_cast<Stream*>(event.data.ptr), event.events);
        }
        count_ = 0;
    }

    const base::Descriptor epoll_;
    // An eventfd. It is watched edge-triggered: each write is a new event, so the counter need not be
    // read.
    const base::Descriptor wake_;

private:
    static constexpr uint64_t acceptor_tag = 1, watch_tag = 2;
    static constexpr int accepts_per_tick_max = 64;

    static uint64_t tagged(Acceptor& acceptor) noexcept {
        return reinterpret_cast<uint64_t>(&acceptor) | acceptor_tag;
    }
    static uint64_t tagged(Watch& watch) noexcept {
        return reinterpret_cast<uint64_t>(&watch) | watch_tag;
    }
    template <class T>
    static T* untagged(uint64_t data, uint64_t tag) noexcept {
        const uint64_t at = data & ~tag;
        return reinterpret_cast<T*>(at);  // NOLINT(performance-no-int-to-ptr): tagged() made it.
    }

    void drop_events(uint64_t tag) noexcept;
    static void report_watch(Watch& watch, uint32_t events);
    void accept(Acceptor& acceptor);

    alignas(base::cache_line_bytes) std::array<epoll_event, 64> events_;
    int count_ = 0;                  // Events in events_ while they are reported.
    Acceptor* accepting_ = nullptr;  // Null again if the Acceptor is stopped while it accepts.
};

}  // namespace starling::net
