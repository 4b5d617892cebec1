#include "engineio/ids.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/base64.h"

namespace starling::engineio {
namespace {

constexpr std::string_view alphabet = base::base64url_alphabet;
constexpr size_t worker_length = 2;
constexpr size_t slot_length = 4;
constexpr size_t head_length = worker_length + slot_length;
constexpr size_t node_length = 11;  // 64 bits.

constexpr uint8_t no_digit = 64;

// Each polling request decodes a sid, so a table replaces a search in `alphabet`.
constexpr auto values = [] {
    std::array<uint8_t, 256> table{};
    table.fill(no_digit);
    for (size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<uint8_t>(i);
    return table;
}();

void write(std::span<char> out, uint64_t value) noexcept {
    for (size_t i = out.size(); i-- > 0; value >>= 6) out[i] = alphabet[value & 63];
}

// Six bits of `random` for each character.
void write_bits(std::span<char> out, std::span<const std::byte> random) noexcept {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t next = 0;
    for (char& c : out) {
        if (count < 6) {
            bits = bits << 8 | std::to_integer<uint32_t>(random[next++]);
            count += 8;
        }
        count -= 6;
        c = alphabet[bits >> count & 63];
    }
}

std::optional<uint64_t> read(std::string_view text) noexcept {
    uint64_t value = 0;
    for (const char c : text) {
        const uint8_t six = values[static_cast<unsigned char>(c)];
        if (six == no_digit) return std::nullopt;
        value = value << 6 | six;
    }
    return value;
}

}  // namespace

SidSecret::SidSecret(std::span<const std::byte, 11> random) noexcept {
    write_bits(std::span(text_).first(sid_secret_length), random);
}

SidSecret::SidSecret(std::span<const std::byte, 17> random) noexcept { write_bits(text_, random); }

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
    if (values[static_cast<unsigned char>(node.front())] > 15) return std::nullopt;
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
