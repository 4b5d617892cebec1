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
#include <string_view>

#include "base/shared_bytes.h"
#include "base/slot_table.h"
#include "net/address.h"
#include "net/outbox.h"
#include "net/socket.h"
#include "net/stream_state.h"
#include "net/timer_wheel.h"

namespace starling::net {

class Loop;
class TlsFilter;

enum class CloseReason : uint8_t {
    local,    // This side asked for it.
    ended,    // The peer ended the stream (FIN, or TLS close_notify).
    failed,   // A reset, or another error of the transport or of TLS.
    stalled,  // The peer acknowledged nothing of what waits for longer than the loop allows.
              // The connection is reset, so that the peer does not take the part for the whole.
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

// Input that a handler left: the bytes from `from` on.
struct KeptInput {
    std::string bytes;
    size_t from = 0;
    [[nodiscard]] std::string_view view() const noexcept {
        return std::string_view(bytes).substr(from);
    }
};

// A stream between two loops: nothing queued, nothing lost. Destroying a Detached closes the
// connection without a call of on_closed(), since the handler has no stream then.
struct Detached {
    Detached();
    Detached(Detached&&) noexcept;
    ~Detached();

    Descriptor fd;
    std::unique_ptr<StreamHandler> handler;
    std::unique_ptr<TlsFilter> tls;
    std::unique_ptr<KeptInput> kept;  // What the handler left.
    bool ended = false;               // The peer sends no more.
};

class Stream final : public TimerEntry {
public:
    enum class Close : uint8_t {
        // What is queued leaves first, then this side ends (FIN). What the peer still sends is read
        // and dropped until it ends too, or for 2 s after it has acknowledged everything (RFC 6455
        // section 7.1.1, RFC 9112 section 9.6): unread bytes would make the kernel
        // reset the connection, and the reset would destroy what the peer has not read yet.
        flush,
        reset,  // Now; what is queued is lost.
    };

    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Queues bytes; they leave at the end of the tick, all in one call. Ignored after close(). Where
    // there is no memory for them the stream fails (CloseReason::failed); no call below throws.
    void write(std::span<const std::byte> bytes);
    // The same for bytes that the caller writes in place: memory for so many, or null after close().
    [[nodiscard]] std::byte* extend(size_t bytes) {
        std::byte* const at =
            is_listed() && is_open() && outbox_ ? outbox_->try_extend(bytes) : nullptr;
        return at ? at : extend_slowly(bytes);
    }
    void write(const base::SharedBytes& bytes);
    // Hands bytes to the kernel at once, behind what is queued, and copies only what it does not
    // take: cheaper than write() from a few KiB on. A backend that reads later gets a copy.
    void write_now(std::span<const iovec> parts);
    void write_shared_now(const base::SharedBytes& bytes);

    // Hands what is queued to the kernel now rather than at the end of the tick.
    void send_queued();

    // Not yet taken by the kernel.
    [[nodiscard]] size_t queued_bytes() const noexcept {
        return (outbox_ ? outbox_->bytes() : 0) + (tls_ ? ciphertext_bytes() : 0);
    }
    // The same, and what the kernel has taken and the peer has not acknowledged. One system call.
    [[nodiscard]] size_t unsent_bytes() const noexcept;
    // Is something unsent, and did at least taken_bytes_min of it leave since the last call? True
    // also for the first call. For a limit on a peer that is to take what was sent before.
    [[nodiscard]] bool peer_takes() noexcept;
    // In on_closed(CloseReason::stalled): the bytes that were lost.
    [[nodiscard]] uint32_t lost_bytes() const noexcept { return unsent_before_; }
    [[nodiscard]] bool is_open() const noexcept {
        return life_.get() <= StreamLife::State::half_open;
    }
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
    [[nodiscard]] bool is_paused() const noexcept {
        return input_.get() == StreamInput::State::paused ||
               input_.get() == StreamInput::State::paused_yielded;
    }
    // For on_bytes(): what it leaves comes back in the next tick, after all other connections had
    // their turn. Until then nothing more is read.
    void yield_turn();
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
    void failed() noexcept { finish(CloseReason::failed); }
    void sent(size_t bytes, int error);  // Ends a send that was pending, see Backend::Sent.

private:
    friend class Loop;
    friend class EpollBackend;
    friend class TlsFilter;
    using Life = StreamLife::State;

    Stream(Loop& loop, Descriptor fd, base::SlotKey key, std::unique_ptr<StreamHandler> handler,
           std::unique_ptr<TlsFilter> tls);
    ~Stream();

    template <class F>
    [[nodiscard]] bool guarded(F&& call);  // False: the handler threw, the stream has failed.
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
    // How often a closing stream must have moved on by taken_bytes_min.
    static constexpr uint64_t flush_check_ms = 30'000;
    static constexpr uint32_t taken_bytes_min = 2048;

    // The first bytes lie in the padding behind the base.
    StreamMachine<StreamLife> life_;
    StreamMachine<StreamInput> input_;
    StreamMachine<StreamOutput> output_;
    CloseReason reason_ = CloseReason::local;
    uint8_t backend_flags_ = 0;   // The backend's own.
    bool redeliver_ : 1 = false;  // The loop's list names the stream, to bring back what was kept.
    bool end_held_ = false;       // The peer's end, to be told once the input flows again.
    bool refused_ = false;        // The handler is owed on_drained().
    bool resumed_ : 1 = false;    // During the call of on_bytes() that is under way.
    bool reset_ : 1 = false;      // Closing the descriptor resets the connection.
    uint32_t unsent_before_ = 0;  // When peer_takes() last asked; 0: it has not, or nothing was.
    int fd_;                      // -1: it lives on elsewhere.
    const base::SlotKey key_;
    Loop& loop_;
    std::unique_ptr<StreamHandler> handler_;
    std::unique_ptr<TlsFilter> tls_;   // Null without TLS.
    Outbox* outbox_ = nullptr;         // Null while nothing is queued.
    std::unique_ptr<KeptInput> kept_;  // Null where the handler left nothing.
};

static_assert(sizeof(Stream) <= 88, "part of the budget of an idle connection");

}  // namespace starling::net
