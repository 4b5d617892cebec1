// base/slot_pool.h: objects that lie side by side in pages, and keys for other code that refers to them without
// owning them.
//
// As in base/slot_table.h a key is a slot and a generation, and finds nothing once its object is removed. Here the
// slot says where the object lies, so a slot costs eight bytes beside its object, and the object needs no pointer to
// the owner of the pool: both follow from its address. The generation is odd while an object is in the slot.
//
// Objects never move. Pages without objects are given back by trim().
//
// Thread: the owner's; alive() and note(): any thread.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/mapped_page.h"
#include "base/slot_table.h"

namespace starling::base {

// The first argument of T's constructor is the generation, which T must store: `uint32_t T::slot_generation() const`.
// The constructor is noexcept. A T that may only be made by its owner has this pool as its friend.
template <class T, class Owner>
class SlotPool {
public:
    static constexpr size_t page_bytes = 32 * 1024;
    // As many as fill a page.
    static constexpr uint32_t page_slots = (page_bytes - 64) / (sizeof(T) + 8);
    static constexpr uint32_t slots_max = static_cast<uint32_t>(1) << slot_bits;
    static constexpr uint32_t pages_max = 4096;

    explicit SlotPool(Owner& owner) noexcept : owner_(&owner) {}
    SlotPool(const SlotPool&) = delete;
    SlotPool& operator=(const SlotPool&) = delete;
    ~SlotPool() {
        for (auto& page : pages_)
            if (Page* const mapped = page.load(std::memory_order_relaxed))
                unmap_page(mapped, page_bytes);
    }

    // Makes an object from its generation and `arguments`. Throws if there is no memory or no free slot; the arguments
    // are as before then.
    template <class... Arguments>
    T& emplace(Arguments&&... arguments) {
        // The link to the next free slot lies in the object's memory: a constructor that threw would have
        // overwritten it.
        static_assert(noexcept(new (std::declval<void*>())
                                   T(uint32_t{}, std::forward<Arguments>(arguments)...)),
                      "SlotPool: the constructor must be noexcept");
        const Place at = place();
        T* const made = new (at.memory) T(at.generation, std::forward<Arguments>(arguments)...);
        insert(*made);
        return *made;
    }

    // Destroys the object. While it is destroyed, its key finds nothing.
    void remove(T& object) noexcept {
        Page& page = Page::of(object);
        const uint32_t index = page.index(object), number = page.first / page_slots;
        const uint32_t next = object.slot_generation() + 1;
        page.facts[index].generation.store(next == 0 ? 2 : next, std::memory_order_release);
        object.~T();
        State& state = states_[number];
        new (page.at(index)) uint32_t(std::exchange(state.free, index));
        forbid_use(page.at(index), sizeof(T));
        --state.used;
        --size_;
        with_room_ = std::min(with_room_, number);
    }

    [[nodiscard]] T* find(SlotKey key) const noexcept {
        Page* const page = page_with(key.slot);
        if (!page || page->facts[key.slot % page_slots].generation.load(
                         std::memory_order_relaxed) != key.generation)
            return nullptr;
        return is_odd(key.generation) ? page->object(key.slot % page_slots) : nullptr;
    }

    // Any thread. The answer may be out of date when the caller uses it.
    [[nodiscard]] bool alive(SlotKey key) const noexcept {
        const Page* const page = page_with(key.slot);
        return page && is_odd(key.generation) &&
               page->facts[key.slot % page_slots].generation.load(std::memory_order_acquire) ==
                   key.generation;
    }

    // See SlotTable::note().
    [[nodiscard]] uint32_t note(SlotKey key) const noexcept {
        if (!alive(key)) return 0;
        return page_with(key.slot)->facts[key.slot % page_slots].note.load(
            std::memory_order_relaxed);
    }
    void set_note(SlotKey key, uint32_t note) noexcept {
        page_with(key.slot)->facts[key.slot % page_slots].note.store(note,
                                                                     std::memory_order_relaxed);
    }

    [[nodiscard]] static SlotKey key_of(const T& object) noexcept {
        const Page& page = Page::of(object);
        return {page.first + page.index(object), object.slot_generation()};
    }
    [[nodiscard]] static Owner& owner_of(const T& object) noexcept {
        return *Page::of(object).owner;
    }

    // All slots, used and free. For i below slots(), object_at(i) is the object or null.
    [[nodiscard]] uint32_t slots() const noexcept {
        return static_cast<uint32_t>(states_.size()) * page_slots;
    }
    [[nodiscard]] T* object_at(uint32_t slot) const noexcept {
        const Page& page = *pages_[slot / page_slots].load(std::memory_order_relaxed);
        const uint32_t generation =
            page.facts[slot % page_slots].generation.load(std::memory_order_relaxed);
        return is_odd(generation) ? page.object(slot % page_slots) : nullptr;
    }
    [[nodiscard]] size_t size() const noexcept { return size_; }

