// base/slot_table.h: keys for objects to which other code refers without owning them.
//
// A key is a slot and a generation. Once its object is removed the key finds nothing, even when the
// slot is used again. Costs sixteen bytes per slot, in pages that never move.
//
// Thread: the owner's; alive() and note(): any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/assert.h"

namespace starling::base {

struct SlotKey {
    uint32_t slot = 0;
    uint32_t generation = 0;  // 0 is never used: a default key finds nothing.
    friend bool operator==(const SlotKey&, const SlotKey&) = default;
};

// Slots have numbers below 2 to this power.
inline constexpr unsigned slot_bits = 21;

// A key in one word, for handles that an application keeps. From the low bits up: the generation,
// the slot, the index of the worker whose table it is (0 if the words of different workers need not
// differ).
[[nodiscard]] constexpr uint64_t pack(SlotKey key, uint32_t worker = 0) noexcept {
    STARLING_ASSERT(key.slot >> slot_bits == 0);
    return (static_cast<uint64_t>(worker) << slot_bits | key.slot) << 32 | key.generation;
}
// Drops the worker's index.
[[nodiscard]] constexpr SlotKey unpack(uint64_t word) noexcept {
    return {static_cast<uint32_t>(word >> 32) & ((static_cast<uint32_t>(1) << slot_bits) - 1),
            static_cast<uint32_t>(word)};
}

// T must store its own key: `SlotKey T::slot_key() const`.
template <class T>
class SlotTable {
public:
    static constexpr uint32_t page_slots = 512;
    static constexpr uint32_t pages_max = 4096;
    static_assert(page_slots * pages_max <= static_cast<uint32_t>(1) << slot_bits);

    SlotTable() = default;
    SlotTable(const SlotTable&) = delete;
    SlotTable& operator=(const SlotTable&) = delete;
    ~SlotTable() {
        for (auto& page : pages_) delete page.load(std::memory_order_relaxed);
    }

    // The key that the object passed to the next insert() must have.
    [[nodiscard]] SlotKey next_key() {
        if (free_ == none) grow();
        return {free_, used(free_).generation.load(std::memory_order_relaxed)};
    }

    void insert(T& object) {
        Entry& mine = used(object.slot_key().slot);
        free_ = mine.note.exchange(0, std::memory_order_relaxed);
        mine.object.store(&object, std::memory_order_release);
        ++size_;
    }

    void remove(T& object) {
        const SlotKey key = object.slot_key();
        Entry& mine = used(key.slot);
        mine.object.store(nullptr, std::memory_order_relaxed);
        const uint32_t next = key.generation + 1;
        mine.generation.store(next == 0 ? 1 : next, std::memory_order_release);
        // After the generation: see note().
        mine.note.store(std::exchange(free_, key.slot), std::memory_order_release);
        --size_;
    }

    [[nodiscard]] T* find(SlotKey key) const noexcept {
        const Entry* found = entry(key.slot);
        if (!found || found->generation.load(std::memory_order_relaxed) != key.generation)
            return nullptr;
        return found->object.load(std::memory_order_relaxed);
    }

    // Any thread. The answer may be out of date when the caller uses it.
    [[nodiscard]] bool alive(SlotKey key) const noexcept {
        const Entry* found = entry(key.slot);
        return found && found->generation.load(std::memory_order_acquire) == key.generation &&
               found->object.load(std::memory_order_acquire);
    }

    // A number that the owner stores for other threads; 0 at first, and if the key's object is
    // gone.
    [[nodiscard]] uint32_t note(SlotKey key) const noexcept {
        const Entry* found = entry(key.slot);
        if (!found) return 0;
        // Of a free slot the note is the next free one; then the generation is another one already.
        const uint32_t note = found->note.load(std::memory_order_acquire);
        return alive(key) ? note : 0;
    }
    void set_note(SlotKey key, uint32_t note) noexcept {
        used(key.slot).note.store(note, std::memory_order_relaxed);
    }

    // All slots, used and free. For i below slots(), object_at(i) is the object or null.
    [[nodiscard]] uint32_t slots() const noexcept { return used_pages_ * page_slots; }
    [[nodiscard]] T* object_at(uint32_t slot) const noexcept {
        return used(slot).object.load(std::memory_order_relaxed);
    }
    [[nodiscard]] size_t size() const noexcept { return size_; }

private:
    struct Entry {
        std::atomic<T*> object{nullptr};
        std::atomic<uint32_t> generation{1};
        std::atomic<uint32_t> note{0};  // While the slot is free: the next free slot.
    };
    static constexpr uint32_t none = UINT32_MAX;
    using Page = std::array<Entry, page_slots>;

    [[nodiscard]] Entry* entry(uint32_t slot) const noexcept {
        if (slot / page_slots >= pages_max) return nullptr;
        Page* page = pages_[slot / page_slots].load(std::memory_order_acquire);
        return page ? &(*page)[slot % page_slots] : nullptr;
    }

    // `slot` must be below slots().
    [[nodiscard]] Entry& used(uint32_t slot) const noexcept {
        Page* page = pages_[slot / page_slots].load(std::memory_order_relaxed);
        return (*page)[slot % page_slots];
    }

    void grow() {
        if (used_pages_ == pages_max) throw std::length_error("SlotTable: 2,097,152 slots in use");
        const uint32_t first = slots();
        pages_[used_pages_].store(new Page, std::memory_order_release);
        ++used_pages_;  // After everything that may throw.
        for (uint32_t slot = first + page_slots; slot-- > first;)
            used(slot).note.store(std::exchange(free_, slot), std::memory_order_relaxed);
    }

    std::array<std::atomic<Page*>, pages_max> pages_{};
    uint32_t used_pages_ = 0;
    uint32_t free_ = none;  // The first of the free slots, which Entry::note links.
    size_t size_ = 0;
};

}  // namespace starling::base
