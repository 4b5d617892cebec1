#include "net/outbox.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/block_cache.h"

namespace starling::net {

namespace {

bool is_block(size_t capacity) noexcept {
    return sizeof(Chunk) + capacity >= base::BlockCache::block_bytes_min;
}

}  // namespace

ChunkPool::~ChunkPool() {
    while (free_) ::operator delete(std::exchange(free_, free_->next));
}

Chunk* ChunkPool::take(size_t bytes_wanted) {
    if (bytes_wanted <= chunk_bytes && free_) {
        unused_ = std::min(unused_, --kept_);
        return std::exchange(free_, free_->next);
    }
    const size_t capacity = std::max(bytes_wanted, chunk_bytes);
    if (is_block(capacity)) {
        const auto block = base::take_block(sizeof(Chunk) + capacity);
        return new (block.memory) Chunk{nullptr, block.bytes - sizeof(Chunk)};
    }
    void* memory = ::operator new(sizeof(Chunk) + capacity);
    return new (memory) Chunk{nullptr, capacity};
}

void ChunkPool::give_back(Chunk* chunk) noexcept {
    if (is_block(chunk->capacity))
        return base::give_block_back({chunk, sizeof(Chunk) + chunk->capacity});
    if (chunk->capacity != chunk_bytes || kept_ >= kept_chunks_max) return ::operator delete(chunk);
    chunk->next = std::exchange(free_, chunk);
    ++kept_;
}

void ChunkPool::trim() noexcept {
    for (; unused_ > 0; --unused_, --kept_) ::operator delete(std::exchange(free_, free_->next));
    unused_ = kept_;
}

std::byte* Outbox::extend(size_t bytes, ChunkPool& pool) {
    if (std::byte* const at = try_extend(bytes)) return at;
    Chunk* chunk = pool.take(bytes);
    try {
        parts_.push_back({{}, chunk, 0, bytes});
    } catch (...) {
        pool.give_back(chunk);
        throw;
    }
    room_bytes_ = chunk->capacity - bytes;
    bytes_ += bytes;
    return chunk->data();
}

void Outbox::append(std::span<const std::byte> bytes, ChunkPool& pool) {
    if (bytes.empty()) return;
    const size_t fits = std::min(bytes.size(), room_bytes_);
    if (fits) std::memcpy(try_extend(fits), bytes.data(), fits);
    const auto rest = bytes.subspan(fits);
    if (!rest.empty()) std::memcpy(extend(rest.size(), pool), rest.data(), rest.size());
}

void Outbox::append(const base::SharedBytes& bytes, size_t skip_bytes) {
    if (skip_bytes >= bytes.size()) return;
    parts_.push_back({bytes, nullptr, skip_bytes, bytes.size()});
    bytes_ += bytes.size() - skip_bytes;
    room_bytes_ = 0;
}

size_t Outbox::gather(std::span<iovec> parts) const noexcept {
    const size_t count = std::min(parts.size(), parts_.size() - first_);
    for (size_t i = 0; i < count; ++i) {
        const Part& part = parts_[first_ + i];
        parts[i] = {const_cast<std::byte*>(part.data()), part.end - part.begin};
    }
    return count;
}

void Outbox::consume(size_t bytes, ChunkPool& pool) noexcept {
    STARLING_ASSERT(bytes <= bytes_);
    bytes_ -= bytes;
    while (first_ < parts_.size()) {
        Part& part = parts_[first_];
        const size_t taken = std::min(bytes, part.end - part.begin);
        part.begin += taken;
        bytes -= taken;
        if (part.begin < part.end) break;
        if (part.chunk) pool.give_back(part.chunk);
        part = {};
        ++first_;
    }
    if (first_ == parts_.size()) {
        parts_.clear();
        first_ = 0;
        room_bytes_ = 0;
        // A slow peer made it large; do not keep it.
        if (parts_.capacity() > 64) std::vector<Part>().swap(parts_);
    } else if (first_ >= 256 && first_ * 2 >= parts_.size()) {
        parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

void Outbox::clear(ChunkPool& pool) noexcept {
    consume(bytes_, pool);
    marks_.clear();
    if (marks_.capacity() > kept_marks_max) std::vector<Mark>().swap(marks_);
}

}  // namespace starling::net
