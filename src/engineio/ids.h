// engineio/ids.h: session ids. An id is 20 characters of base64url: 2 for the worker, 4 for the
// slot on that worker, 14 for a secret of 84 bits. The id says where a session lives, so a worker
// can hand a request over to another worker without a shared table; the secret proves that the
// client got the id from the server. Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace starling::engineio {

inline constexpr size_t sid_length = 20;
inline constexpr size_t sid_secret_length = 14;
inline constexpr uint32_t sid_workers_max = 1U << 12;
inline constexpr uint32_t sid_slots_max = 1U << 24;

struct Sid {
    std::array<char, sid_length> text{};

    [[nodiscard]] std::string_view view() const noexcept { return {text.data(), text.size()}; }
    [[nodiscard]] std::string_view secret() const noexcept {
        return view().substr(sid_length - sid_secret_length);
    }
};

// `worker` and `slot` must be below their maxima. `random` comes from a cryptographic source; 84 of
// its bits are used.
[[nodiscard]] Sid make_sid(uint32_t worker, uint32_t slot,
                           std::span<const std::byte, 11> random) noexcept;

struct SidParts {
    uint32_t worker = 0;
    uint32_t slot = 0;
    std::string_view secret;  // Borrowed from the parsed text. Compare it with same_secret().
};

// Returns nothing for a text that make_sid() cannot produce.
[[nodiscard]] std::optional<SidParts> parse_sid(std::string_view text) noexcept;

// Compares in constant time.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace starling::engineio
