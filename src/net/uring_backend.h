// net/uring_backend.h: the io_uring backend.
//
// Streams receive by one operation that goes on (multishot), into buffers that the kernel takes when bytes come.
// Sends are prepared during a tick, and all are submitted by the call that waits. No operation waits for room in
// the kernel: a send that finds none is refused, and the stream waits in the epoll set of ReadinessBackend, as do
// listening sockets, watches, and streams that do not receive and must still hear of a failure. The ring watches
// that set. docs/decisions.md says why.
//
// The kernel gives a multishot receive up to 32 buffers before it serves the next stream. A stream that fills as many
// as epoll would give it in a tick therefore gets an operation for one buffer in each tick.
//
// What a stream wants is compared with what the kernel does for it only before a wait, for the streams in
// `unsettled_`. So a change that is undone in the same tick costs nothing.
//
// An operation is named by the key of its stream and by its kind; the key of a stream that is gone finds none. An
// operation holds the kernel's file: a descriptor that is closed ends its connection when the operation was
// cancelled, at the next wait.
//
// Owner: net::Loop. Thread: the loop's. Another thread may go on with the loop after leave().
#pragma once

#include <memory>
#include <vector>

#include "base/slot_pool.h"
#include "base/slot_table.h"
#include "net/readiness.h"
#include "net/receive_buffers.h"
#include "net/ring.h"

namespace starling::net {

class Loop;

class UringBackend final : public ReadinessBackend {
public:
    // Throws std::system_error if the kernel refuses.
    explicit UringBackend(const UringSizes& sizes);
    ~UringBackend() override;

    std::error_code add(Stream& stream) override;
    bool remove(Stream& stream, bool closing) noexcept override;
    void receive(Stream& stream, bool on) noexcept override;
    Sent send(Stream& stream, std::span<const iovec> parts) noexcept override;
    Sent send_now(Stream& stream, std::span<const iovec> parts) noexcept override;
    Sent ask(Stream& stream) noexcept override;
    void wait(int timeout_ms) override;
    void dispatch() override;
    void leave() noexcept override;

private:
    enum class Kind : uint8_t { none, receive, send, events, wake };
    // Bits of Stream::backend_flags_.
    enum Flag : uint16_t {
        added = 1,
        wanted = 2,        // receive() is on.
        receiving = 4,     // The kernel has such an operation.
        cancelling = 8,    // It is being cancelled.
        sending = 16,      // A send is prepared or submitted.
        blocked = 32,      // A send was refused, and is pending until there is room.
        in_set = 64,       // In the epoll set.
        in_set_out = 128,  // In the epoll set, and waits there for room to send.
        end_reported = 256,
        hung_up = 512,  // The set would report it for ever.
        // Bytes came while it waited for its turn: it does not receive until after that turn.
        throttled = 1024,
        unsettled = 2048,  // In the list.
        // Filled many buffers in a row: it gets one in each tick, until it leaves room in one.
        greedy = 4096,
        single = 8192,  // Its operation takes one buffer.
    };
    // Memory for the parts of sends until they are submitted.
    struct Message {
        msghdr header;
        iovec parts[64];
    };
    static constexpr size_t messages_max = 32;
    static constexpr size_t full_in_a_row_max = receive_bytes_max / ReceiveBuffers::buffer_bytes;

    [[nodiscard]] static uint64_t name(Kind kind, base::SlotKey key = {}) noexcept {
        return base::pack(key, static_cast<uint32_t>(kind));
    }
    [[nodiscard]] static Kind kind_of(uint64_t name) noexcept {
        return static_cast<Kind>(name >> (32 + base::slot_bits));
    }
    [[nodiscard]] Stream* stream_of(uint64_t name) const noexcept;
    // The ring is enabled, and by this thread.
    [[nodiscard]] bool is_mine() const noexcept { return owner_ != 0 && owner_ == this_thread(); }
    // A number that no other thread had or will have.
    [[nodiscard]] static uint64_t this_thread() noexcept;

    static void set(Stream& stream, unsigned flags) noexcept;
    static void clear(Stream& stream, unsigned flags) noexcept;

    [[nodiscard]] std::error_code open_ring() noexcept;
    void start();
    void abandon();
    void submit() noexcept;
    void reuse_messages() noexcept;
    void arm_own();
    void list(Stream& stream) noexcept;
    void settle_listed();
    void settle(Stream& stream);
    void settle_set(Stream& stream);
    void arm_receive(Stream& stream);
    void cancel_receive(Stream& stream);
    [[nodiscard]] Sent send_elsewhere(Stream& stream, std::span<const iovec> parts);
    void block(Stream& stream);
    [[nodiscard]] Sent result_of(const Ring::Completion& done) noexcept;
    void finish_receiving(Stream& stream);
    void report(const Ring::Completion& done);
    void report_event(Stream& stream, uint32_t events);
    void report_received(Stream* stream, const Ring::Completion& done);
    void watch_greed(Stream& stream, const Ring::Completion& done) noexcept;
    void report_sent(Stream& stream, const Ring::Completion& done);
    void failed(Stream& stream) noexcept;

    Ring ring_;
    ReceiveBuffers buffers_;
    uint64_t owner_ = 0;  // The thread of the ring; 0: not enabled.
    const base::SlotPool<Stream, Loop>* streams_ =
        nullptr;  // The loop's; null before the first stream.
    std::vector<uint64_t> unsettled_;
    bool all_unsettled_ = false;      // Memory ran out for that list.
    std::vector<uint64_t> settling_;  // Names from unsettled_ while they are settled.
    std::unique_ptr<Message[]> messages_;
    size_t messages_used_ = 0;
    uint64_t last_received_ = 0;  // The name of the last receive in this dispatch(); 0: none.
    size_t full_in_a_row_ = 0;    // So many full buffers it has got, with no other receive between.
    bool events_armed_ = false, wake_armed_ = false;
};

}  // namespace starling::net
