// net/backend.h: the seam between a loop and the kernel, shaped by completion.
//
// A backend says "these bytes arrived", "this much was taken", "more can be sent", "it ended". The
// loop never sees readiness, so a readiness kernel (epoll) and a completion kernel (io_uring)
// both fit behind this interface. tests/net/backend_contract_test.cpp is the contract, for every backend.
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

class Backend {
public:
    // Bytes given to Stream::received() have this much writable memory right before them.
    static constexpr size_t receive_headroom_bytes = 16 * 1024;
    static constexpr size_t receive_bytes_max = 256 * 1024;

    struct Sent {
        size_t bytes;  // Taken: the caller may reuse that memory.
        int error;     // An errno that ended the connection; 0 otherwise.
    };

    virtual ~Backend() = default;

    // From here on bytes are received and reported to `stream`: received(), ended(), failed().
    [[nodiscard]] virtual std::error_code add(Stream& stream) = 0;
    // Nothing more is reported, not even what is under way in this tick. `closing`: the descriptor
    // is closed before the next wait(); else it lives on elsewhere.
    virtual void remove(Stream& stream, bool closing) noexcept = 0;
    virtual void receive(Stream& stream, bool on) noexcept = 0;

    // Where less than all is taken and no error is reported, Stream::sendable() follows once.
    [[nodiscard]] virtual Sent send(Stream& stream, std::span<const iovec> parts) noexcept = 0;

    // Taken by the kernel, but not acknowledged by the peer; on a Unix-domain socket not read by it.
    [[nodiscard]] virtual size_t unacknowledged_bytes(const Stream& stream) const noexcept = 0;

    // Accepted descriptors (non-blocking, close-on-exec) and failures are reported to `acceptor`.
    [[nodiscard]] virtual std::error_code listen(Acceptor& acceptor) = 0;
    virtual void unlisten(Acceptor& acceptor) noexcept = 0;

    // Waits for completions, at most `timeout_ms` (-1: without end); reports nothing yet, so that
    // the loop learns what time it is before anybody acts on what arrived.
    virtual void wait(int timeout_ms) = 0;
    // Reports what wait() found.
    virtual void dispatch() = 0;
    // Any thread: makes the wait that is under way, or the next one, return.
    virtual void wake() noexcept = 0;
};

[[nodiscard]] std::unique_ptr<Backend> make_epoll_backend();

}  // namespace starling::net
