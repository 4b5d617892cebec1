#include "base/slab.h"

#include <new>
#include <utility>

#include "base/assert.h"
#include "base/mapped_page.h"

namespace starling::base {

// Blocks follow it.
struct Slab::Page : ListLink {
    struct Free {
        Free* next;
    };

    explicit Page(Slab& owner) noexcept : slab(owner) {}
    [[nodiscard]] std::byte* blocks() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] void* block(uint32_t index) noexcept {
        return blocks() + index * slab.block_bytes_;
    }

    Slab& slab;
    Free* free = nullptr;
    uint32_t used = 0;
    uint32_t fresh = 0;  // Blocks from here on were never used.
};

Slab::Slab(size_t block_bytes) noexcept
    : block_bytes_(block_bytes),
      page_blocks_(static_cast<uint32_t>((page_bytes - sizeof(Page)) / block_bytes)) {
    STARLING_ASSERT(block_bytes % 8 == 0 && block_bytes >= 8 && block_bytes <= block_bytes_max);
}

Slab::~Slab() {
    while (with_room_.linked()) {
        auto& page = static_cast<Page&>(*with_room_.next());
        STARLING_ASSERT(page.used == 0);
        release(page);
    }
    STARLING_ASSERT(pages_ == 0);
}

void* Slab::take() {
    if (!with_room_.linked()) {
        auto* const page = new (map_page(page_bytes)) Page(*this);
        ++pages_;
        forbid_use(page->blocks(), page_bytes - sizeof(Page));
        page->insert_before(with_room_);
    }
    auto& page = static_cast<Page&>(*with_room_.next());
    const bool again = page.free != nullptr;
    void* const block = again ? page.free : page.block(page.fresh++);
    allow_use(block, block_bytes_);
    if (again) page.free = page.free->next;
    if (++page.used == page_blocks_) page.unlink();
    return block;
}

void Slab::give_back(void* block) noexcept {
    auto& page = *static_cast<Page*>(page_of(block, page_bytes));
    Slab& slab = page.slab;
    page.free = new (block) Page::Free{page.free};
    forbid_use(block, slab.block_bytes_);
    if (page.used-- == slab.page_blocks_) page.insert_before(slab.with_room_);
    // The last page with room stays: the next object needs it.
    if (page.used == 0 && slab.with_room_.next()->next() != &slab.with_room_) slab.release(page);
}

void Slab::release(Page& page) noexcept {
    page.~Page();
    unmap_page(&page, page_bytes);
    --pages_;
}

void* Slabs::take(size_t bytes) {
    STARLING_ASSERT(bytes > 0 && bytes <= block_bytes_max);
    const size_t words = (bytes + 7) / 8;
    auto& slab = sizes_[words - 1];
    if (!slab) slab = std::make_unique<Slab>(words * 8);
    return slab->take();
}

void* InSlab::operator new(size_t bytes, Slabs& slabs) {
    return has_address_sanitizer ? ::operator new(bytes) : slabs.take(bytes);
}

// NOLINTNEXTLINE(misc-new-delete-overloads): new has the slabs as well.
void InSlab::operator delete(void* object) noexcept {
    has_address_sanitizer ? ::operator delete(object) : Slab::give_back(object);
}

}  // namespace starling::base
