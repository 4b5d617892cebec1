// base/spares.h: objects that a thread keeps for the next user in place of freeing them.
//
// For objects that are made often and live shortly, as those of a handshake. One may be taken on one thread and given on
// another.
//
// Thread: any; each has spares of its own.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "base/mapped_page.h"

namespace starling::base {

// At most `count_max` for each thread. Each type of `Pointer`, a std::unique_ptr, has its own.
template <class Pointer, size_t count_max>
class Spares {
public:
    // Null: there is none.
    [[nodiscard]] static Pointer take() noexcept {
        if (ended_) return {};
        Kept& kept = here();
        return kept.count > 0 ? std::move(kept.objects[--kept.count]) : Pointer();
    }
    // Frees the object if the thread has enough of them, or ends.
    static void give(Pointer object) noexcept {
        if (ended_) return;
        Kept& kept = here();
        if (kept.count < count_max) kept.objects[kept.count++] = std::move(object);
    }

private:
    struct Kept {
        Kept() = default;
        ~Kept() { ended_ = true; }
        Kept(const Kept&) = delete;
        Kept& operator=(const Kept&) = delete;

        std::array<Pointer, count_max> objects;
        size_t count = 0;
    };
    static Kept& here() noexcept {
        static thread_local Kept kept;
        return kept;
    }

    // It has no destructor, so objects that end after the spares of their thread still find it.
    static inline thread_local bool ended_ = false;
};

// A base of the class T, which is final. The memory of its objects comes from the thread's spares and goes back to
// them. With AddressSanitizer each object has memory of its own, so that it sees each use of a freed one.
template <class T, size_t count_max>
class InSpareMemory {
public:
    [[nodiscard]] static void* operator new(size_t bytes) {
        void* const spare = has_address_sanitizer ? nullptr : Memory::take().release();
        return spare ? spare : ::operator new(bytes);
    }
    static void operator delete(void* object) noexcept {
        Pointer memory(object);
        if (!has_address_sanitizer) Memory::give(std::move(memory));
    }

private:
    struct Free {
        void operator()(void* memory) const noexcept { ::operator delete(memory); }
    };
    using Pointer = std::unique_ptr<void, Free>;
    using Memory = Spares<Pointer, count_max>;
};

}  // namespace starling::base
