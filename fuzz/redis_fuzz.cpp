// Fuzzes what a Redis server sends, with small limits. Reads of 1, 7 and all bytes must agree, and a
// reply stays within the limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "redis/reader.h"

namespace {

using namespace starling::redis;

constexpr ReaderLimits limits{.bulk_bytes_max = 4096,
                              .reply_bytes_max = 16384,
                              .elements_max = 256,
                              .line_bytes_max = 256,
                              .depth_max = 8};

void require(bool condition) {
    if (!condition) std::abort();
}

void walk(const Value& value, uint32_t depth, std::string& text) {
    require(depth <= limits.depth_max);
    require(value.text().size() <= std::max(limits.bulk_bytes_max, limits.line_bytes_max));
    text += static_cast<char>('a' + static_cast<int>(value.kind()));
    text += value.text();
    text += std::to_string(value.integer());
    uint32_t children = 0;
    if (value.is_aggregate())
        for (const Value child : value) {
            walk(child, depth + 1, text);
            ++children;
        }
    require(children == value.size());
    if (value.kind() == Kind::map) require(children % 2 == 0);
}

std::string play(std::span<const uint8_t> wire, size_t step) {
    Reader reader(limits);
    std::string text;
    std::vector<std::byte> kept;
    for (size_t at = 0; at < wire.size(); at += step) {
        const auto read = std::as_bytes(wire.subspan(at, std::min(step, wire.size() - at)));
        kept.insert(kept.end(), read.begin(), read.end());
        std::span<const std::byte> input(kept);
        auto made = Reader::Step::reply;
        while ((made = reader.next(input)) == Reader::Step::reply) walk(reader.reply(), 0, text);
        if (made == Reader::Step::violation) return text + "!" + std::string(reader.fault());
        kept.erase(kept.begin(), kept.end() - static_cast<ptrdiff_t>(input.size()));
    }
    return text + std::to_string(kept.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> wire(data, size);
    const std::string whole = play(wire, std::max<size_t>(size, 1));
    require(play(wire, 1) == whole);
    require(play(wire, 7) == whole);
    return 0;
}
