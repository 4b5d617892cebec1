// tests/fake/descriptors.h: counts the open descriptors of the process, to find leaks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <iterator>

namespace starling::fake {

inline size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return size_t(std::distance(begin(all), end(all)));
}

}  // namespace starling::fake
