// ws/assembly.h: an unfinished message. Exists from the first byte of a message that does not
// arrive complete in one read until its delivery; an idle connection has none.
//
// Owner: one Receiver. Thread: the receiver's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "base/block_cache.h"
#include "base/utf8.h"
#include "ws/decoder.h"
#include "ws/deflate.h"
#include "ws/fault.h"
#include "ws/frame.h"

namespace starling::ws {

// A byte buffer that grows by realloc(), which remaps large blocks instead of copying them, unless a block of a message
// before is kept: then it takes that one. Memory that nobody has used yet is never taken for bytes that did not arrive.
class ByteBuffer {
public:
    ByteBuffer() = default;
    ~ByteBuffer() { clear(); }
    ByteBuffer(const ByteBuffer&) = delete;
    ByteBuffer& operator=(const ByteBuffer&) = delete;

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] size_t size() const noexcept { return size_; }
    [[nodiscard]] size_t capacity() const noexcept { return capacity_; }

    // Makes room for `more` further bytes. Doubles the capacity, but not beyond `bytes_max` unless
    // `more` needs it.
    void reserve_more(size_t more, uint64_t bytes_max) {
        const size_t needed = size_ + more;
        if (needed <= capacity_) return;
        if (take_kept(needed, bytes_max)) return;
        const uint64_t doubled = std::min<uint64_t>(uint64_t{capacity_} * 2, bytes_max);
        const size_t wanted = static_cast<size_t>(std::max<uint64_t>(needed, doubled));
        void* grown = std::realloc(data_, wanted);
        if (!grown) throw std::bad_alloc();
        data_ = static_cast<std::byte*>(grown);
        capacity_ = wanted;
    }

    void append(std::span<const std::byte> more, uint64_t bytes_max) {
        if (more.empty()) return;
        reserve_more(more.size(), bytes_max);
        std::memcpy(data_ + size_, more.data(), more.size());
        size_ += more.size();
    }

    // spare(): the room after the present bytes. commit(): how many bytes were written there.
    [[nodiscard]] std::span<std::byte> spare() const noexcept {
        return {data_ + size_, capacity_ - size_};
    }
    void commit(size_t bytes) noexcept { size_ += bytes; }

    void clear() noexcept {
        if (capacity_ < base::BlockCache::block_bytes_min)
            std::free(data_);
        else
            base::give_block_back({data_, capacity_});
        data_ = nullptr;
        size_ = capacity_ = 0;
    }

private:
    // Looks for a block for the whole message once 64 KiB have arrived; `bytes_max` may be a limit that it never reaches.
    bool take_kept(size_t needed, uint64_t bytes_max) noexcept {
        if (needed < base::BlockCache::block_bytes_min) return false;
        auto block =
            base::take_kept_block(static_cast<size_t>(std::max<uint64_t>(needed, bytes_max)));
        if (!block.memory) block = base::take_kept_block(needed);
        if (!block.memory) return false;
        const size_t size = size_;
        if (size != 0) std::memcpy(block.memory, data_, size);
        clear();
        data_ = static_cast<std::byte*>(block.memory);
        size_ = size;
        capacity_ = block.bytes;
        return true;
    }

    std::byte* data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

class Assembly {
public:
    Assembly(const FrameHeader& header, uint64_t message_bytes_max) noexcept
        : message_bytes_max_(message_bytes_max),
          opcode(header.opcode),
          compressed(header.compressed) {}

    void begin_frame(const FrameHeader& header) noexcept;

    // Consumes the bytes of `input` that belong to the current frame, unmasking in place.
    [[nodiscard]] Fault take(std::span<std::byte>& input, Inflater* inflater);

    // Call after the last byte of the last frame. Checks that the message is complete and valid.
    [[nodiscard]] Fault finish();

    [[nodiscard]] uint64_t message_bytes_left() const noexcept {
        return message_bytes_max_ - std::min(message_bytes_max_, promised_bytes_);
    }

    // Bytes of heap held for this message, its own inflater included.
    [[nodiscard]] size_t memory_bytes() const noexcept;

private:
    Fault take_compressed(std::span<const std::byte> chunk, Inflater* inflater, bool last);
    Fault inflate_all(std::span<const std::byte> in);
    Fault inflate_piece(std::span<const std::byte> in);
    Fault accept_output(std::span<const std::byte> bytes) noexcept;

    uint64_t message_bytes_max_;
    uint64_t promised_bytes_ = 0;    // Sum of the payload lengths, if not compressed.
    uint64_t compressed_bytes_ = 0;  // Bytes fed to the inflater so far.
    ByteBuffer packed_;              // Compressed payload that waits for the shared inflater.
    std::unique_ptr<Inflater> own_;  // The inflater for a long message without context takeover.
    Inflater* stream_ = nullptr;     // The inflater of this message; null until one is chosen.
    uint32_t masking_key_ = 0;       // The key for the next byte.
    base::Utf8Validator utf8_;

public:
    uint64_t frame_bytes_left = 0;
    ByteBuffer message;
    uint32_t fragments = 0;
    Opcode opcode;
    bool compressed;
    bool in_frame = false;
    bool fin = false;
};

}  // namespace starling::ws
