// base/segmented.h: a list with indexes that grows by segments of 4 KiB. Its memory is
// what its elements need: a vector that doubles needs up to twice that, and a copy of everything while it grows.
//
// Owner: the code that has it as a member. Thread: the owner's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace starling::base {

// T needs no destructor.
template <class T>
class Segmented {
    // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer.
    static_assert(std::is_trivially_destructible_v<T> && sizeof(T) <= 512);

public:
    // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer.
    static constexpr size_t segment_items = 4096 / sizeof(T);
    // The first segment is small: most lists are.
    static constexpr size_t first_items_min = 4;

    [[nodiscard]] size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] T& operator[](size_t index) noexcept {
        return segments_[index / segment_items][index % segment_items];
    }
    [[nodiscard]] const T& operator[](size_t index) const noexcept {
        return segments_[index / segment_items][index % segment_items];
    }
    [[nodiscard]] T& back() noexcept { return (*this)[size_ - 1]; }

    void push_back(const T& item) {
        if (size_ == room_) grow();
        (*this)[size_] = item;
        ++size_;
    }
    // Frees the segments behind the one that follows the last element.
    void pop_back() noexcept {
        STARLING_ASSERT(size_ > 0);
        --size_;
        if (room_ - size_ < 2 * segment_items) return;
        segments_.pop_back();
        room_ -= segment_items;
    }

    // Calls call(element) for each. The call must not change the list.
    template <class F>
    void each(F&& call) {
        for (size_t first = 0; first < size_; first += segment_items) {
            T* const segment = segments_[first / segment_items].get();
            const size_t count = std::min(segment_items, size_ - first);
            for (size_t i = 0; i < count; ++i) call(segment[i]);
        }
    }

private:
    void grow() {
        if (room_ < segment_items && !segments_.empty()) {
            const size_t room = std::min(segment_items, 2 * room_);
            auto larger = std::make_unique<T[]>(room);
            std::copy_n(segments_[0].get(), size_, larger.get());
            segments_[0] = std::move(larger);
            room_ = room;
            return;
        }
        const size_t items = segments_.empty() ? first_items_min : segment_items;
        segments_.push_back(std::make_unique<T[]>(items));
        room_ += items;
    }

    std::vector<std::unique_ptr<T[]>> segments_;
    size_t size_ = 0, room_ = 0;
};

}  // namespace starling::base
