// net/stream.h: one connection of bytes (TCP, Unix-domain, with or without TLS) on one loop.
//
// Owner:  net::Loop, from open() to the end of the tick in which the stream closed. The stream owns
//         its handler.
// Others: the handler may hold a reference as long as it lives; no other object keeps a pointer.
// Thread: the loop's.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/shared_bytes.h"
#include "base/slot_pool.h"
#include "base/slot_table.h"
#include "net/address.h"
#include "net/outbox.h"
#include "net/socket.h"
#include "net/stream_state.h"
#include "net/timer_wheel.h"

namespace starling::net {

class Loop;
class TlsFilter;
class TlsSession;

enum class CloseReason : uint8_t {
    local,   // This side closed the stream.
    ended,   // The peer ended the stream (FIN, or TLS close_notify).
    failed,  // A reset, or another error of the transport or of TLS.
    // The peer has acknowledged none of the waiting bytes for longer than the loop allows. The
    // connection is reset, so that the peer does not take a part for the whole.
    stalled,
};

// The protocol on a stream. Calls come from the loop's thread. An exception from a call closes this
// stream (CloseReason::failed) and no other.
class StreamHandler {
public:
    virtual ~StreamHandler() = default;
    // Consumes the front of `input`, and may write to it. The next call gets the rest again,
    // followed by new bytes. Views into `input` end with the call.
    virtual void on_bytes(std::span<std::byte>& input) = 0;
    // The peer sends no more. By default closes the stream after the queue is sent.
    virtual void on_ended();
    // The queue is empty again after the kernel had refused bytes.
    virtual void on_drained() {}
    virtual void on_timeout() {}
    // TLS: the handshake is complete, or the client's side has failed: see TlsSession::failure().
    // Then on_closed() follows.
    virtual void on_tls(const TlsSession&) {}
    // The last call, between two ticks. Then the stream and the handler are freed.
    virtual void on_closed(CloseReason reason) = 0;

protected:
    friend class Stream;
    Stream* stream_ = nullptr;  // Set before the first call.
};

// Input that a handler did not consume: the bytes from `from` on.
struct KeptInput {
    std::string bytes;
    size_t from = 0;
    [[nodiscard]] std::string_view view() const noexcept {
        return std::string_view(bytes).substr(from);
    }
};

// A stream on its way from one loop to another. Nothing is queued. Destroying a Detached closes the
// connection without calling on_closed(), because the handler has no stream then.
struct Detached {
    Detached();
    Detached(Detached&&) noexcept;
    ~Detached();

    Descriptor fd;
    std::unique_ptr<StreamHandler> handler;
    std::unique_ptr<TlsFilter> tls;
    std::unique_ptr<KeptInput> kept;  // Bytes that the handler did not consume.
    bool ended = false;               // The peer sends no more.
};

class Stream final : public TimerEntry {
public:
    enum class Close : uint8_t {
        // Sends what is queued, then ends this side (FIN). Input is read and dropped until the peer
        // ends, or for 2 s after the peer has acknowledged everything (RFC 6455 section 7.1.1, RFC
        // 9112 section 9.6): with unread bytes the kernel would reset the connection, and the reset
        // would destroy what the peer has not read yet.
        flush,
        reset,  // At once; what is queued is lost.
    };

    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Queues bytes; all are sent at the end of the tick in one call. Ignored after close(). If
    // memory runs out the stream fails (CloseReason::failed); no call below throws.
    void write(std::span<const std::byte> bytes);
    // Like write(), for bytes that the caller writes in place: returns memory for `bytes`, or null
    // after close().
    [[nodiscard]] std::byte* extend(size_t bytes) {
        std::byte* const at =
            is_listed() && is_open() && outbox_ ? outbox_->try_extend(bytes) : nullptr;
        return at ? at : extend_slowly(bytes);
    }
    void write(const base::SharedBytes& bytes);
    // Gives bytes to the kernel at once, after what is queued, and copies only what the kernel does
    // not take: cheaper than write() from a few KiB on.
    void write_now(std::span<const iovec> parts);
    void write_shared_now(const base::SharedBytes& bytes);

    // Gives what is queued to the kernel now, not at the end of the tick.
    void send_queued();
    // Like send_queued(), and finds out what the kernel refuses without waiting for a completion.
    // Afterwards queued_bytes() counts the refused bytes, and is_blocked() tells whether there are
    // any. For a queue at its limit; costs a system call or more.
    void offer_queued();

