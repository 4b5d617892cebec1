// tests/lines/recorder.h: which cache lines two workers write.
//
// The library is compiled with -fsanitize=thread, so that the compiler calls a function for each
// access to memory; recorder.cpp has these functions in place of ThreadSanitizer's. A lock counts as
// a write of the mutex. What the C library writes, for example in memcpy(), is not seen.
//
// Thread: any; i_am() the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace starling::lines {

// From here on the calling thread is a worker: its writes count. From 1 to 3.
void i_am(uint8_t worker) noexcept;

// Forgets what was written before.
void begin() noexcept;

struct Shared {
    size_t words_of_one = 0;  // Words on the line that only one of the workers wrote.
    std::string text;         // Where the workers wrote last, as addresses for addr2line.
};
// Ends the recording. The lines that two workers have written since begin(), also if they wrote
// different bytes. Without those whose objects were freed since: what one worker hands over to
// another one.
[[nodiscard]] std::vector<Shared> shared();
// How many lines were left out for that reason.
[[nodiscard]] size_t handed_over() noexcept;

}  // namespace starling::lines
