#include "engineio/ids.h"

#include <array>

#include "base/assert.h"
#include "base/base64.h"

namespace starling::engineio {
namespace {

constexpr std::string_view alphabet = base::base64url_alphabet;
constexpr size_t worker_length = 2;
constexpr size_t slot_length = 4;

constexpr uint8_t no_digit = 64;

// Each polling request decodes a sid, so a table replaces a search in `alphabet`.
constexpr auto values = [] {
    std::array<uint8_t, 256> table{};
    table.fill(no_digit);
    for (size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<uint8_t>(i);
    return table;
}();

void write(std::span<char> out, uint32_t value) noexcept {
    for (size_t i = out.size(); i-- > 0; value >>= 6) out[i] = alphabet[value & 63];
}

std::optional<uint32_t> read(std::string_view text) noexcept {
    uint32_t value = 0;
    for (const char c : text) {
        const uint8_t six = values[static_cast<unsigned char>(c)];
        if (six == no_digit) return std::nullopt;
        value = value << 6 | six;
    }
    return value;
}

}  // namespace

Sid make_sid(uint32_t worker, uint32_t slot, std::span<const std::byte, 11> random) noexcept {
    STARLING_ASSERT(worker < sid_workers_max && slot < sid_slots_max);
    Sid sid;
    const std::span text(sid.text);
    write(text.first(worker_length), worker);
    write(text.subspan(worker_length, slot_length), slot);
    uint32_t bits = 0;
    unsigned count = 0;
    size_t next = 0;
    for (char& c : text.last(sid_secret_length)) {
        if (count < 6) {
            bits = bits << 8 | std::to_integer<uint32_t>(random[next++]);
            count += 8;
        }
        count -= 6;
        c = alphabet[bits >> count & 63];
    }
    return sid;
}

std::optional<SidParts> parse_sid(std::string_view text) noexcept {
    if (text.size() != sid_length) return std::nullopt;
    const auto worker = read(text.substr(0, worker_length));
    const auto slot = read(text.substr(worker_length, slot_length));
    const std::string_view secret = text.substr(worker_length + slot_length);
    // read(secret) only checks that all characters are base64url; callers compare the secret
    // itself.
    if (!worker || !slot || !read(secret)) return std::nullopt;
    return SidParts{*worker, *slot, secret};
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