    // Bytes that the kernel has not taken.
    [[nodiscard]] size_t queued_bytes() const noexcept {
        return (outbox_ ? outbox_->bytes() : 0) + (rare_ ? ciphertext_bytes() : 0);
    }
    // Notes that the newest queued bytes are a message, see Outbox::mark(). Does nothing after close().
    void mark_queued(size_t wire_bytes, size_t payload_bytes);
    [[nodiscard]] std::span<const Outbox::Mark> queued_marks() const noexcept {
        return outbox_ ? outbox_->marks() : std::span<const Outbox::Mark>();
    }
    // queued_bytes(), plus the bytes in the kernel that the peer has not acknowledged. One system
    // call.
    [[nodiscard]] size_t unsent_bytes() const noexcept;
    // True if bytes are unsent and at least taken_bytes_min of them were taken since the last call
    // (or this is the first call). Used to cut off a peer that does not take what was sent to it.
    [[nodiscard]] bool peer_takes() noexcept;
    // In on_closed(CloseReason::stalled): the number of bytes that were lost.
    [[nodiscard]] uint32_t lost_bytes() const noexcept { return unsent_before_; }
    [[nodiscard]] bool is_open() const noexcept {
        return life_.get() <= StreamLife::State::half_open;
    }
    // The kernel takes no more for now; on_drained() will follow.
    [[nodiscard]] bool is_blocked() const noexcept { return refused_; }
    // Calls on_drained() once the queue is empty, even if the kernel never refuses bytes.
    void want_drained();
    [[nodiscard]] bool is_secure() const noexcept { return tls() != nullptr; }
    // The name that the client asked for in its TLS handshake; "": none.
    [[nodiscard]] std::string_view server_name() const noexcept;
    [[nodiscard]] std::string peer_ip() const;
    [[nodiscard]] Loop& loop() const noexcept { return Pool::owner_of(*this); }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return Pool::key_of(*this); }
    [[nodiscard]] uint32_t slot_generation() const noexcept { return generation_; }
    [[nodiscard]] StreamHandler* handler() const noexcept { return handler_.get(); }

    void close(Close how = Close::flush);
    // While paused nothing is read; bytes already read are kept. resume_receiving() delivers kept
    // bytes at the end of the tick, even if the stream was not paused.
    void pause_receiving();
    void resume_receiving();
    [[nodiscard]] bool is_paused() const noexcept {
        return input_.get() == StreamInput::State::paused ||
               input_.get() == StreamInput::State::paused_yielded;
    }
    // For on_bytes(): the bytes that it leaves are delivered again in the next tick, after all
    // other connections had their turn. Until then nothing more is read.
    void yield_turn();
    // The only timeout of the stream, coarse (see TimerWheel); replaces the one set before. Ignored
    // after close(), which sets its own.
    void set_timeout(uint64_t delay_ms);
    void cancel_timeout() noexcept {
        if (is_open()) unlink();
    }

    // The old handler is freed at the end of the tick, without on_closed(). Input that it did not
    // consume goes to the new handler.
    void replace_handler(std::unique_ptr<StreamHandler> handler);

    // Takes the stream off its loop, to be passed to Loop::open() of another loop. Allowed only in
    // on_drained(), while open. The result owns the handler; the loop frees the rest of the stream.
    [[nodiscard]] Detached detach();

    // Called by the backend.
    // The bytes need receive_headroom_bytes of memory before them.
    void received(std::span<std::byte> bytes);
    void ended();
    void failed() noexcept { finish(CloseReason::failed); }
    void sent(size_t bytes, int error);  // A pending send has ended, see Backend::Sent.

private:
    friend class Loop;
    friend class EpollBackend;
    friend class TlsFilter;
    friend class UringBackend;
    using Pool = base::SlotPool<Stream, Loop>;
    friend Pool;
    using Life = StreamLife::State;

    // What an idle stream without TLS does not have.
    struct Rare {
        Rare();
        ~Rare();
        std::unique_ptr<TlsFilter> tls;   // Null without TLS.
        std::unique_ptr<KeptInput> kept;  // Null if the handler consumed all input.
    };

