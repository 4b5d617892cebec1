// tests/fake/heap_bytes.h: how many bytes of the heap the program uses.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STARLING_SANITIZER_HEAP 1
#elif defined(__has_feature)
#define STARLING_SANITIZER_HEAP \
    (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define STARLING_SANITIZER_HEAP 0
#endif

#if STARLING_SANITIZER_HEAP
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#else
#include <malloc.h>
#endif

namespace starling::fake {

inline size_t heap_bytes() {
#if STARLING_SANITIZER_HEAP
    return __sanitizer_get_current_allocated_bytes();
#else
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;  // In arenas, and in separate mappings.
#endif
}

}  // namespace starling::fake
