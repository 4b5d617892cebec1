// base/slab.h: memory for small objects that live long, side by side in pages of their size class.
//
// An allocator for all purposes puts long-lived objects between blocks that are soon freed, adds words of its own to
// each, and then holds pages for the sake of a few objects. Here an object costs its own bytes. A page without objects
// goes back to the kernel.
//
// Owner: the worker, or a part of it, which lives longer than the objects. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"

namespace starling::base {

// Blocks of one size.
class Slab {
public:
    static constexpr size_t page_bytes = 32 * 1024;
    static constexpr size_t block_bytes_max = 1024;

    // `block_bytes`: a multiple of 8.
    explicit Slab(size_t block_bytes) noexcept;
    ~Slab();
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    [[nodiscard]] void* take();  // Throws std::bad_alloc.
    // The Slab that the block is from follows from its address.
    static void give_back(void* block) noexcept;

    [[nodiscard]] size_t pages() const noexcept { return pages_; }

private:
    struct Page;
    void release(Page& page) noexcept;

    const size_t block_bytes_;
    const uint32_t page_blocks_;
    ListLink with_room_;  // The first one is filled first.
    size_t pages_ = 0;
};

// A Slab for each size up to block_bytes_max.
class Slabs {
public:
    static constexpr size_t block_bytes_max = 512;

    [[nodiscard]] void* take(size_t bytes);

private:
    std::array<std::unique_ptr<Slab>, block_bytes_max / 8> sizes_;
};

// For classes whose objects are made by `new (slabs) T(...)`; an ordinary `delete` frees them. With AddressSanitizer
// they have memory of their own, so that it sees each use of a freed object.
class InSlab {
public:
    [[nodiscard]] static void* operator new(size_t bytes, Slabs& slabs);
    // NOLINTNEXTLINE(misc-new-delete-overloads): new has the slabs as well.
    static void operator delete(void* object) noexcept;
    static void operator delete(void* object, Slabs&) noexcept { InSlab::operator delete(object); }
};

}  // namespace starling::base
