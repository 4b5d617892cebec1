#include "hub/position.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace starling::hub {

std::string position_text(std::string_view epoch, uint64_t offset) {
    return std::to_string(offset).append("-").append(epoch);
}

std::optional<Position> parse_position(std::string_view text) {
    if (text.size() > Position::text_bytes_max) return std::nullopt;
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const std::string_view digits = text.substr(0, dash);
    const std::string_view epoch = text.substr(dash + 1);
    if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    Position position;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), position.offset);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (epoch.empty() || epoch.size() > Position::epoch_bytes_max ||
        !std::ranges::all_of(epoch, base::is_alphanumeric))
        return std::nullopt;
    position.epoch = epoch;
    return position;
}

Position position_from_client(std::string_view text) {
    return parse_position(text).value_or(Position{});
}

}  // namespace starling::hub
