// tests/fake/anonymous_bytes.h: how many bytes of memory the program uses that no file backs: the heap, mapped pages
// and stacks, as the kernel counts them.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace starling::fake {

inline size_t anonymous_bytes() {
    std::ifstream rollup("/proc/self/smaps_rollup");
    for (std::string word; rollup >> word;) {
        size_t kib = 0;
        if (word == "Anonymous:" && rollup >> kib) return kib * 1024;
    }
    return 0;
}

}  // namespace starling::fake
