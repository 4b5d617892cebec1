// net/backend.h: the seam between a loop and the kernel, shaped by submission and completion.
//
// The loop submits: receive from this stream, send these bytes, accept here. The backend completes: these
// bytes arrived, so many bytes were taken, the stream ended. The loop never sees readiness, so a readiness
// kernel (epoll) and a completion kernel (io_uring) both fit behind this interface.
// tests/net/backend_contract_test.cpp is the contract, for every backend.
//
// Which memory belongs to which side, and until when:
//   received bytes   The backend's. The stream may read and write them, and the headroom before them, during
//                    Stream::received(); afterwards the backend uses the memory again.
//   bytes to send    The stream's. From send() on they stay where they are, unchanged, until the send has
//                    completed: send() returned without `pending`, or Stream::sent() was called. More bytes
//                    may be written behind them meanwhile, in memory that was not submitted.
//   the iovecs       The caller's, and read during send() alone. A backend that needs them later copies them.
//   descriptor       The stream's. It stays open until no send is under way.
//
// Thread: the loop's own, but for wake().
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <system_error>

namespace starling::net {

class Acceptor;
class Stream;
class Watch;

class Backend {
public:
    // Bytes given to Stream::received() have this much writable memory right before them.
    static constexpr size_t receive_headroom_bytes = 16 * 1024;
    static constexpr size_t receive_bytes_max = 256 * 1024;

    // What became of a send.
    struct Sent {
        size_t bytes = 0;      // Taken from the front. May be less than all, and none.
        int error = 0;         // An errno that ended the connection; 0: none.
        bool pending = false;  // Nothing is known yet: Stream::sent() follows.
    };

    virtual ~Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    // From here on bytes are received and reported to `stream`: received(), ended(), failed().
    [[nodiscard]] virtual std::error_code add(Stream& stream) = 0;
    // Nothing more is reported but the end of a send that is under way: that send is cancelled, the
    // result is true, and Stream::sent() follows soon; until then the memory of the send and the
    // descriptor stay. A send that never reads its bytes later is cancelled at once: false.
    // `closing`: the descriptor is closed, at the latest before the first wait() after that. Otherwise
    // it lives on elsewhere, and what the backend has already received is given to received() before
    // this call returns.
    [[nodiscard]] virtual bool remove(Stream& stream, bool closing) noexcept = 0;
    // Off: bytes that arrive wait for on, but for those that the backend has already received.
    virtual void receive(Stream& stream, bool on) noexcept = 0;

    // Sends bytes, the front of what the stream has queued; one send at a time for each stream. With
    // `pending` Stream::sent() follows exactly once, from a later dispatch(). A send completes as
    // soon as the kernel has taken some of the bytes. The stream then submits what is left as a new
    // send; a kernel that is full answers that one with `pending`.
    [[nodiscard]] virtual Sent send(Stream& stream, std::span<const iovec> parts) noexcept = 0;
    // False: send() reads the bytes before it returns or not at all, so they may be memory that ends
    // with the call of the stream. True: a send that is pending reads them later.
    [[nodiscard]] bool reads_later() const noexcept { return reads_later_; }

    // Taken by the kernel, but not acknowledged by the peer; on a Unix-domain socket not read by it.
    [[nodiscard]] virtual size_t unacknowledged_bytes(const Stream& stream) const noexcept = 0;

    // Accepted descriptors (non-blocking, close-on-exec) and failures are reported to `acceptor`.
    [[nodiscard]] virtual std::error_code listen(Acceptor& acceptor) = 0;
    virtual void unlisten(Acceptor& acceptor) noexcept = 0;

    // A descriptor of somebody else's: Watch::ready() follows, level-triggered, for what
    // watch.interest() says now. Again for each change; an interest in nothing reports nothing.
    [[nodiscard]] virtual std::error_code watch(Watch& watch) noexcept = 0;
    // Nothing more is reported. `closed`: the descriptor is closed, and its number is not to be used.
    virtual void unwatch(Watch& watch, bool closed) noexcept = 0;

    // Waits for completions, at most `timeout_ms` (-1: without end); reports nothing yet, so that
    // the loop learns what time it is before anybody acts on what arrived.
    virtual void wait(int timeout_ms) = 0;
    // Reports what wait() found.
    virtual void dispatch() = 0;
    // Any thread: makes the wait that is under way, or the next one, return.
    virtual void wake() noexcept = 0;

protected:
    explicit Backend(bool reads_later) noexcept : reads_later_(reads_later) {}

private:
    const bool reads_later_;
};

[[nodiscard]] std::unique_ptr<Backend> make_epoll_backend();

}  // namespace starling::net
