#include "server/gateway/conn_id.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace starling::server {
namespace {

// The last 6 bytes of the UUID, which its version and variant leave free, hold the place under the
// mask; its first 10 bytes select the mask.
constexpr size_t masked_from = 10;
constexpr unsigned masked_bits = 48, place_bits = 42, slot_bits = 32;
constexpr uint64_t place_mask = (static_cast<uint64_t>(1) << place_bits) - 1;

using Uuid = std::array<std::byte, 16>;

uint64_t get_masked(const Uuid& uuid) noexcept {
    uint64_t bits = 0;
    for (size_t i = masked_from; i < uuid.size(); ++i)
        bits = bits << 8 | std::to_integer<uint64_t>(uuid[i]);
    return bits;
}

void put_masked(Uuid& uuid, uint64_t bits) noexcept {
    for (size_t i = uuid.size(); i-- > masked_from; bits >>= 8) uuid[i] = std::byte(bits & 0xff);
}

// The mark is in the first two bytes, which version and variant leave free. Its mask is made from
// the random bytes behind them, and is no secret.
constexpr size_t mark_bytes = 2;

ConnIds::NodeMark mark_mask(const Uuid& uuid) noexcept {
    const std::span<const std::byte> random =
        std::span(uuid).subspan(mark_bytes, masked_from - mark_bytes);
    return static_cast<ConnIds::NodeMark>(base::siphash13({0, 0}, base::text_of(random)));
}

ConnIds::NodeMark get_mark(const Uuid& uuid) noexcept {
    const auto bits = static_cast<ConnIds::NodeMark>(std::to_integer<unsigned>(uuid[0]) << 8 |
                                                     std::to_integer<unsigned>(uuid[1]));
    return bits ^ mark_mask(uuid);
}

void put_mark(Uuid& uuid, ConnIds::NodeMark mark) noexcept {
    const auto bits = static_cast<ConnIds::NodeMark>(mark ^ mark_mask(uuid));
    uuid[0] = std::byte(bits >> 8);
    uuid[1] = std::byte(bits & 0xff);
}

int digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

std::optional<Uuid> read_uuid(std::string_view text) noexcept {
    if (text.size() != webhook::uuid_length) return std::nullopt;
    Uuid uuid{};
    size_t digits = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') return std::nullopt;
            continue;
        }
        const int value = digit(text[i]);
        if (value < 0) return std::nullopt;
        uuid[digits / 2] = uuid[digits / 2] << 4 | std::byte(value);
        ++digits;
    }
    return uuid;
}

}  // namespace

ConnIds::ConnIds(std::span<const std::byte, 16> secret) noexcept {
    std::memcpy(&key_.first, secret.data(), sizeof key_.first);
    std::memcpy(&key_.second, secret.data() + sizeof key_.first, sizeof key_.second);
}

uint64_t ConnIds::mask(std::span<const std::byte, 16> uuid) const noexcept {
    return base::siphash13(key_, base::text_of(uuid.first(masked_from))) &
           ((static_cast<uint64_t>(1) << masked_bits) - 1);
}

std::array<char, webhook::uuid_length> ConnIds::make(
    Place place, std::span<const std::byte, 16> random) const noexcept {
    Uuid uuid{};
    std::ranges::copy(random, uuid.begin());
    // Sets version and variant like make_uuid(), so that the mask is computed from the finished id.
    uuid[6] = (uuid[6] & std::byte(0x0f)) | std::byte(0x40);
    uuid[8] = (uuid[8] & std::byte(0x3f)) | std::byte(0x80);
    if (node_) put_mark(uuid, *node_);
    const uint64_t bits = (get_masked(uuid) & ~place_mask) |
                          static_cast<uint64_t>(place.worker) << slot_bits | place.slot;
    put_masked(uuid, bits ^ mask(uuid));
    return webhook::make_uuid(uuid);
}

std::optional<ConnIds::NodeMark> ConnIds::node_of(std::string_view id) noexcept {
    const auto uuid = read_uuid(id);
    if (!uuid) return std::nullopt;
    return get_mark(*uuid);
}

std::optional<ConnIds::Place> ConnIds::place_of(std::string_view id) const noexcept {
    const auto uuid = read_uuid(id);
    if (!uuid) return std::nullopt;
    const uint64_t place = (get_masked(*uuid) ^ mask(*uuid)) & place_mask;
    return Place{static_cast<uint32_t>(place >> slot_bits), static_cast<uint32_t>(place)};
}

}  // namespace starling::server
