// net/stream.h: one connection of bytes (TCP, Unix-domain, with or without TLS) on one loop.
//
// Owner:  net::Loop, from open() to the end of the tick in which it closed. It owns its handler.
// Others: the handler holds a reference, for as long as it lives. Nobody else keeps a pointer.
// Thread: the loop's.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/shared_bytes.h"
#include "base/slot_table.h"
#include "net/address.h"
#include "net/outbox.h"
#include "net/socket.h"
#include "net/timer_wheel.h"

namespace starling::net {

class Loop;
class TlsSession;

enum class CloseReason : uint8_t {
    local,    // This side asked for it.
    ended,    // The peer ended the stream (FIN, or TLS close_notify).
    failed,   // A reset, or another error of the transport or of TLS.
    stalled,  // What was queued did not move for longer than the loop allows.
};

// What a protocol does with the bytes of a stream. Calls come from the loop's thread. A call that
// throws closes its stream (CloseReason::failed), and nothing else.
class StreamHandler {
public:
    virtual ~StreamHandler() = default;
    // Consumes from the front of `input`, which may be written to. What is left comes back, with
    // more behind it. Views into it end with the call.
    virtual void on_bytes(std::span<std::byte>& input) = 0;
    // The peer sends no more. The default closes once the queue has left.
    virtual void on_ended();
    // The queue is empty again after the kernel had refused bytes.
    virtual void on_drained() {}
    virtual void on_timeout() {}
    // The last call, between two ticks; the stream and the handler are freed after it.
    virtual void on_closed(CloseReason reason) = 0;

protected:
    friend class Stream;
    Stream* stream_ = nullptr;  // Set before the first call.
};

// A stream between two loops: nothing queued, nothing lost. Whoever drops it drops the connection,
// without on_closed(): the handler has no stream then.
struct Detached {
    Detached();
    Detached(Detached&&) noexcept;
    ~Detached();

    Descriptor fd;
    std::unique_ptr<StreamHandler> handler;
    std::unique_ptr<TlsSession> tls;
    std::unique_ptr<std::string> kept;  // What the handler left.
    bool ended = false;                 // The peer sends no more.
};

class Stream final : public TimerEntry {
public:
    enum class Close : uint8_t {
        flush,   // What is queued leaves first.
        linger,  // As flush, then the peer's bytes are read and dropped until it closes (2 s at
                 // most), so that an answer to a request not fully read is not lost to a reset.
        reset,   // Now.
    };

    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Queues bytes; they leave at the end of the tick, all in one call. Ignored after close().
    void write(std::span<const std::byte> bytes);
    // The same for bytes that the caller writes in place: memory for so many, or null after close().
    [[nodiscard]] std::byte* extend(size_t bytes) {
        std::byte* const at =
            dirty_ && state_ == State::open && outbox_ ? outbox_->try_extend(bytes) : nullptr;
        return at ? at : extend_slowly(bytes);
    }
    void write(const base::SharedBytes& bytes);
    // Hands bytes to the kernel at once, behind what is queued, and copies only what it does not
    // take: cheaper than write() from a few KiB on.
    void write_now(std::span<const iovec> parts);
    void write_shared_now(const base::SharedBytes& bytes);

    // Hands what is queued to the kernel now rather than at the end of the tick.
    void send_queued();

    // Not yet taken by the kernel.
    [[nodiscard]] size_t queued_bytes() const noexcept {
        return (outbox_ ? outbox_->bytes() : 0) + (tls_ ? ciphertext_bytes() : 0);
    }
    [[nodiscard]] bool is_open() const noexcept { return state_ == State::open; }
    // The kernel takes no more for now; on_drained() will follow.
    [[nodiscard]] bool is_blocked() const noexcept { return refused_; }
    // Calls on_drained() once the queue is empty, whether or not the kernel refuses bytes before.
    void want_drained();
    [[nodiscard]] bool is_secure() const noexcept { return tls_ != nullptr; }
    [[nodiscard]] std::string peer_ip() const;
    [[nodiscard]] Loop& loop() const noexcept { return loop_; }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return key_; }
    [[nodiscard]] StreamHandler* handler() const noexcept { return handler_.get(); }

