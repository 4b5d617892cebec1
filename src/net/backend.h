// net/backend.h: the interface between a loop and the kernel, in terms of submission and
// completion.
//
// The loop submits operations: receive from this stream, send these bytes, accept here. The backend
// reports completions: these bytes arrived, so many bytes were taken, the stream ended. The loop
// never sees readiness, so both a readiness interface (epoll) and a completion interface (io_uring)
// fit. tests/net/backend_contract_test.cpp is the contract for every backend.
//
// Who owns which memory, and for how long:
//   received bytes   The backend. The stream may read and write them, and the headroom before them,
//                    during Stream::received(); then the backend uses the memory again.
//   bytes to send    The stream. From send() on they neither move nor change until the send has
//                    completed: send() returned without `pending`, or Stream::sent() was called.
//                    Meanwhile more bytes may be written after them, in memory not submitted.
//   the iovecs       The caller. The backend reads them during send() only, or copies them.
//   descriptor       The stream. It stays open until no send is pending.
//
// Thread: the loop's own, except for wake().
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <system_error>

#include "base/cache_line.h"
#include "net/uring_sizes.h"

namespace starling::net {

class Acceptor;
class Stream;
class Watch;

class Backend {
public:
    // Bytes given to Stream::received() have this much writable memory right before them.
    static constexpr size_t receive_headroom_bytes = 16 * 1024;
    static constexpr size_t receive_bytes_max = 256 * 1024;

    // The result of send().
    struct Sent {
        size_t bytes = 0;      // Taken from the front; may be less than all, even 0.
        int error = 0;         // An errno that ended the connection; 0: none.
        bool pending = false;  // Not known yet: Stream::sent() follows.
    };

    virtual ~Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    // From here on bytes are received and reported to `stream`: received(), ended(), failed().
    [[nodiscard]] virtual std::error_code add(Stream& stream) = 0;
    // Ends all reports about the stream, except the end of a pending send. True: the send is being
    // cancelled; Stream::sent() follows soon, and until then the memory of the send and the
    // descriptor must stay. False: nothing is pending; a backend that does not read later cancels a
    // send at once. `closing`: the descriptor will be closed before the next wait(). Otherwise the
    // descriptor stays in use elsewhere, and bytes that the backend has already received are given
    // to received() before this call returns.
    [[nodiscard]] virtual bool remove(Stream& stream, bool closing) noexcept = 0;
    // Off: bytes that arrive wait until it is on again, except those that the backend has already
    // received.
    virtual void receive(Stream& stream, bool on) noexcept = 0;

    // Sends bytes from the front of the stream's queue; one send at a time for each stream. After
    // `pending` Stream::sent() follows exactly once, from a later dispatch(). A send completes as
    // soon as the kernel has taken some of the bytes. The stream then submits the rest as a new
    // send; if the kernel is full, the result of the new send is `pending`.
    [[nodiscard]] virtual Sent send(Stream& stream, std::span<const iovec> parts) noexcept = 0;
    // Sends bytes that live during this call only; no send is pending. What the kernel does not take at once
    // (perhaps nothing, without a reason) is the caller's again, who keeps it and calls send().
    [[nodiscard]] virtual Sent send_now(Stream&, std::span<const iovec>) noexcept { return {}; }
    // Returns the state of the stream's pending send now, before dispatch() reports it. The kernel
    // first takes the bytes that it has room for. Not `pending`: the send has completed, and
    // Stream::sent() does not follow. `pending`: the kernel is full, and Stream::sent() follows
    // later as usual. This function never calls the stream. Completions of other streams that it
    // finds wait for dispatch().
    //
    // Call it for a queue at its limit. The limit stops peers that do not read, so it counts only
    // bytes that the kernel has refused: a burst that the kernel would take says nothing about the
    // peer. epoll has already offered the bytes to the kernel in send(). io_uring submits its
    // prepared operations, so that the kernel tries each send once, and then looks for the
    // completion of this send.
    [[nodiscard]] virtual Sent ask(Stream& stream) noexcept = 0;
    // False: send() reads the bytes before it returns or not at all, so their memory only needs to
    // live during the call. True: a pending send reads the bytes later.
    [[nodiscard]] bool reads_later() const noexcept { return reads_later_; }

    // Bytes that the kernel has taken and the peer has not acknowledged (Unix-domain socket: not
    // read).
    [[nodiscard]] virtual size_t unacknowledged_bytes(const Stream& stream) const noexcept = 0;

    // Reports accepted descriptors (non-blocking, close-on-exec) and failures to `acceptor`.
    [[nodiscard]] virtual std::error_code listen(Acceptor& acceptor) = 0;
    virtual void unlisten(Acceptor& acceptor) noexcept = 0;

    // Watches a descriptor that other code owns. Calls Watch::ready(), level-triggered, for the
    // current watch.interest(). Call it again after each change; an empty interest reports nothing.
    [[nodiscard]] virtual std::error_code watch(Watch& watch) noexcept = 0;
    // Ends all reports. `closed`: the descriptor is closed, and its number must not be used.
    virtual void unwatch(Watch& watch, bool closed) noexcept = 0;

    // Waits for completions, at most `timeout_ms` (-1: without end). Reports nothing yet, so that
    // the loop can read the clock before any handler runs.
    virtual void wait(int timeout_ms) = 0;
    // Reports what wait() found.
    virtual void dispatch() = 0;
    // The thread that calls wait() will not call it again for now; another one may.
    virtual void leave() noexcept {}
    // Any thread: makes the current wait(), or the next one, return.
    virtual void wake() noexcept = 0;

    // Of all streams since the start. On lines of its own: other threads read what is beside it to wake.
    struct alignas(base::cache_line_bytes) Traffic {
        uint64_t received_bytes = 0, sent_bytes = 0;
    };
    [[nodiscard]] const Traffic& traffic() const noexcept { return traffic_; }

protected:
    explicit Backend(bool reads_later) noexcept : reads_later_(reads_later) {}

    Traffic traffic_;  // The implementation counts.

private:
    const bool reads_later_;
};

[[nodiscard]] std::unique_ptr<Backend> make_epoll_backend();
// Throws std::system_error if the kernel refuses.
[[nodiscard]] std::unique_ptr<Backend> make_uring_backend(const UringSizes& sizes = {});

}  // namespace starling::net
