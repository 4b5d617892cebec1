// client/listeners.h: the listeners of one socket, in the order in which they were added, and the rules
// for changes while an event is told (WHATWG DOM section 2.9).
//
// Owner: the SocketCore. Thread: its loop's.
#pragma once

#include <starling/client_events.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace starling::client {

class Listeners {
public:
    uint64_t add(detail::AnyListener listener, detail::EventType type);
    void remove(uint64_t id) noexcept;
    void remove_all() noexcept;

    // The on... attribute. An empty `call` removes it; another one takes the place of the one before.
    void set_handler(detail::EventType type, detail::RawListener call);
    [[nodiscard]] bool has_handler(detail::EventType type) const noexcept;

    // Calls the listeners of `type` that there are now; those that are removed meanwhile are not called.
    // `guard(call)` runs each, and deals with its exceptions.
    template <class Guard>
    void tell(detail::EventType type, const void* event, Guard&& guard) {
        const size_t count = entries_.size();
        ++depth_;
        for (size_t i = 0; i < count; ++i) {
            // The entry stays where it is, even if the call changes the list.
            const Entry& entry = *entries_[i];
            if (entry.type == type && entry.call && !entry.removed)
                guard([&] { entry.call(event); });
        }
        if (--depth_ == 0 && stale_) sweep();
    }

private:
    struct Entry {
        detail::RawListener call;
        uint64_t id;
        detail::EventType type;
        bool handler;  // The on... attribute.
        bool removed = false;
    };

    [[nodiscard]] Entry* handler_of(detail::EventType type) const noexcept;
    uint64_t add(detail::RawListener call, detail::EventType type, bool handler);
    void sweep() noexcept;

    std::vector<std::unique_ptr<Entry>> entries_;
    uint64_t last_id_ = 0;
    uint32_t depth_ = 0;  // Calls of tell() on the stack.
    bool stale_ = false;  // Some entry is marked as removed.
};

}  // namespace starling::client
