#include "server/random_pool.h"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace starling::server {

void RandomPool::take(std::span<std::byte> to) {
    while (!to.empty()) {
        if (left_ == 0) {
            if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes_.data()),
                           static_cast<int>(bytes_.size())) != 1)
                throw std::runtime_error("no random bytes");
            left_ = bytes_.size();
        }
        const size_t count = std::min(left_, to.size());
        const auto from = bytes_.end() - static_cast<ptrdiff_t>(left_);
        std::copy_n(from, count, to.begin());
        std::fill_n(from, count, std::byte(0));  // Bytes in use must not remain in this memory.
        left_ -= count;
        to = to.subspan(count);
    }
}

std::string make_api_key() {
    std::array<std::byte, 16> random;
    RandomPool().take(random);
    std::string key;
    for (const std::byte byte : random) {
        constexpr std::string_view digits = "0123456789abcdef";
        key += digits[std::to_integer<size_t>(byte >> 4)];
        key += digits[std::to_integer<size_t>(byte & std::byte(15))];
    }
    return key;
}

}  // namespace starling::server
