// hub/position.h: a place in the history of a channel: an offset within an epoch.
//
// Publications of one epoch have consecutive offsets from 1. A new epoch begins when a history has
// lost its offsets: the server was restarted, or the history was dropped for lack of memory. Clients
// keep a position as an opaque text and give it back.
//
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::hub {

struct Position {
    static constexpr size_t epoch_bytes_max = 32;
    static constexpr size_t text_bytes_max = 20 + 1 + epoch_bytes_max;

    std::string epoch;    // 1 to 32 letters and digits.
    uint64_t offset = 0;  // Of the last publication before this place; 0: there was none.

    friend bool operator==(const Position&, const Position&) = default;
};

// "17-k3x9": the offset, "-", the epoch.
[[nodiscard]] std::string position_text(std::string_view epoch, uint64_t offset);
[[nodiscard]] inline std::string position_text(const Position& position) {
    return position_text(position.epoch, position.offset);
}
// Nothing: no position_text() looks like this.
[[nodiscard]] std::optional<Position> parse_position(std::string_view text);
// The position that a client gave back. A text that is no position comes from elsewhere: it counts
// like one of another epoch.
[[nodiscard]] Position position_from_client(std::string_view text);

}  // namespace starling::hub
