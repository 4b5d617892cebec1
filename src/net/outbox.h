// net/outbox.h: the bytes that wait to leave on one connection, in order.
//
// Small writes are copied into chunks, large shared ones are held by reference. Queued bytes never move and
// never change until consume() or clear(), whatever is written behind them: a kernel may read them meanwhile. An Outbox exists
// only while something waits: idle connections hold none. Both come from pools of the loop, so that
// a busy connection allocates nothing.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "base/shared_bytes.h"

namespace starling::net {

// Memory for copied bytes. Chunks larger than the ordinary size are not kept.
struct Chunk {
    Chunk* next;
    size_t capacity;
    [[nodiscard]] std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};

class ChunkPool {
public:
    static constexpr size_t chunk_bytes = 4096 - sizeof(Chunk);
    static constexpr size_t kept_chunks_max = 2048;  // 8 MiB, after a burst.

    ChunkPool() = default;
    ChunkPool(const ChunkPool&) = delete;
    ChunkPool& operator=(const ChunkPool&) = delete;
    ~ChunkPool();

    [[nodiscard]] Chunk* take(size_t bytes_wanted);  // At least that capacity.
    void give_back(Chunk* chunk) noexcept;
    // Frees what was not needed since the last call: a burst does not cost memory for ever.
    void trim() noexcept;
    [[nodiscard]] size_t kept() const noexcept { return kept_; }

private:
    Chunk* free_ = nullptr;
    size_t kept_ = 0;
    size_t unused_ = 0;  // The least that was kept at any time since trim().
};

class Outbox : public base::ListLink {
public:
    // From this size on, shared bytes are referred to rather than copied: below it a copy is
    // cheaper than an entry of its own in the vector given to sendmsg().
    static constexpr size_t share_from_bytes = 1024;

    // Memory at the end of the queue, to be written before the next call. Null where the last chunk
    // has no room for so many bytes in one piece; extend() takes a new one then.
    [[nodiscard]] std::byte* try_extend(size_t bytes) noexcept {
        if (bytes > room_bytes_) return nullptr;
        Part& last = parts_.back();
        std::byte* const at = last.chunk->data() + last.end;
        last.end += bytes;
        room_bytes_ -= bytes;
        bytes_ += bytes;
        return at;
    }
    [[nodiscard]] std::byte* extend(size_t bytes, ChunkPool& pool);

    void append(std::span<const std::byte> bytes, ChunkPool& pool);
    void append(const base::SharedBytes& bytes, size_t skip_bytes = 0);

    // Fills `parts` from the front of the queue; the count of parts used.
    [[nodiscard]] size_t gather(std::span<iovec> parts) const noexcept;
    // The first bytes of the queue have left.
    void consume(size_t bytes, ChunkPool& pool) noexcept;
    void clear(ChunkPool& pool) noexcept;

    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }

    // Meaningful while a send of the stream is pending; linked in the loop's list of such queues.
    static constexpr size_t not_asked = SIZE_MAX;
    uint64_t blocked_since_ms = 0;            // Or since the peer last acknowledged something.
    size_t submitted_bytes = 0;               // By that send.
    size_t unacknowledged_bytes = not_asked;  // In the kernel, when the loop last asked.
    class Stream* stream = nullptr;

private:
    struct Part {
        base::SharedBytes shared;  // Or, where empty, `chunk`.
        Chunk* chunk = nullptr;
        size_t begin = 0, end = 0;
        [[nodiscard]] const std::byte* data() const noexcept {
            return (chunk ? chunk->data() : shared.view().data()) + begin;
        }
    };

    std::vector<Part> parts_;
    size_t first_ = 0;  // Parts before it have left.
    size_t bytes_ = 0;
    size_t room_bytes_ = 0;  // At the end of the last part, where that is a chunk.
};

}  // namespace starling::net
