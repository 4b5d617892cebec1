// cluster/native/room_table.h: which nodes hold which rooms. A room costs 16 bytes divided by the
// load of the table; up to four holders are in these bytes, more are in a list of their own.
//
// A node has an index while its rooms are known. Dropping all rooms of a node costs nothing at once:
// its index is retired, and sweep() removes it from the rooms, part by part.
//
// Owner: the Node. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cluster/native/hash_table.h"
#include "cluster/native/types.h"

namespace starling::cluster::native {

class RoomTable {
public:
    using Index = uint16_t;
    static constexpr Index none = 0;

    // All but this many indexes may be retired and not yet swept.
    RoomTable(uint64_t seed, size_t entries_max);

    // A new index without rooms; `none` if there is no free one before the next sweeps.
    [[nodiscard]] Index allocate();
    void retire(Index index);
    // One part of the work that retired indexes left. False: there was nothing to do.
    bool sweep();

    enum class Added : uint8_t { added, known, full };
    Added add(RoomHash room, Index index);
    void remove(RoomHash room, Index index);

    // `visit(Index)` for each holder.
    template <class Visit>
    void for_each_holder(RoomHash room, Visit visit) const {
        const Holders* const holders = rooms_.find(room);
        if (!holders) return;
        if (holders->few[0] == many) {
            for (const Index index : lists_[list_of(*holders)])
                if (!is_retired(index)) visit(index);
            return;
        }
        for (const Index index : holders->few)
            if (index != none && !is_retired(index)) visit(index);
    }

    // Pairs of a room and a holder, without those that sweep() has yet to remove.
    [[nodiscard]] size_t entries() const noexcept { return live_; }
    [[nodiscard]] size_t entries_of(Index index) const noexcept { return uses_[index].entries; }
    [[nodiscard]] size_t rooms() const noexcept { return rooms_.size(); }
    [[nodiscard]] size_t bytes() const noexcept { return rooms_.bytes() + list_bytes_; }

private:
    // few[0] is `many` if the holders are in lists_[few[2], few[3]].
    struct Holders {
        std::array<Index, 4> few{};
    };
    static_assert(sizeof(Holders) == 8, "16 bytes for each room");
    static constexpr Index many = 0xFFFF;
    enum class Use : uint8_t { free, used, retired, swept };
    struct IndexUse {
        Use use = Use::free;
        uint32_t entries = 0;
    };

    [[nodiscard]] bool is_retired(Index index) const noexcept {
        return uses_[index].use != Use::used;
    }
    [[nodiscard]] static uint32_t list_of(const Holders& holders) noexcept {
        return static_cast<uint32_t>(holders.few[2]) << 16 | holders.few[3];
    }
    [[nodiscard]] static bool is_empty(const Holders& holders) noexcept {
        return holders.few == std::array<Index, 4>{};
    }
    void begin_sweep() noexcept;
    bool sweep_room(Holders& holders) noexcept;
    bool add_to_list(Holders& holders, Index index);
    void spill(Holders& holders, Index index);
    void settle(Holders& holders) noexcept;

    size_t entries_max_;
    size_t live_ = 0, list_bytes_ = 0;
    HashTable<Holders> rooms_;
    std::vector<std::vector<Index>> lists_;
    std::vector<uint32_t> free_lists_;
    std::vector<IndexUse> uses_;
    std::vector<Index> free_;
    std::vector<Index> retired_, sweeping_;
    size_t next_part_ = 0;
};

}  // namespace starling::cluster::native
