// cluster/native/hash_table.h: a map from 64-bit hashes to small values, for millions of entries.
//
// Open addressing with linear probing, in 64 parts that grow and shrink on their own: the longest
// pause, the growth of one part, moves a 64th of the entries. An entry costs 8 bytes and its value,
// divided by a load between 1/8 and 3/4.
//
// Owner: the table that holds it. Thread: the owner's. Pointers to values end with the next
// insert() or erase().
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace starling::cluster::native {

template <class Value>
class HashTable {
public:
    static constexpr size_t parts = 64;

    // `seed` is secret, so that nobody can choose keys that collide in one part only.
    explicit HashTable(uint64_t seed = 0) noexcept : seed_(seed) {}

    [[nodiscard]] size_t size() const noexcept { return size_; }
    [[nodiscard]] size_t bytes() const noexcept {
        size_t slots = 0;
        for (const auto& part : parts_) slots += part.slots.size();
        return slots * sizeof(Slot);
    }

    // `key` is never 0.
    [[nodiscard]] const Value* find(uint64_t key) const noexcept {
        const uint64_t mixed = mix(key);
        const Part& part = parts_[mixed >> 58];
        if (part.slots.empty()) return nullptr;
        for (size_t i = home(part, mixed);; i = next(part, i)) {
            if (part.slots[i].key == key) return &part.slots[i].value;
            if (part.slots[i].key == 0) return nullptr;
        }
    }
    [[nodiscard]] Value* find(uint64_t key) noexcept {
        return const_cast<Value*>(std::as_const(*this).find(key));
    }

    // The value of `key`; a new one is Value{}.
    Value& insert(uint64_t key) {
        STARLING_ASSERT(key != 0);
        if (Value* const found = find(key)) return *found;
        const uint64_t mixed = mix(key);
        Part& part = parts_[mixed >> 58];
        if (4 * (part.used + 1) > 3 * part.slots.size())
            resize(part, std::max<size_t>(8, 2 * part.slots.size()));
        ++part.used;
        ++size_;
        return place(part, key, Value{});
    }

    void erase(uint64_t key) noexcept {
        const uint64_t mixed = mix(key);
        Part& part = parts_[mixed >> 58];
        if (part.slots.empty()) return;
        for (size_t i = home(part, mixed); part.slots[i].key != 0; i = next(part, i)) {
            if (part.slots[i].key != key) continue;
            erase_at(part, i);
            shrink(part);
            return;
        }
    }

    // Removes the entries of a part for which `is_over(key, value)` is true; it may change the value.
    template <class IsOver>
    void sweep(size_t part_number, IsOver is_over) {
        Part& part = parts_[part_number];
        for (size_t i = 0; i < part.slots.size();) {
            Slot& slot = part.slots[i];
            // erase_at() may move another entry here.
            if (slot.key != 0 && is_over(slot.key, slot.value))
                erase_at(part, i);
            else
                ++i;
        }
        shrink(part);
    }

    template <class Visit>
    void for_each(Visit visit) const {
        for (const auto& part : parts_)
            for (const auto& slot : part.slots)
                if (slot.key != 0) visit(slot.key, slot.value);
    }

private:
    struct Slot {
        uint64_t key = 0;
        Value value{};
    };
    struct Part {
        std::vector<Slot> slots;  // A power of two, or none.
        size_t used = 0;
    };

    [[nodiscard]] uint64_t mix(uint64_t key) const noexcept {
        key = (key ^ seed_) * 0x9E3779B97F4A7C15;
        return (key ^ key >> 32) * 0xD6E8FEB86659FD93;
    }
    [[nodiscard]] static size_t home(const Part& part, uint64_t mixed) noexcept {
        return mixed & (part.slots.size() - 1);
    }
    [[nodiscard]] static size_t next(const Part& part, size_t i) noexcept {
        return (i + 1) & (part.slots.size() - 1);
    }

    Value& place(Part& part, uint64_t key, Value value) noexcept {
        size_t i = home(part, mix(key));
        while (part.slots[i].key != 0) i = next(part, i);
        part.slots[i] = {key, std::move(value)};
        return part.slots[i].value;
    }

    void resize(Part& part, size_t slots) {
        std::vector<Slot> old(slots);
        old.swap(part.slots);
        for (auto& slot : old)
            if (slot.key != 0) place(part, slot.key, std::move(slot.value));
    }

    void shrink(Part& part) {
        if (part.used == 0) {
            std::vector<Slot>().swap(part.slots);  // `= {}` would keep the memory.
        } else if (part.slots.size() > 64 && 8 * part.used < part.slots.size()) {
            resize(part, part.slots.size() / 4);
        }
    }

    // Moves later entries back, so that no search ends at a hole before its entry.
    void erase_at(Part& part, size_t hole) noexcept {
        for (size_t i = next(part, hole); part.slots[i].key != 0; i = next(part, i)) {
            const size_t wanted = home(part, mix(part.slots[i].key));
            const size_t mask = part.slots.size() - 1;
            if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
            part.slots[hole] = std::move(part.slots[i]);
            hole = i;
        }
        part.slots[hole] = Slot{};
        --part.used;
        --size_;
    }

    uint64_t seed_;
    size_t size_ = 0;
    std::array<Part, parts> parts_;
};

}  // namespace starling::cluster::native
