// server/random_pool.h: random bytes of the kernel, for ids that must not be guessed. Fetches many
// at once, because a call to the kernel costs more than an id.
//
// Owner: the objects of one worker that make ids. Thread: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace starling::server {

class RandomPool {
public:
    void take(std::span<std::byte> to);
    // `bytes` random bytes as hexadecimal digits.
    [[nodiscard]] std::string hex(size_t bytes);

private:
    std::array<std::byte, 512> bytes_{};
    size_t left_ = 0;  // The unused bytes are the last ones of bytes_.
};

// 128 random bits as hexadecimal digits. Any thread.
[[nodiscard]] std::string make_api_key();

}  // namespace starling::server
