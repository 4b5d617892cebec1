// ws/mask.h: masking and unmasking, RFC 6455 section 5.3. Pure functions, any thread.
//
// The bytes in memory of a masking key, a uint32_t, are the four bytes on the wire, whatever the
// machine's byte order: a key is copied, never assembled by shifts.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace starling::ws {

namespace detail {

// Two machine words that compilers keep in one vector register.
using Wide [[gnu::vector_size(16)]] = uint64_t;

template <class Word>
inline uint64_t mask_word(std::byte* at, Word key) noexcept {
    Word word;
    std::memcpy(&word, at, sizeof word);
    word ^= key;
    std::memcpy(at, &word, sizeof word);
    return word;
}

}  // namespace detail

// The key for a payload position that is `offset` bytes later.
[[nodiscard]] inline uint32_t rotate_masking_key(uint32_t key, size_t offset) noexcept {
    const int bits = static_cast<int>(offset % 4) * 8;
    return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

// Masks or unmasks in place; `key` applies to the first byte. In the result, bit 7 of some byte is
// set if and only if some byte of the outcome is not ASCII; so text needs no second pass for that.
inline uint64_t mask_and_collect(std::span<std::byte> bytes, uint32_t key) noexcept {
    std::byte* at = bytes.data();
    size_t left = bytes.size();
    const uint64_t key64 = key | uint64_t{key} << 32;
    const detail::Wide wide_key = {key64, key64};
    detail::Wide seen = {0, 0};
    for (; left >= 16; left -= 16, at += 16) {
        detail::Wide word;
        std::memcpy(&word, at, sizeof word);
        word ^= wide_key;
        std::memcpy(at, &word, sizeof word);
        seen |= word;
    }
    uint64_t collected = seen[0] | seen[1];
    if (left >= 8) {
        collected |= detail::mask_word(at, key64);
        at += 8;
        left -= 8;
    }
    if (left >= 4) {
        collected |= detail::mask_word(at, key);
        at += 4;
        left -= 4;
    }
    std::byte key_bytes[4];
    std::memcpy(key_bytes, &key, sizeof key_bytes);
    for (size_t i = 0; i < left; ++i) {
        at[i] ^= key_bytes[i];
        collected |= std::to_integer<uint64_t>(at[i]);
    }
    return collected;
}

inline constexpr uint64_t not_ascii = 0x8080808080808080;

// From this size on, calling the wider vector code is faster.
inline constexpr size_t mask_bulk_bytes_min = 256;

// mask() for long payloads, with the vector instructions of this processor.
void mask_bulk(std::span<std::byte> bytes, uint32_t key) noexcept;

// `offset`: position of the first byte in the payload.
inline void mask(std::span<std::byte> bytes, uint32_t key, size_t offset = 0) noexcept {
    if (key == 0) return;
    key = rotate_masking_key(key, offset);
    if (bytes.size() >= mask_bulk_bytes_min) {
        mask_bulk(bytes, key);
    } else {
        mask_and_collect(bytes, key);
    }
}

}  // namespace starling::ws
