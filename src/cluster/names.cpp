#include "cluster/names.h"

#include <charconv>
#include <limits>

#include "base/text.h"

namespace starling::cluster {
namespace {

// Calls `unit` with each UTF-16 code unit of `text`, which is valid UTF-8.
template <class F>
void each_unit(std::string_view text, F&& unit) {
    for (size_t i = 0; i < text.size();) {
        const auto lead = static_cast<uint8_t>(text[i]);
        const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        uint32_t point = size == 1 ? lead : lead & (0xffu >> (size + 1));
        for (size_t k = 1; k < size && i + k < text.size(); ++k)
            point = point << 6 | (static_cast<uint8_t>(text[i + k]) & 0x3fu);
        i += size;
        if (point < 0x10000) {
            unit(point);
        } else {
            unit(0xd800 + ((point - 0x10000) >> 10 & 0x3ff));
            unit(0xdc00 + (point & 0x3ff));
        }
    }
}

std::string joined(std::string_view prefix, std::string_view middle, std::string_view nsp) {
    std::string name;
    name.append(prefix).append(middle).append("#").append(nsp).append("#");
    return name;
}

std::optional<uint64_t> whole(std::string_view digits) noexcept {
    uint64_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return number;
}

}  // namespace

ClassicNames::ClassicNames(std::string_view key, std::string_view nsp)
    : all_(joined(key, "", nsp)),
      request_(joined(key, "-request", nsp)),
      response_(joined(key, "-response", nsp)) {}

std::string ClassicNames::room(std::string_view room) const {
    return std::string(all_).append(room).append("#");
}

std::string ClassicNames::pattern() const {
    std::string pattern;
    for (const char c : all_) {
        if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') pattern += '\\';
        pattern += c;
    }
    return pattern += '*';
}

std::string ClassicNames::response_to(std::string_view uid) const {
    return std::string(response_).append(uid).append("#");
}

std::optional<std::string_view> ClassicNames::room_of(std::string_view channel) const noexcept {
    if (!channel.starts_with(all_)) return std::nullopt;
    channel.remove_prefix(all_.size());
    if (channel.empty()) return channel;
    if (channel.back() != '#') return std::nullopt;
    channel.remove_suffix(1);
    return channel;
}

NodeNames::NodeNames(std::string_view prefix, std::string_view nsp)
    : all_(joined(prefix, "", nsp)) {}

std::string NodeNames::room(std::string_view room) const {
    return std::string(all_).append(room).append("#");
}

std::string NodeNames::node(std::string_view uid) const { return room(uid); }

bool has_channel(RoomChannels rooms, std::string_view room) noexcept {
    constexpr size_t socket_id_units = 20;
    return rooms == RoomChannels::all ||
           (rooms == RoomChannels::named && utf16_length(room) != socket_id_units);
}

bool subscribes(RoomChannels rooms, bool room_of_one_socket) noexcept {
    return rooms == RoomChannels::all || (rooms == RoomChannels::named && !room_of_one_socket);
}

size_t utf16_length(std::string_view text) noexcept {
    size_t units = 0;
    each_unit(text, [&](uint32_t) { ++units; });
    return units;
}

int32_t java_hash(std::string_view text) noexcept {
    uint32_t hash = 0;
    each_unit(text, [&](uint32_t unit) { hash = hash * 31 + unit; });
    return static_cast<int32_t>(hash);
}

std::string stream_name(std::string_view base, uint32_t count, std::string_view nsp) {
    std::string name(base);
    if (count <= 1) return name;
    return name.append("-").append(std::to_string(int64_t{java_hash(nsp)} % int64_t{count}));
}

uint32_t stream_number(uint32_t count, std::string_view nsp) {
    if (count <= 1) return 0;
    const int64_t index = int64_t{java_hash(nsp)} % int64_t{count};
    return static_cast<uint32_t>(index + int64_t{count} - 1);
}

std::vector<std::string> stream_names(std::string_view base, uint32_t count) {
    if (count <= 1) return {std::string(base)};
    std::vector<std::string> names;
    for (int64_t i = 1 - int64_t{count}; i < int64_t{count}; ++i)
        names.push_back(std::string(base).append("-").append(std::to_string(i)));
    return names;
}

std::optional<StreamId> parse_stream_id(std::string_view text) noexcept {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto ms = whole(text.substr(0, dash));
    const auto sequence = whole(text.substr(dash + 1));
    if (!ms || !sequence) return std::nullopt;
    return StreamId{*ms, *sequence};
}

std::optional<StreamId> next(const StreamId& id) noexcept {
    constexpr uint64_t greatest = std::numeric_limits<uint64_t>::max();
    if (id.sequence < greatest) return StreamId{id.ms, id.sequence + 1};
    if (id.ms < greatest) return StreamId{id.ms + 1, 0};
    return std::nullopt;
}

std::optional<StreamId> previous(const StreamId& id) noexcept {
    if (id.sequence > 0) return StreamId{id.ms, id.sequence - 1};
    if (id.ms > 0) return StreamId{id.ms - 1, std::numeric_limits<uint64_t>::max()};
    return std::nullopt;
}

}  // namespace starling::cluster
