#include "redis/slots.h"

#include <algorithm>
#include <utility>

namespace starling::redis {
namespace {

constexpr std::array<uint16_t, 256> crc_table = [] {
    std::array<uint16_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t crc = i << 8;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
        table[i] = static_cast<uint16_t>(crc);
    }
    return table;
}();

struct Range {
    uint16_t first, last, node;
};

// [ip, port, id, metadata]; older servers send only the first two.
bool read_node(const Value& value, const Endpoint& asked, Endpoint& node) {
    if (!value.is_array() || value.size() < 2) return false;
    const int64_t port = value[1].integer();
    if (port < 1 || port > 65535) return false;
    const std::string_view host = value[0].text();
    node = with_host_of(
        {host == "?" ? std::string() : std::string(host), static_cast<uint16_t>(port)}, asked);
    return true;
}

}  // namespace

uint16_t crc16(std::string_view text) noexcept {
    uint32_t crc = 0;
    for (const char c : text)
        crc = (crc << 8 & 0xffff) ^ crc_table[(crc >> 8) ^ static_cast<uint8_t>(c)];
    return static_cast<uint16_t>(crc);
}

uint16_t slot_of(std::string_view key) noexcept {
    if (const size_t open = key.find('{'); open != std::string_view::npos) {
        const size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1)
            key = key.substr(open + 1, close - open - 1);
    }
    return crc16(key) % slots_max;
}

std::string name_beside(std::string_view key, std::string_view end) {
    std::string name = "{" + std::string(key) + "}";
    if (slot_of(name) != slot_of(key)) name = key;  // It has a hash tag of its own.
    return name.append(end);
}

Endpoint with_host_of(Endpoint endpoint, const Endpoint& asked) {
    if (endpoint.host.empty() && endpoint.unix_path.empty()) endpoint.host = asked.host;
    return endpoint;
}

bool SlotMap::read(const Value& reply, const Endpoint& asked) {
    if (!reply.is_array()) return false;
    std::vector<Endpoint> nodes;
    std::vector<Range> ranges;
    for (const Value entry : reply) {
        if (!entry.is_array() || entry.size() < 3) return false;
        const int64_t first = entry[0].integer(), last = entry[1].integer();
        if (entry[0].kind() != Kind::integer || first < 0 || last < first || last >= slots_max)
            return false;
        Endpoint master;
        if (!read_node(entry[2], asked, master)) return false;
        auto found = std::ranges::find(nodes, master);
        if (found == nodes.end()) {
            if (nodes.size() == nodes_max) continue;
            nodes.push_back(std::move(master));
            found = nodes.end() - 1;
        }
        ranges.push_back({static_cast<uint16_t>(first), static_cast<uint16_t>(last),
                          static_cast<uint16_t>(found - nodes.begin())});
    }
    if (ranges.empty()) return false;
    nodes_ = std::move(nodes);
    owners_.fill(nobody);
    for (const Range& range : ranges)
        std::fill(owners_.begin() + range.first, owners_.begin() + range.last + 1, range.node);
    return true;
}

void SlotMap::moved(const Redirect& redirect, const Endpoint& asked) {
    const Endpoint to = with_host_of(redirect.to, asked);
    auto found = std::ranges::find(nodes_, to);
    if (found == nodes_.end()) {
        if (nodes_.size() == nodes_max) return;
        nodes_.push_back(to);
        found = nodes_.end() - 1;
    }
    owners_[redirect.slot] = static_cast<uint16_t>(found - nodes_.begin());
}

size_t SlotMap::covered() const noexcept {
    return slots_max - static_cast<size_t>(std::ranges::count(owners_, nobody));
}

}  // namespace starling::redis
