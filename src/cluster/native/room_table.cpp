#include "cluster/native/room_table.h"

#include <algorithm>

namespace starling::cluster::native {

RoomTable::RoomTable(uint64_t seed, size_t entries_max)
    : entries_max_(entries_max), rooms_(seed), uses_(1) {}

RoomTable::Index RoomTable::allocate() {
    if (!free_.empty()) {
        const Index index = free_.back();
        free_.pop_back();
        uses_[index].use = Use::used;
        return index;
    }
    if (uses_.size() >= many) return none;
    uses_.push_back({Use::used, 0});
    return static_cast<Index>(uses_.size() - 1);
}

void RoomTable::retire(Index index) {
    if (index == none) return;
    if (uses_[index].entries == 0) {
        uses_[index].use = Use::free;
        free_.push_back(index);
        return;
    }
    live_ -= uses_[index].entries;
    uses_[index].use = Use::retired;
    retired_.push_back(index);
}

// The pass that begins removes what is retired now; what is retired during the pass waits for the
// next one.
void RoomTable::begin_sweep() noexcept {
    sweeping_.swap(retired_);
    for (const Index index : sweeping_) uses_[index].use = Use::swept;
    next_part_ = 0;
}

bool RoomTable::sweep() {
    if (sweeping_.empty()) {
        if (retired_.empty()) return false;
        begin_sweep();
    }
    rooms_.sweep(next_part_, [&](RoomHash, Holders& holders) { return sweep_room(holders); });
    if (++next_part_ < HashTable<Holders>::parts) return true;
    for (const Index index : sweeping_) {
        uses_[index] = {};
        free_.push_back(index);
    }
    sweeping_.clear();
    return true;
}

// True: nobody holds the room any more.
bool RoomTable::sweep_room(Holders& holders) noexcept {
    if (holders.few[0] == many) {
        auto& list = lists_[list_of(holders)];
        std::erase_if(list, [&](Index i) { return uses_[i].use == Use::swept; });
        settle(holders);
    } else {
        for (Index& index : holders.few)
            if (index != none && uses_[index].use == Use::swept) index = none;
    }
    return is_empty(holders);
}

RoomTable::Added RoomTable::add(RoomHash room, Index index) {
    if (live_ >= entries_max_) return Added::full;
    Holders& holders = rooms_.insert(room);
    if (holders.few[0] == many) {
        if (!add_to_list(holders, index)) return Added::known;
    } else {
        if (std::ranges::find(holders.few, index) != holders.few.end()) return Added::known;
        const auto place = std::ranges::find(holders.few, none);
        if (place != holders.few.end())
            *place = index;
        else
            spill(holders, index);
    }
    ++live_;
    ++uses_[index].entries;
    return Added::added;
}

bool RoomTable::add_to_list(Holders& holders, Index index) {
    auto& list = lists_[list_of(holders)];
    const auto place = std::ranges::lower_bound(list, index);
    if (place != list.end() && *place == index) return false;
    const size_t before = list.capacity();
    list.insert(place, index);
    list_bytes_ += (list.capacity() - before) * sizeof(Index);
    return true;
}

// A fifth holder: all go to a list, which is sorted.
void RoomTable::spill(Holders& holders, Index index) {
    if (free_lists_.empty()) {
        free_lists_.push_back(static_cast<uint32_t>(lists_.size()));
        lists_.emplace_back();
    }
    const uint32_t number = free_lists_.back();
    free_lists_.pop_back();
    auto& list = lists_[number];
    list.assign(holders.few.begin(), holders.few.end());
    list.push_back(index);
    std::ranges::sort(list);
    list_bytes_ += list.capacity() * sizeof(Index);
    holders.few = {many, none, static_cast<Index>(number >> 16), static_cast<Index>(number)};
}

// After a removal: a list of at most two returns to the room's own bytes.
void RoomTable::settle(Holders& holders) noexcept {
    const uint32_t number = list_of(holders);
    auto& list = lists_[number];
    if (list.size() > 2) return;
    holders.few = {};
    std::ranges::copy(list, holders.few.begin());
    list_bytes_ -= list.capacity() * sizeof(Index);
    std::vector<Index>().swap(list);
    free_lists_.push_back(number);
}

void RoomTable::remove(RoomHash room, Index index) {
    Holders* const holders = rooms_.find(room);
    if (!holders) return;
    if (holders->few[0] == many) {
        auto& list = lists_[list_of(*holders)];
        const auto place = std::ranges::lower_bound(list, index);
        if (place == list.end() || *place != index) return;
        list.erase(place);
        settle(*holders);
    } else {
        const auto place = std::ranges::find(holders->few, index);
        if (place == holders->few.end()) return;
        *place = none;
    }
    --live_;
    --uses_[index].entries;
    if (is_empty(*holders)) rooms_.erase(room);
}

}  // namespace starling::cluster::native
