// base/keyed_hash.h: a hash for maps whose keys are chosen by peers: rooms, channels, namespaces.
// The hash of the standard library has no secret, so a peer could compute names that all fall into
// one bucket.
//
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling::base {

struct HashKey {
    uint64_t first, second;
};

// SipHash-1-3 (Aumasson and Bernstein): one round for each 8 bytes, three at the end.
[[nodiscard]] uint64_t siphash13(HashKey key, std::string_view text) noexcept;

// Uses a key that is random in each process. For maps that are searched by std::string_view.
struct KeyedTextHash {
    using is_transparent = void;
    [[nodiscard]] size_t operator()(std::string_view text) const noexcept;
};

}  // namespace starling::base
