// base/assert.h: STARLING_ASSERT(condition) ends the process if an invariant of this library is
// broken.
//
// For bugs of this library only: a fault of a peer or of an application is a value or an exception.
// The presets debug, asan, tsan and fuzz define STARLING_ASSERTIONS. In other builds the compiler
// checks the condition and never evaluates it, so it must have no side effect. Thread: any.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace starling::base {

[[noreturn]] inline void assertion_failed(const char* condition, const char* file,
                                          int line) noexcept {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    std::abort();
}

}  // namespace starling::base

#if defined(STARLING_ASSERTIONS)
#define STARLING_ASSERT(...)              \
    ((__VA_ARGS__) ? static_cast<void>(0) \
                   : ::starling::base::assertion_failed(#__VA_ARGS__, __FILE__, __LINE__))
#else
#define STARLING_ASSERT(...) static_cast<void>(sizeof((__VA_ARGS__) ? true : false))
#endif
