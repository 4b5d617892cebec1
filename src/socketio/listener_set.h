// socketio/listener_set.h: the listeners that one socket has, or several sockets that registered
// the same ones.
//
// Most applications register the same handlers for each client. The sets that clients got lately
// are remembered (RecentListeners), and a further client with equal handlers gets one of them in
// place of a set of its own. A set that several have is not changed: the one that changes it gets a
// copy.
// Owner: whoever holds a SharedSet. Thread: the worker's.
#pragma once

#include <starling/socketio_listener.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "base/assert.h"

namespace starling::socketio {

struct NamedListener {
    sio::detail::Listener listener;
    uint32_t name = 0;  // See Names.
    bool once = false;
};

// One block of memory: the entries follow the object.
class alignas(NamedListener) ListenerSet {
public:
    [[nodiscard]] static ListenerSet* make(uint32_t room) {
        void* const memory = ::operator new(sizeof(ListenerSet) + room * sizeof(NamedListener));
        return new (memory) ListenerSet(room);
    }
    ListenerSet(const ListenerSet&) = delete;
    ListenerSet& operator=(const ListenerSet&) = delete;

    [[nodiscard]] std::span<NamedListener> entries() noexcept { return {first(), count_}; }
    [[nodiscard]] std::span<const NamedListener> entries() const noexcept {
        return {const_cast<ListenerSet*>(this)->first(), count_};
    }
    [[nodiscard]] uint32_t room() const noexcept { return room_; }
    void add(NamedListener entry) noexcept {
        STARLING_ASSERT(count_ < room_);
        new (first() + count_) NamedListener(std::move(entry));
        ++count_;
    }
    // Removes the entries whose name is `name`; the others keep their order.
    void remove(uint32_t name) noexcept {
        const auto all = entries();
        const auto goes = [name](const NamedListener& entry) { return entry.name == name; };
        // NOLINTNEXTLINE(modernize-use-ranges): clang 14 cannot compile std::ranges::remove.
        const auto rest = std::remove_if(all.begin(), all.end(), goes);
        std::destroy(rest, all.end());
        count_ -= static_cast<uint32_t>(all.end() - rest);
    }

    [[nodiscard]] bool shareable() const noexcept {
        return std::ranges::all_of(entries(), [](const NamedListener& entry) {
            return entry.name != 0 && entry.listener.shareable();
        });
    }
    [[nodiscard]] bool same_as(const ListenerSet& other) const noexcept {
        return std::ranges::equal(
            entries(), other.entries(), [](const NamedListener& a, const NamedListener& b) {
                return a.name == b.name && a.once == b.once && a.listener.same_as(b.listener);
            });
    }

private:
    friend class SharedSet;
    explicit ListenerSet(uint32_t room) noexcept : room_(room) {}
    ~ListenerSet() { std::ranges::destroy(entries()); }
    [[nodiscard]] NamedListener* first() noexcept {
        return reinterpret_cast<NamedListener*>(this + 1);
    }

    uint32_t users_ = 0;
    uint32_t room_;
    uint32_t count_ = 0;
};
static_assert(sizeof(ListenerSet) == 16 && sizeof(NamedListener) == 32);

// Counts the users of a set; the last one frees it.
class SharedSet {
public:
    SharedSet() noexcept = default;
    explicit SharedSet(ListenerSet* set) noexcept : set_(set) {
        if (set_) ++set_->users_;
    }
    SharedSet(const SharedSet& other) noexcept : SharedSet(other.set_) {}
    SharedSet(SharedSet&& other) noexcept : set_(std::exchange(other.set_, nullptr)) {}
    SharedSet& operator=(SharedSet other) noexcept {
        std::swap(set_, other.set_);
        return *this;
    }
    ~SharedSet() {
        if (!set_ || --set_->users_ > 0) return;
        set_->~ListenerSet();
        ::operator delete(set_);
    }

    [[nodiscard]] uint32_t users() const noexcept { return set_ ? set_->users_ : 0; }
    explicit operator bool() const noexcept { return set_ != nullptr; }
    ListenerSet* operator->() const noexcept { return set_; }
    ListenerSet& operator*() const noexcept { return *set_; }
    friend bool operator==(const SharedSet&, const SharedSet&) = default;

private:
    ListenerSet* set_ = nullptr;
};

// The sets that clients of a worker got lately.
class RecentListeners {
public:
    static constexpr size_t sets_max = 8;

    // A remembered set that is the same; else `set`, which is remembered.
    [[nodiscard]] SharedSet share(SharedSet set) {
        for (const SharedSet& known : sets_)
            if (known && known->same_as(*set)) return known;
        // Sets that nobody else has, or one client alone, make room first.
        constexpr uint32_t users_of_a_single = 2;
        for (size_t tries = 0; tries < sets_max; ++tries) {
            next_ = (next_ + 1) % sets_max;
            if (sets_[next_].users() <= users_of_a_single) break;
        }
        return sets_[next_] = std::move(set);
    }

private:
    std::array<SharedSet, sets_max> sets_;
    size_t next_ = 0;
};

}  // namespace starling::socketio
