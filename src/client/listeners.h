// client/listeners.h: the listeners of one socket, in the order in which they were added, and the rules
// for changes while an event is told (WHATWG DOM section 2.9).
//
// Owner: the SocketCore. Thread: its loop's.
#pragma once

#include <starling/client_events.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace starling::client {

class Listeners {
public:
    uint64_t add(detail::AnyListener listener, detail::EventType type);
    void remove(uint64_t id) noexcept;
    void remove_all() noexcept;

    // The on... attribute. An empty `call` removes it; another one takes the place of the one before.
    void set_handler(detail::EventType type, detail::Callback call);
    [[nodiscard]] bool has_handler(detail::EventType type) const noexcept;
    // A listener of "drain" was added at some time.
    [[nodiscard]] bool wants_drain() const noexcept { return more_ && more_->wants_drain; }
    // add() was called.
    [[nodiscard]] bool has_listeners() const noexcept { return more_ != nullptr; }

    // Calls the listeners of `type` that there are now; those that are removed meanwhile are not called.
    // `guard(call)` runs each, and deals with its exceptions. The calls of one type do not nest.
    template <class Guard>
    void tell(detail::EventType type, const void* event, Guard&& guard) {
        if (!more_) {
            if (is_attribute(type)) tell_handler(type, event, guard);
            return;
        }
        More& more = *more_;
        const size_t count = more.entries.size();
        ++more.depth;
        for (size_t i = 0; i < count; ++i) {
            // The entry stays where it is, even if the call changes the list.
            Entry& entry = *more.entries[i];
            if (entry.type != type || entry.removed) continue;
            if (entry.handler)
                tell_handler(type, event, guard);
            else if (entry.call)
                guard([&] { entry.call(event); });
        }
        if (--more.depth == 0 && more.stale) sweep();
    }

private:
    struct Entry {
        detail::Callback call;  // Empty for the place of the on... attribute.
        uint64_t id;
        detail::EventType type;
        bool handler;
        bool removed = false;
    };
    // A socket that has on... attributes alone does without it.
    struct More {
        std::vector<std::unique_ptr<Entry>> entries;
        uint64_t last_id = 0;
        uint32_t depth = 0;  // Calls of tell() on the stack.
        bool stale = false;  // Some entry is marked as removed.
        bool wants_drain = false;
    };

    // Only these events have an on... attribute.
    [[nodiscard]] static constexpr bool is_attribute(detail::EventType type) noexcept {
        return type <= detail::EventType::close;
    }
    [[nodiscard]] static uint8_t bit(detail::EventType type) noexcept {
        return static_cast<uint8_t>(1U << static_cast<unsigned>(type));
    }
    [[nodiscard]] detail::Callback& handler(detail::EventType type) noexcept {
        return handlers_[static_cast<size_t>(type)];
    }

    // While a handler runs it is not in its place, where another one may be put meanwhile.
    template <class Guard>
    void tell_handler(detail::EventType type, const void* event, Guard& guard) {
        detail::Callback running = std::move(handler(type));
        if (!running) return;
        STARLING_ASSERT((running_ & bit(type)) == 0);
        running_ |= bit(type);
        guard([&] { running(event); });
        if (running_ & bit(type)) handler(type) = std::move(running);
        running_ &= static_cast<uint8_t>(~bit(type));
    }
    void add(detail::EventType type, detail::Callback call, bool handler);
    void sweep() noexcept;

    std::array<detail::Callback, 4> handlers_;  // By EventType.
    std::unique_ptr<More> more_;
    uint8_t running_ = 0;  // A bit for each handler that runs and was not replaced meanwhile.
};

}  // namespace starling::client