    Stream(uint32_t generation, Descriptor fd, std::unique_ptr<StreamHandler> handler,
           std::unique_ptr<Rare> rare) noexcept;
    ~Stream();

    [[nodiscard]] TlsFilter* tls() const noexcept { return rare_ ? rare_->tls.get() : nullptr; }
    [[nodiscard]] bool has_kept() const noexcept { return rare_ && rare_->kept; }
    [[nodiscard]] std::unique_ptr<KeptInput> take_kept() noexcept;
    void set_kept(std::unique_ptr<KeptInput> kept);

    // False: the handler threw, and the stream has failed.
    template <class F>
    [[nodiscard]] bool guarded(F&& call);
    void start_timeout(uint64_t delay_ms);
    void deliver(std::span<std::byte> bytes);
    void keep(std::span<const std::byte> bytes, std::unique_ptr<KeptInput> kept);
    void schedule_redelivery();
    void redeliver();
    void take_turn();
    void mark_dirty();
    Outbox& outbox();
    [[nodiscard]] std::byte* extend_slowly(size_t bytes);
    [[nodiscard]] size_t ciphertext_bytes() const noexcept;
    void release_outbox() noexcept;
    void flush();
    void flush_and_tell();
    [[nodiscard]] size_t gather(std::span<iovec> parts);
    void consume(size_t bytes) noexcept;
    [[nodiscard]] bool flush_queue();  // True: nothing is left to send.
    [[nodiscard]] size_t send_now(std::span<const iovec> parts);
    void send_is_pending(size_t bytes);
    [[nodiscard]] bool is_over() const noexcept { return life_.get() >= Life::cancelling; }
    [[nodiscard]] bool is_flushing() const noexcept {
        return life_.get() == Life::flushing || life_.get() == Life::last_flush;
    }
    [[nodiscard]] bool peer_ended() const noexcept {
        return life_.get() == Life::half_open || life_.get() == Life::last_flush;
    }
    [[nodiscard]] bool flows() const noexcept {
        return input_.get() == StreamInput::State::flowing;
    }
    [[nodiscard]] bool waits_for_turn() const noexcept {
        return input_.get() == StreamInput::State::yielded ||
               input_.get() == StreamInput::State::paused_yielded;
    }
    [[nodiscard]] bool is_listed() const noexcept {
        return output_.get() == StreamOutput::State::listed ||
               output_.get() == StreamOutput::State::listed_sending;
    }
    [[nodiscard]] bool is_sending() const noexcept {
        return output_.get() >= StreamOutput::State::sending;
    }
    void finish(CloseReason reason) noexcept;
    void close_failed();
    void cut_off() noexcept;
    void check_stall() noexcept;
    void start_linger();
    void linger_timed_out();
    void timed_out();

    static constexpr uint64_t linger_ms = 2000;
    // In each such period a closing stream must send taken_bytes_min.
    static constexpr uint64_t flush_check_ms = 30'000;
    static constexpr uint32_t taken_bytes_min = 2048;

    // The first members lie in the padding after the base class. The pool of the stream knows its loop and its slot.
    StreamMachine<StreamLife> life_;
    StreamMachine<StreamInput> input_;
    StreamMachine<StreamOutput> output_;
    CloseReason reason_ = CloseReason::local;
    uint16_t backend_flags_ = 0;  // For the backend.
    bool redeliver_ : 1 = false;  // The stream is in the loop's list redeliver_.
    bool end_held_ : 1 = false;   // The peer has ended; to be reported once input flows again.
    bool resumed_ : 1 = false;    // resume_receiving() was called during the current on_bytes().
    bool reset_ : 1 = false;      // Closing the descriptor resets the connection.
    bool refused_ = false;        // on_drained() has to be called.
    uint32_t unsent_before_ = 0;  // unsent_bytes() at the last peer_takes(); 0: none, or no call.
    int fd_;                      // -1: the descriptor was detached.
    const uint32_t generation_;   // Of the key.
    std::unique_ptr<StreamHandler> handler_;
    Outbox* outbox_ = nullptr;    // Null while nothing is queued.
    std::unique_ptr<Rare> rare_;  // Null if both of its members would be.
};

static_assert(sizeof(Stream) <= 64,
              "part of the 180 bytes that an idle connection may cost; one line of the cache");

}  // namespace starling::net
