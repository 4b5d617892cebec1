#include "base/keyed_hash.h"

#include <bit>
#include <cstring>
#include <random>

namespace starling::base {
namespace {

class SipState {
public:
    explicit SipState(HashKey key) noexcept
        : v0_(key.first ^ 0x736f6d6570736575),
          v1_(key.second ^ 0x646f72616e646f6d),
          v2_(key.first ^ 0x6c7967656e657261),
          v3_(key.second ^ 0x7465646279746573) {}

    void add(uint64_t word) noexcept {
        v3_ ^= word;
        round();
        v0_ ^= word;
    }
    uint64_t finish() noexcept {
        v2_ ^= 0xff;
        for (int i = 0; i < 3; ++i) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    void round() noexcept {
        v0_ += v1_;
        v2_ += v3_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v1_;
        v0_ += v3_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ = std::rotl(v2_, 32);
    }

    uint64_t v0_, v1_, v2_, v3_;
};

// Little-endian, so that all nodes of a cluster have the same hash of a room.
uint64_t word_at(const char* bytes) noexcept {
    uint64_t word = 0;
    std::memcpy(&word, bytes, 8);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
}

HashKey random_key() {
    std::random_device device;
    const auto word = [&] { return static_cast<uint64_t>(device()) << 32 | device(); };
    return {word(), word()};
}

}  // namespace

uint64_t siphash13(HashKey key, std::string_view text) noexcept {
    SipState state(key);
    const uint64_t size = text.size();
    for (; text.size() >= 8; text.remove_prefix(8)) {
        state.add(word_at(text.data()));
    }
    uint64_t last = size << 56;
    for (size_t i = 0; i < text.size(); ++i)
        last |= static_cast<uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
    state.add(last);
    return state.finish();
}

size_t KeyedTextHash::operator()(std::string_view text) const noexcept {
    static const HashKey key = random_key();
    return siphash13(key, text);
}

}  // namespace starling::base
