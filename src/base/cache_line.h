// base/cache_line.h: how far apart data must lie so that two threads do not write the same cache line.
//
// A line that one thread writes and another one writes or reads moves between their cores each time,
// also if they use different bytes of it. What other threads write therefore has lines of its own.
#pragma once

#include <cstddef>

namespace starling::base {

// Not std::hardware_destructive_interference_size: its value depends on the flags of the compiler, and
// the library and its tests must agree.
#if defined(__aarch64__)
inline constexpr size_t cache_line_bytes = 128;
#else
inline constexpr size_t cache_line_bytes = 64;
#endif

}  // namespace starling::base
