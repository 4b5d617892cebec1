// net/outbox.h: the queue of bytes to be sent on one connection.
//
// Small writes are copied into chunks, large shared ones are held by reference. Queued bytes
// neither move nor change until consume() or clear(), even if more is written after them: a kernel
// may be reading them. An Outbox exists only while bytes are queued: idle connections have none.
// Chunks and Outboxes come from pools of the loop, so a busy connection allocates nothing.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "base/shared_bytes.h"

namespace starling::net {

// Memory for copied bytes. Large chunks are blocks of base::BlockCache; others above the ordinary size are not pooled.
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

    // The chunk has room for `bytes_wanted` or more.
    [[nodiscard]] Chunk* take(size_t bytes_wanted);
    void give_back(Chunk* chunk) noexcept;
    // Frees the chunks that were not needed since the last call, so that a burst does not cost
    // memory for ever.
    void trim() noexcept;
    [[nodiscard]] size_t kept() const noexcept { return kept_; }

private:
    Chunk* free_ = nullptr;
    size_t kept_ = 0;
    size_t unused_ = 0;  // The lowest kept_ since trim().
};

class Outbox : public base::ListLink {
public:
    // Shared bytes of at least this size are held by reference. Below it a copy costs less than an
    // entry in the vector given to sendmsg().
    static constexpr size_t share_from_bytes = 1024;

    // Adds memory for `bytes` to the end of the queue; the caller must write it before the next
    // call. Null if the last chunk has no room for that many bytes; then call extend(), which takes
    // a new chunk.
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

    // Fills `parts` from the front of the queue. Returns the number of parts used.
    [[nodiscard]] size_t gather(std::span<iovec> parts) const noexcept;
    // Removes the first bytes of the queue: they were sent.
    void consume(size_t bytes, ChunkPool& pool) noexcept;
    void clear(ChunkPool& pool) noexcept;

    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }

    // What the stream's owner wants to know about bytes that it queued: a message, with the bytes of its
    // frame and those of its payload. The marks since the queue was empty.
    struct Mark {
        size_t wire_bytes, payload_bytes;
    };
    // After the bytes were queued. `first`: the queue was empty before.
    void mark(Mark mark, bool first) {
        if (first) marks_.clear();
        marks_.push_back(mark);
    }
    [[nodiscard]] std::span<const Mark> marks() const noexcept { return marks_; }

    // Valid while a send of the stream is pending and the Outbox is in the loop's list `blocked_`.
    static constexpr size_t not_asked = SIZE_MAX;
    uint64_t blocked_since_ms = 0;            // Or the time of the peer's last acknowledgement.
    size_t submitted_bytes = 0;               // Size of the pending send.
    size_t unacknowledged_bytes = not_asked;  // Bytes in the kernel, when the loop last asked.
    class Stream* stream = nullptr;

private:
    struct Part {
        base::SharedBytes shared;  // If empty, `chunk` holds the bytes.
        Chunk* chunk = nullptr;
        size_t begin = 0, end = 0;
        [[nodiscard]] const std::byte* data() const noexcept {
            return (chunk ? chunk->data() : shared.view().data()) + begin;
        }
    };

    static constexpr size_t kept_marks_max = 64;

    std::vector<Part> parts_;
    std::vector<Mark> marks_;
    size_t first_ = 0;  // Index of the first part that was not sent whole.
    size_t bytes_ = 0;
    size_t room_bytes_ = 0;  // Free bytes at the end of the last part, if that is a chunk.
};

}  // namespace starling::net
