// base/mapped_page.h: memory straight from the kernel, aligned to its own size, so that the address of an object
// tells the page that it lies in. Memory that was never written costs nothing.
//
// Owner: the pool that asked for the page. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>

namespace starling::base {

// `bytes` is a power of two, and a multiple of the kernel's page. All bytes are 0. Throws std::bad_alloc.
[[nodiscard]] void* map_page(size_t bytes);
void unmap_page(void* page, size_t bytes) noexcept;
// Gives the memory back, but not the addresses: all bytes are 0 again. Another thread may read meanwhile.
void empty_page(void* page, size_t bytes) noexcept;

// The page of `bytes` that holds this address.
[[nodiscard]] inline void* page_of(const void* address, size_t bytes) noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the page is found by the address alone.
    return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(address) & ~(uintptr_t{bytes} - 1));
}

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool has_address_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool has_address_sanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool has_address_sanitizer = false;
#endif

// AddressSanitizer reports each use of such memory until allow_use(). Does nothing without it.
void forbid_use(const void* at, size_t bytes) noexcept;
void allow_use(const void* at, size_t bytes) noexcept;

}  // namespace starling::base
