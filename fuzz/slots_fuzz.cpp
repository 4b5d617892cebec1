// Fuzzes the map of hash slots: replies of a server, each taken for one of CLUSTER SLOTS, and
// errors, of which MOVED and ASK name an owner. The map keeps what it has if a reply is none, and
// stays within its bound.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "redis/reader.h"
#include "redis/slots.h"

namespace {

using namespace starling::redis;

void require(bool condition) {
    if (!condition) std::abort();
}

// The owner of each slot, as its place in nodes().
std::vector<ptrdiff_t> owners(const SlotMap& map) {
    std::vector<ptrdiff_t> all;
    all.reserve(slots_max);
    for (uint32_t slot = 0; slot < slots_max; ++slot) {
        const Endpoint* const owner = map.owner(static_cast<uint16_t>(slot));
        all.push_back(owner ? owner - map.nodes().data() : -1);
    }
    return all;
}

bool same(const SlotMap& one, const SlotMap& other) {
    return one.nodes() == other.nodes() && owners(one) == owners(other);
}

void check(const SlotMap& map, const Endpoint& asked) {
    require(map.nodes().size() <= SlotMap::nodes_max);
    require(map.covered() <= slots_max);
    require(map.covered() == 0 || !map.is_empty());
    for (const Endpoint& node : map.nodes())
        require(node.port != 0 && (!node.host.empty() || asked.host.empty()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Endpoint asked{"asked", 7};
    Reader reader({.bulk_bytes_max = 4096, .reply_bytes_max = 65536, .line_bytes_max = 4096});
    auto input = std::as_bytes(std::span(data, size));
    SlotMap map;
    while (reader.next(input) == Reader::Step::reply) {
        const Value reply = reader.reply();
        if (reply.is_error()) {
            if (const auto redirect = parse_redirect(reply.text())) {
                map.moved(*redirect, asked);
                const Endpoint* const owner = map.owner(redirect->slot);
                require(owner && (*owner == with_host_of(redirect->to, asked) ||
                                  map.nodes().size() == SlotMap::nodes_max));
            }
        } else {
            const SlotMap before = map;
            if (map.read(reply, asked)) {
                require(map.covered() > 0);
                SlotMap again;
                require(again.read(reply, asked) && same(again, map));
            } else {
                require(same(map, before));
            }
        }
        check(map, asked);
    }
    return 0;
}
