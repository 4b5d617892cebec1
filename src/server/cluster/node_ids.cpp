#include "server/cluster/node_ids.h"

#include <random>
#include <string_view>

namespace starling::server {
namespace {

std::string random_text(std::string_view alphabet, size_t length) {
    std::random_device random;
    std::string text(length, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    return text;
}

}  // namespace

uint64_t random_seed() {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
}

std::string random_hex(size_t digits) { return random_text("0123456789abcdef", digits); }

std::string random_uid(cluster::Adapter adapter) {
    if (adapter != cluster::Adapter::classic) return random_hex(16);
    return random_text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 6);
}

}  // namespace starling::server
