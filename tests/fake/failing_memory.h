// tests/fake/failing_memory.h: makes one allocation of the calling thread fail. The replaced
// operators are in tests/server/out_of_memory_test.cpp.
#pragma once

#include <cstdint>

namespace starling::fake {

// The `number`th allocation from now on throws std::bad_alloc, once; 0: none.
void fail_allocation(uint64_t number) noexcept;
// True if an allocation has failed since then.
[[nodiscard]] bool allocation_failed() noexcept;

}  // namespace starling::fake
