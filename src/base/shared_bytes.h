// base/shared_bytes.h: immutable bytes with a reference count, for one thread.
//
// A publication is encoded once per worker and queued on many connections; each queue holds one
// SharedBytes. The count is not atomic: a SharedBytes must not move to another thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace starling::base {

class SharedBytes {
public:
    SharedBytes() noexcept = default;
    ~SharedBytes() { release(); }
    SharedBytes(const SharedBytes& other) noexcept : block_(other.block_) {
        if (block_) ++block_->holders;
    }
    SharedBytes(SharedBytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    SharedBytes& operator=(SharedBytes other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }

    // Uninitialised bytes. Fill them through `writable()` before another object holds them.
    [[nodiscard]] static SharedBytes allocate(size_t size) {
        void* memory = ::operator new(sizeof(Block) + size);
        SharedBytes bytes;
        bytes.block_ = new (memory) Block{size, 1};
        return bytes;
    }

    [[nodiscard]] static SharedBytes copy(std::span<const std::byte> source) {
        SharedBytes bytes = allocate(source.size());
        if (!source.empty()) std::memcpy(bytes.writable().data(), source.data(), source.size());
        return bytes;
    }

    [[nodiscard]] std::span<std::byte> writable() noexcept {
        return {reinterpret_cast<std::byte*>(block_ + 1), block_->size};
    }
    [[nodiscard]] std::span<const std::byte> view() const noexcept {
        if (!block_) return {};
        return {reinterpret_cast<const std::byte*>(block_ + 1), block_->size};
    }
    [[nodiscard]] size_t size() const noexcept { return block_ ? block_->size : 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }

private:
    struct Block {
        size_t size;
        size_t holders;
    };

    void release() noexcept {
        if (block_ && --block_->holders == 0) ::operator delete(block_);
    }

    Block* block_ = nullptr;
};

}  // namespace starling::base
