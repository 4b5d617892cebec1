#include "ws/mask.h"

namespace starling::ws {

namespace {

using Block [[gnu::vector_size(32)]] = uint64_t;

// Masks four blocks per round, while enough bytes are left. A round is a multiple of 4 bytes, so
// the key need not be rotated. Inlined into functions for different processors, and compiled for
// each.
[[gnu::always_inline]] inline size_t mask_blocks(std::byte* at, size_t bytes,
                                                 uint64_t key) noexcept {
    const Block wide_key = {key, key, key, key};
    size_t done = 0;
    for (; bytes - done >= 4 * sizeof(Block); done += 4 * sizeof(Block)) {
        Block a, b, c, d;
        std::memcpy(&a, at + done, sizeof a);
        std::memcpy(&b, at + done + sizeof a, sizeof b);
        std::memcpy(&c, at + done + 2 * sizeof a, sizeof c);
        std::memcpy(&d, at + done + 3 * sizeof a, sizeof d);
        a ^= wide_key;
        b ^= wide_key;
        c ^= wide_key;
        d ^= wide_key;
        std::memcpy(at + done, &a, sizeof a);
        std::memcpy(at + done + sizeof a, &b, sizeof b);
        std::memcpy(at + done + 2 * sizeof a, &c, sizeof c);
        std::memcpy(at + done + 3 * sizeof a, &d, sizeof d);
    }
    return done;
}

size_t mask_blocks_baseline(std::byte* at, size_t bytes, uint64_t key) noexcept {
    return mask_blocks(at, bytes, key);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] size_t mask_blocks_avx2(std::byte* at, size_t bytes,
                                                uint64_t key) noexcept {
    return mask_blocks(at, bytes, key);
}

bool has_avx2() noexcept { return __builtin_cpu_supports("avx2"); }
#else
constexpr auto mask_blocks_avx2 = mask_blocks_baseline;

constexpr bool has_avx2() noexcept { return false; }
#endif

}  // namespace

void mask_bulk(std::span<std::byte> bytes, uint32_t key) noexcept {
    const uint64_t key64 = key | uint64_t{key} << 32;
    const size_t done = has_avx2() ? mask_blocks_avx2(bytes.data(), bytes.size(), key64)
                                   : mask_blocks_baseline(bytes.data(), bytes.size(), key64);
    mask_and_collect(bytes.subspan(done), key);
}

}  // namespace starling::ws
