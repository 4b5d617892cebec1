// ws/round_trip.h: the newest round-trip time of a connection, in two bytes.
//
// Owner: the connection. Thread: the connection's own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace starling::ws {

class RoundTrip {
public:
    // The largest time that is told is 65,534 ms.
    void took(uint32_t ms) noexcept {
        ms_ = static_cast<uint16_t>(std::min<uint32_t>(ms, unknown - 1));
    }
    [[nodiscard]] std::optional<uint32_t> ms() const noexcept {
        return ms_ == unknown ? std::nullopt : std::optional<uint32_t>(ms_);
    }

private:
    static constexpr uint16_t unknown = UINT16_MAX;
    uint16_t ms_ = unknown;
};

}  // namespace starling::ws
