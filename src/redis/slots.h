// redis/slots.h: the hash slots of Redis Cluster: which slot a key or channel has, and which node owns
// a slot (https://redis.io/docs/reference/cluster-spec/). Pure. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "redis/errors.h"
#include "redis/value.h"

namespace starling::redis {

// CRC16 of XMODEM: polynomial 0x1021, beginning with 0.
[[nodiscard]] uint16_t crc16(std::string_view text) noexcept;
// If the key has a part in braces that is not empty, that part alone decides: "{user1}.a", "{user1}.b".
[[nodiscard]] uint16_t slot_of(std::string_view key) noexcept;
// A key in the slot of another one: "{user1}:end" for "user1", "{user1}.a:end" for "{user1}.a". A key
// that has a closing brace and no hash tag has none.
[[nodiscard]] std::string name_beside(std::string_view key, std::string_view end);

class SlotMap {
public:
    SlotMap() noexcept { owners_.fill(nobody); }

    // Reads the reply of CLUSTER SLOTS. `asked` answered it: a node without a host in the reply has
    // that of `asked`. Nodes beyond nodes_max are left out. False, and nothing changes, if the reply
    // is not one of CLUSTER SLOTS or names no slot at all.
    [[nodiscard]] bool read(const Value& reply, const Endpoint& asked);
    // MOVED: the slot is `to`'s. An empty host is that of `asked`, which answered.
    void moved(const Redirect& redirect, const Endpoint& asked);

    // Null: nobody's, or not known.
    [[nodiscard]] const Endpoint* owner(uint16_t slot) const noexcept {
        const uint16_t index = owners_[slot];
        return index == nobody ? nullptr : &nodes_[index];
    }
    // The masters, and those that were masters lately.
    [[nodiscard]] const std::vector<Endpoint>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] bool is_empty() const noexcept { return nodes_.empty(); }
    [[nodiscard]] size_t covered() const noexcept;  // Slots with an owner.

    static constexpr size_t nodes_max = 1000;

private:
    static constexpr uint16_t nobody = 0xffff;

    std::vector<Endpoint> nodes_;
    std::array<uint16_t, slots_max> owners_;
};

// The endpoint in the place of one that has no host of its own.
[[nodiscard]] Endpoint with_host_of(Endpoint endpoint, const Endpoint& asked);

}  // namespace starling::redis
