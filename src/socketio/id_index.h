// socketio/id_index.h: finds the sockets of a namespace by their ids, at four bytes for each cell:
// a slot and a part of the id's hash. At most three of four cells are used.
//
// Owner: the Namespace. Thread: the worker's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/slot_table.h"

namespace starling::socketio {

// `hash_of(slot)` is the hash of the id of the socket in that slot; ids do not change while they
// are here.
class IdIndex {
public:
    // Makes room for one more; insert() then needs no memory.
    template <class HashOf>
    void reserve_one(HashOf&& hash_of) {
        if (4 * (size_ + 1) <= 3 * cells_.size()) return;
        std::vector<uint32_t> larger(std::max<size_t>(8, 2 * cells_.size()));
        std::swap(cells_, larger);
        for (const uint32_t cell : larger)
            if (cell != 0) place(slot_of(cell), hash_of(slot_of(cell)));
    }
    void insert(uint32_t slot, uint64_t hash) noexcept {
        STARLING_ASSERT(size_ < cells_.size());
        place(slot, hash);
        ++size_;
    }
    template <class HashOf>
    void remove(uint32_t slot, uint64_t hash, HashOf&& hash_of) {
        size_t hole = home_of(hash);
        while (cells_[hole] != cell_of(slot, hash)) {
            STARLING_ASSERT(cells_[hole] != 0);
            hole = next(hole);
        }
        // What a search would no longer reach past the hole moves into it.
        for (size_t i = next(hole); cells_[i] != 0; i = next(i)) {
            const size_t home = home_of(hash_of(slot_of(cells_[i])));
            if (((i - home) & mask()) < ((i - hole) & mask())) continue;
            cells_[hole] = std::exchange(cells_[i], 0);
            hole = i;
        }
        cells_[hole] = 0;
        --size_;
    }
    // The first slot for which `is_it(slot)` is true, of those whose hash may be `hash`; `none`:
    // there is none.
    static constexpr uint32_t none = UINT32_MAX;
    template <class IsIt>
    [[nodiscard]] uint32_t find(uint64_t hash, IsIt&& is_it) const {
        if (size_ == 0) return none;
        for (size_t i = home_of(hash); cells_[i] != 0; i = next(i))
            if (cells_[i] >> base::slot_bits == print_of(hash) && is_it(slot_of(cells_[i])))
                return slot_of(cells_[i]);
        return none;
    }
    [[nodiscard]] size_t size() const noexcept { return size_; }

private:
    static constexpr unsigned print_bits = 32 - base::slot_bits;
    // Never 0, so that no used cell is 0. The low bits of the hash say where it lies.
    [[nodiscard]] static uint32_t print_of(uint64_t hash) noexcept {
        const auto print = static_cast<uint32_t>(hash >> (64 - print_bits));
        return print == 0 ? 1 : print;
    }
    [[nodiscard]] static uint32_t cell_of(uint32_t slot, uint64_t hash) noexcept {
        return print_of(hash) << base::slot_bits | slot;
    }
    [[nodiscard]] static uint32_t slot_of(uint32_t cell) noexcept {
        return cell & ((uint32_t{1} << base::slot_bits) - 1);
    }
    [[nodiscard]] size_t mask() const noexcept { return cells_.size() - 1; }
    [[nodiscard]] size_t home_of(uint64_t hash) const noexcept {
        return static_cast<size_t>(hash) & mask();
    }
    [[nodiscard]] size_t next(size_t i) const noexcept { return (i + 1) & mask(); }
    void place(uint32_t slot, uint64_t hash) noexcept {
        size_t i = home_of(hash);
        while (cells_[i] != 0) i = next(i);
        cells_[i] = cell_of(slot, hash);
    }

    std::vector<uint32_t> cells_;  // A power of two; 0: free.
    size_t size_ = 0;
};

}  // namespace starling::socketio
