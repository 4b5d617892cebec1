// http/kept_memory.h: the memory that a parser keeps for its next message.
//
// Larger memory is freed after a message, since most connections are idle most of the time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace starling::http {

constexpr size_t kept_bytes_max = 2048, kept_fields_max = 64;

// Assigning an empty string or list would keep the memory; only a swap surely frees it.
template <class Container>
void clear_for_reuse(Container& container, size_t kept_max) noexcept {
    if (container.capacity() > kept_max)
        Container().swap(container);
    else
        container.clear();
}

inline void clear_for_reuse(std::string& bytes) noexcept { clear_for_reuse(bytes, kept_bytes_max); }
template <class Field>
void clear_for_reuse(std::vector<Field>& fields) noexcept {
    clear_for_reuse(fields, kept_fields_max);
}

}  // namespace starling::http
