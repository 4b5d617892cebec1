#include "server/random_pool.h"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace starling::server {

void RandomPool::take(std::span<std::byte> to) {
    while (!to.empty()) {
        if (left_ == 0) {
            if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes_.data()), int(bytes_.size())) !=
                1)
                throw std::runtime_error("no random bytes");
            left_ = bytes_.size();
        }
        const size_t count = std::min(left_, to.size());
        const auto from = bytes_.end() - ptrdiff_t(left_);
        std::copy_n(from, count, to.begin());
        std::fill_n(from, count, std::byte(0));  // Bytes in use must not remain in this memory.
        left_ -= count;
        to = to.subspan(count);
    }
}

}  // namespace starling::server