    void close(Close how = Close::flush);
    // While paused nothing is read; bytes already read are kept. resume_receiving() brings kept ones
    // back at the end of the tick, also where nothing was paused.
    void pause_receiving();
    void resume_receiving();
    // One timeout, coarse (see TimerWheel); replaces the one set before. Ignored after close(), which
    // sets its own.
    void set_timeout(uint64_t delay_ms);
    void cancel_timeout() noexcept {
        if (is_open()) unlink();
    }

    // The old handler is freed at the end of the tick, without on_closed(); what it left of its
    // input goes to the new one.
    void replace_handler(std::unique_ptr<StreamHandler> handler);

    // Takes the stream off its loop, for Loop::open() of another one. Only from on_drained(), while
    // open; the loop frees what is left of the stream, and the handler belongs to the result.
    [[nodiscard]] Detached detach();

    // From the backend.
    void received(std::span<std::byte> bytes);  // Backend::receive_headroom_bytes before them.
    void ended();
    void failed() { finish(CloseReason::failed); }
    void sendable();

private:
    friend class Loop;
    friend class EpollBackend;
    enum class State : uint8_t { open, flushing, lingering, closed };

    Stream(Loop& loop, Descriptor fd, base::SlotKey key, std::unique_ptr<StreamHandler> handler,
           std::unique_ptr<TlsSession> tls);
    ~Stream();

    template <class F>
    [[nodiscard]] bool guarded(F&& call);  // False: the handler threw, the stream has failed.
    void start_timeout(uint64_t delay_ms);
    void deliver(std::span<std::byte> bytes);
    void keep(std::span<const std::byte> bytes, std::unique_ptr<std::string> kept);
    void schedule_redelivery();
    void redeliver();
    void receive_tls(std::span<std::byte> bytes);
    void mark_dirty();
    Outbox& outbox();
    [[nodiscard]] std::byte* extend_slowly(size_t bytes);
    [[nodiscard]] size_t ciphertext_bytes() const noexcept;
    void release_outbox() noexcept;
    void flush();
    [[nodiscard]] bool flush_plain();  // True where nothing is left to send.
    [[nodiscard]] bool flush_tls();
    [[nodiscard]] bool flush_ciphertext();
    [[nodiscard]] bool encrypt_some();
    [[nodiscard]] size_t send_now(std::span<const iovec> parts);
    void blocked();
    void finish(CloseReason reason);
    void start_linger();
    void timed_out();

    static constexpr uint64_t linger_ms = 2000;
    static constexpr uint64_t flush_ms_max = 30'000;  // However slowly the peer reads.

    // State; the first bytes lie in the padding behind the base.
    State state_ = State::open;
    CloseReason reason_ = CloseReason::local;
    bool linger_ = false;
    bool dirty_ = false;    // In the loop's list of queues to flush.
    bool blocked_ = false;  // The backend owes us sendable().
    bool paused_ = false;
    bool resumed_ = false;    // During the call of on_bytes() that is under way.
    bool redeliver_ = false;  // Kept bytes wait for a handler that receives again.
    bool end_held_ = false;   // The peer's end, to be told when the stream is no longer paused.
    bool ended_ = false;      // The peer sends no more.
    bool refused_ = false;    // The handler is owed on_drained().
    bool reset_ = false;      // Closing the descriptor resets the connection.
    bool close_notified_ = false;
    uint8_t backend_flags_ = 0;  // The backend's own.
    int fd_;                     // -1: it lives on elsewhere.
    const base::SlotKey key_;
    Loop& loop_;
    std::unique_ptr<StreamHandler> handler_;
    std::unique_ptr<TlsSession> tls_;
    Outbox* outbox_ = nullptr;           // Null while nothing is queued.
    std::unique_ptr<std::string> kept_;  // What the handler left; null where it left nothing.
};

static_assert(sizeof(Stream) <= 88, "part of the budget of an idle connection");

}  // namespace starling::net