    // Gives the memory of pages without objects back, but for the first one. Slots keep their generations.
    void trim() noexcept {
        for (uint32_t number = 1; number < states_.size(); ++number) {
            State& state = states_[number];
            if (state.used != 0 || state.fresh == 0) continue;
            Page& page = *pages_[number].load(std::memory_order_relaxed);
            uint32_t newest = state.generations_from;
            for (uint32_t index = 0; index < state.fresh; ++index)
                newest =
                    std::max(newest, page.facts[index].generation.load(std::memory_order_relaxed));
            state = {.generations_from = newest};
            empty_page(&page, page_bytes);
        }
    }

private:
    static constexpr uint32_t none = UINT32_MAX;

    struct Facts {
        std::atomic<uint32_t> generation;  // Even or 0: no object.
        std::atomic<uint32_t> note;
    };
    // Begins as zeros. A slot that was freed begins with the number of the one that was freed before.
    struct Page {
        Owner* owner;
        uint32_t first;  // The number of its first slot.
        alignas(64) std::byte objects[page_slots * sizeof(T)];
        Facts facts[page_slots];

        [[nodiscard]] static Page& of(const T& object) noexcept {
            return *static_cast<Page*>(page_of(&object, page_bytes));
        }
        [[nodiscard]] const void* at(uint32_t index) const noexcept {
            return objects + index * sizeof(T);
        }
        [[nodiscard]] void* at(uint32_t index) noexcept { return objects + index * sizeof(T); }
        [[nodiscard]] T* object(uint32_t index) const noexcept {
            return std::launder(
                reinterpret_cast<T*>(const_cast<std::byte*>(objects + index * sizeof(T))));
        }
        [[nodiscard]] uint32_t index(const T& object) const noexcept {
            return static_cast<uint32_t>((reinterpret_cast<const std::byte*>(&object) - objects) /
                                         sizeof(T));
        }
    };
    // What only the owner's thread needs of a page.
    struct State {
        uint32_t used = 0;
        uint32_t fresh = 0;    // Slots from here on were not used since the page was empty.
        uint32_t free = none;  // The slot that was freed last.
        uint32_t generations_from = 2;
        [[nodiscard]] bool full() const noexcept { return used == page_slots; }
    };

    [[nodiscard]] static constexpr bool is_odd(uint32_t generation) noexcept {
        return generation & 1;
    }
    [[nodiscard]] Page* page_with(uint32_t slot) const noexcept {
        if (slot / page_slots >= pages_max) return nullptr;
        return pages_[slot / page_slots].load(std::memory_order_acquire);
    }

    // Where the next object goes, and the generation of its key.
    struct Place {
        void* memory;
        uint32_t generation;
    };
    [[nodiscard]] Place place() {
        if (with_room_ == states_.size()) grow();
        const State& state = states_[with_room_];
        Page& page = *pages_[with_room_].load(std::memory_order_relaxed);
        if (state.fresh == 0) {
            page.owner = owner_;
            page.first = with_room_ * page_slots;
        }
        const uint32_t index = state.free != none ? state.free : state.fresh;
        const uint32_t before = page.facts[index].generation.load(std::memory_order_relaxed);
        void* const memory = page.at(index);
        allow_use(memory, sizeof(T));
        next_free_ = state.free != none ? *static_cast<const uint32_t*>(memory) : none;
        return {memory, (before == 0 ? state.generations_from : before) + 1};
    }

    // The object was built where place() said.
    void insert(T& object) noexcept {
        State& state = states_[with_room_];
        Page& page = Page::of(object);
        const uint32_t index = page.index(object);
        if (state.free != none)
            state.free = next_free_;
        else
            ++state.fresh;
        page.facts[index].note.store(0, std::memory_order_relaxed);
        page.facts[index].generation.store(object.slot_generation(), std::memory_order_release);
        ++state.used;
        ++size_;
        find_room();
    }

    void grow() {
        static_assert(sizeof(Page) <= page_bytes && sizeof(T) >= sizeof(uint32_t));
        const size_t number = states_.size();
        if (number == pages_max || (number + 1) * page_slots > slots_max)
            throw std::length_error("SlotPool: all slots are in use");
        states_.reserve(number + 1);  // Memory first.
        auto* const page = static_cast<Page*>(map_page(page_bytes));
        forbid_use(page->objects, sizeof page->objects);
        states_.emplace_back();
        pages_[number].store(page, std::memory_order_release);
    }

    void find_room() noexcept {
        while (with_room_ < states_.size() && states_[with_room_].full()) ++with_room_;
    }

    std::array<std::atomic<Page*>, pages_max> pages_{};
    std::vector<State> states_;
    uint32_t with_room_ = 0;     // The first page with a free slot; states_.size(): none.
    uint32_t next_free_ = none;  // Of the place that was given last.
    size_t size_ = 0;
    Owner* const owner_;
};

}  // namespace starling::base
