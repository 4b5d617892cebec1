// server/random_pool.h: random bytes of the kernel, for ids that must not be guessed; many at a time,
// since each call to the kernel costs more than an id.
//
// Owner: what needs them, on one worker. Thread: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace starling::server {

class RandomPool {
public:
    void take(std::span<std::byte> to);

private:
    std::array<std::byte, 512> bytes_{};
    size_t left_ = 0;  // At the end of bytes_.
};

}  // namespace starling::server
