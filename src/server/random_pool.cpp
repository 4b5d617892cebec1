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

std::string RandomPool::hex(size_t bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (size_t i = 0; i < bytes; ++i) {
        std::array<std::byte, 1> random;
        take(random);
        text += digits[std::to_integer<size_t>(random[0] >> 4)];
        text += digits[std::to_integer<size_t>(random[0] & std::byte(15))];
    }
    return text;
}

std::string make_api_key() { return RandomPool().hex(16); }

}  // namespace starling::server
