#include "engineio/ids.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/base64url_bits.h"

namespace starling::engineio {
namespace {

constexpr std::string_view alphabet = base::base64url_alphabet;
constexpr size_t worker_length = 2;
constexpr size_t slot_length = 4;
constexpr size_t head_length = worker_length + slot_length;
constexpr size_t node_length = 11;  // 64 bits.
constexpr std::byte long_mark{1};

void write(std::span<char> out, uint64_t value) noexcept {
    for (size_t i = out.size(); i-- > 0; value >>= 6) out[i] = alphabet[value & 63];
}

std::optional<uint64_t> read(std::string_view text) noexcept {
    uint64_t value = 0;
    for (const char c : text) {
        const uint8_t six = base::base64url_digits[static_cast<unsigned char>(c)];
        if (six == base::no_base64url_digit) return std::nullopt;
        value = value << 6 | six;
    }
    return value;
}

}  // namespace

SidSecret::SidSecret(std::span<const std::byte, 11> random) noexcept {
    std::ranges::copy(random, bits_.begin());
}

SidSecret::SidSecret(std::span<const std::byte, 17> random) noexcept {
    std::ranges::copy(random, bits_.begin());
    bits_.back() = (bits_.back() & std::byte{0xf0}) | long_mark;
}

SidSecret::Text SidSecret::text() const noexcept {
    const bool is_long = (bits_.back() & std::byte{0x0f}) == long_mark;
    Text text;
    text.length_ = is_long ? cluster_sid_secret_length : sid_secret_length;
    base::write_base64url(std::span(text.text_).first(text.length_), bits_);
    return text;
}

Sid::Sid(uint32_t worker, uint32_t slot, std::string_view secret) noexcept
    : length_(static_cast<uint8_t>(head_length + secret.size())) {
    STARLING_ASSERT(worker < sid_workers_max && slot < sid_slots_max);
    const std::span text(text_);
    write(text.first(worker_length), worker);
    write(text.subspan(worker_length, slot_length), slot);
    std::ranges::copy(secret, text_.begin() + head_length);
}

void Sid::add_node(uint64_t node, uint64_t mask) noexcept {
    STARLING_ASSERT(length_ + node_length == cluster_sid_length);
    write(std::span(text_).last(node_length), node ^ mask);
    length_ = cluster_sid_length;
}

std::optional<SidParts> parse_sid(std::string_view text) noexcept {
    const bool in_cluster = text.size() == cluster_sid_length;
    if (!in_cluster && text.size() != sid_length) return std::nullopt;
    const std::string_view local =
        text.substr(0, in_cluster ? cluster_sid_length - node_length : sid_length);
    const auto worker = read(text.substr(0, worker_length));
    const auto slot = read(text.substr(worker_length, slot_length));
    const std::string_view secret = local.substr(head_length);
    // read(secret) only checks that all characters are base64url; callers compare the secret
    // itself.
    if (!worker || !slot || !read(secret)) return std::nullopt;
    SidParts parts{.worker = static_cast<uint32_t>(*worker),
                   .slot = static_cast<uint32_t>(*slot),
                   .secret = secret,
                   .local = local,
                   .masked_node = {}};
    if (!in_cluster) return parts;
    const std::string_view node = text.substr(local.size());
    // 11 characters hold 66 bits: the first two are 0.
    if (base::base64url_digits[static_cast<unsigned char>(node.front())] > 15) return std::nullopt;
    parts.masked_node = read(node);
    if (!parts.masked_node) return std::nullopt;
    return parts;
}

bool same_secret(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;  // The length is public.
    unsigned char difference = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
    }
    return difference == 0;
}

}  // namespace starling::engineio
