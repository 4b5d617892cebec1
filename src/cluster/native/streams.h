// cluster/native/streams.h: the two directions between a pair of nodes. OutStream keeps what the
// other node has not confirmed; InStream puts what arrives in order. Together: each item once, in
// order, whatever the channel loses, doubles or reorders, as long as the queue has room for it.
//
// A batch is a number of items; `seq` counts batches. `before` counts publications, so that the
// receiver knows how many were in the batches that a full queue dropped.
//
// Owner: the Peer. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/native/types.h"
#include "cluster/native/wire.h"

namespace starling::cluster::native {

// Strings that are used again, and the bytes that all streams of a node hold.
struct Pool {
    static constexpr size_t free_max = 64;
    static constexpr size_t free_bytes_max = 65'536;  // A longer string is freed.
    std::vector<std::string> free;
    size_t queued_bytes = 0, held_bytes = 0;

    [[nodiscard]] std::string take();
    void give(std::string&& bytes);
};

// Epochs are serial numbers (RFC 1982): the one that follows the largest is small. So there is a newer
// one for each epoch, also for one that somebody forged.
[[nodiscard]] constexpr bool is_newer(uint32_t epoch, uint32_t than) noexcept {
    return static_cast<int32_t>(epoch - than) > 0;
}
// The same for the numbers of statuses.
[[nodiscard]] constexpr bool is_newer(uint64_t number, uint64_t than) noexcept {
    return static_cast<int64_t>(number - than) > 0;
}

class OutStream {
public:
    OutStream(Pool& pool, const Options& options, uint32_t epoch) noexcept
        : pool_(pool), options_(options), epoch_(epoch) {}
    ~OutStream();
    OutStream(const OutStream&) = delete;
    OutStream& operator=(const OutStream&) = delete;

    // A whole item as write_item() made it. Returns the number of publications that a full queue
    // dropped for it. `share_bytes`: what this stream may hold while all streams are over their bound.
    size_t append(std::string_view item, bool is_publication, size_t share_bytes);

    // Closes the batch that is being filled, and calls `send(Batch&)` for each batch that is due,
    // within burst_bytes_max. send() fills the head.
    struct Batch {
        std::string bytes;  // With room for the head.
        uint64_t seq = 0;
        uint64_t before = 0;
        uint32_t publications = 0;
        bool is_sent = false;
        bool was_sent = false;  // Once at least. is_sent is false again if it got lost.
        bool is_ahead = false;  // The receiver has it, and waits for what precedes it.
        Millis sent_at = 0;
    };
    template <class Send>
    void flush(Millis now, Send send) {
        close();
        size_t bytes = 0;
        size_t i = first_due(now);
        for (; i < window_.size() && bytes < options_.burst_bytes_max; ++i) {
            Batch& batch = window_[i];
            if (!is_due(batch, now)) continue;
            send(batch);
            batch.is_sent = batch.was_sent = true;
            batch.sent_at = now;
            bytes += batch.bytes.size();
        }
        look_again_ = i < window_.size();
        unsent_ = i;
    }
    // The receiver has every batch below `next`, and those of `ahead` (BatchHead::acked_ahead).
    void acked(uint64_t next, uint32_t ahead, Millis now);
    // All that is unconfirmed is due at once. The receiver was away.
    void send_again() noexcept;
    // The same for what was sent before `time`.
    void send_again(Millis time) noexcept;

    // Sends all that is unconfirmed as a stream with this epoch.
    void begin_again(uint32_t epoch) noexcept;

    [[nodiscard]] uint32_t epoch() const noexcept { return epoch_; }
    [[nodiscard]] bool is_idle() const noexcept { return window_.empty() && open_.empty(); }
    [[nodiscard]] uint64_t oldest() const noexcept {
        return window_.empty() ? next_seq_ : window_.front().seq;
    }
    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }
    // Publications that the receiver has not confirmed.
    [[nodiscard]] size_t publications() const noexcept;

private:
    void close();
    void drop_oldest(size_t batches);
    [[nodiscard]] bool is_due(const Batch& batch, Millis now) const noexcept {
        return !batch.is_sent || (!batch.is_ahead && batch.sent_at + options_.resend_ms <= now);
    }
    [[nodiscard]] size_t first_due(Millis now) const noexcept;

    Pool& pool_;
    const Options& options_;
    std::vector<Batch> window_;  // In the order of seq, without holes.
    std::string open_;           // Being filled.
    uint32_t epoch_;
    uint32_t open_publications_ = 0;
    uint64_t next_seq_ = 1;
    uint64_t publications_ = 0;  // In all closed batches.
    size_t unsent_ = 0;          // Without look_again_, no batch of window_ before it is unsent.
    bool look_again_ = false;
    size_t bytes_ = 0;  // In window_ and open_.
};

class InStream {
public:
    InStream(Pool& pool, const Options& options) noexcept : pool_(pool), options_(options) {}
    ~InStream();
    InStream(const InStream&) = delete;
    InStream& operator=(const InStream&) = delete;

    enum class Arrival : uint8_t {
        fresh,      // Call next() until it gives nothing; `items` must live so long.
        duplicate,  // It was here before.
        stale,      // Of a stream that is over.
    };
    // A batch with items arrived.
    [[nodiscard]] Arrival arrived(const BatchHead& head, std::string_view items);

    struct Ready {
        std::string_view items;
        uint64_t lost = 0;         // Publications that precede the items, and will never come.
        bool began_again = false;  // The stream began again, or in the middle: some may be lost.
    };
    // Valid until the next call.
    [[nodiscard]] std::optional<Ready> next();

    // A batch with this epoch begins the stream, or begins it again.
    [[nodiscard]] bool begins(uint32_t epoch) const noexcept {
        return epoch_ == 0 || is_newer(epoch, epoch_);
    }
    // The last Ready had so many publications.
    void count(uint64_t publications) noexcept { received_ += publications; }
    [[nodiscard]] uint32_t epoch() const noexcept { return epoch_; }
    [[nodiscard]] uint64_t next_seq() const noexcept { return next_; }
    [[nodiscard]] uint32_t ahead() const noexcept;

private:
    static constexpr uint64_t ahead_max = 32;  // The bits of BatchHead::acked_ahead.
    struct Held {
        uint64_t seq;
        uint64_t before;
        std::string items;
    };

    void begin(const BatchHead& head);
    void drop_held() noexcept;
    void hold_current();
    [[nodiscard]] Ready take(uint64_t before, std::string_view items);

    Pool& pool_;
    const Options& options_;
    std::vector<Held> held_;  // In the order of seq.
    // The batch of the last arrived(), until next() has given it.
    std::string_view current_;
    uint64_t current_seq_ = 0;  // 0: none.
    uint64_t current_before_ = 0;
    std::string given_;  // Backs the last Ready.
    uint32_t epoch_ = 0;
    bool began_again_ = false;
    bool counts_ = false;  // received_ is comparable with `before`.
    uint64_t next_ = 1;
    uint64_t skip_to_ = 0;   // The sender has nothing older any more.
    uint64_t received_ = 0;  // Publications so far, lost ones too.
};

}  // namespace starling::cluster::native
