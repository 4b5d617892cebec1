#include "base/mapped_page.h"

#include <sys/mman.h>

#include <new>

#include "base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define STARLING_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STARLING_ASAN 1
#endif
#endif

#ifdef STARLING_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

namespace starling::base {

// Maps twice as much and gives back what lies before and after the aligned part.
void* map_page(size_t bytes) {
    STARLING_ASSERT((bytes & (bytes - 1)) == 0);
    void* const mapped = ::mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* const begin = static_cast<std::byte*>(mapped);
    auto* const page = static_cast<std::byte*>(page_of(begin + bytes - 1, bytes));
    const auto before = static_cast<size_t>(page - begin);
    if (before != 0) ::munmap(begin, before);
    if (before != bytes) ::munmap(page + bytes, bytes - before);
#ifdef STARLING_ASAN
    __lsan_register_root_region(page, bytes);
#endif
    return page;
}

void unmap_page(void* page, size_t bytes) noexcept {
#ifdef STARLING_ASAN
    __lsan_unregister_root_region(page, bytes);
    allow_use(page, bytes);
#endif
    ::munmap(page, bytes);
}

void empty_page(void* page, size_t bytes) noexcept {
    const int failed = ::madvise(page, bytes, MADV_DONTNEED);
    STARLING_ASSERT(failed == 0);
}

#ifdef STARLING_ASAN
void forbid_use(const void* at, size_t bytes) noexcept { __asan_poison_memory_region(at, bytes); }
void allow_use(const void* at, size_t bytes) noexcept { __asan_unpoison_memory_region(at, bytes); }
#else
void forbid_use(const void*, size_t) noexcept {}
void allow_use(const void*, size_t) noexcept {}
#endif

}  // namespace starling::base
