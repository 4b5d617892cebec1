#include "client/listeners.h"

#include <utility>

namespace starling::client {

uint64_t Listeners::add(detail::AnyListener listener, detail::EventType type) {
    return add(std::move(listener.call), type, false);
}

uint64_t Listeners::add(detail::RawListener call, detail::EventType type, bool handler) {
    entries_.push_back(std::make_unique<Entry>(Entry{std::move(call), ++last_id_, type, handler}));
    return last_id_;
}

void Listeners::remove(uint64_t id) noexcept {
    for (const auto& entry : entries_) {
        if (entry->id != id || entry->handler) continue;
        entry->removed = stale_ = true;
    }
    if (depth_ == 0) sweep();
}

void Listeners::remove_all() noexcept {
    for (const auto& entry : entries_) entry->removed = stale_ = true;
    if (depth_ == 0) sweep();
}

// Frees the marked entries. The list is whole before a destructor of the application runs.
void Listeners::sweep() noexcept {
    stale_ = false;
    std::vector<std::unique_ptr<Entry>> freed;
    for (auto& entry : entries_)
        if (entry->removed) freed.push_back(std::move(entry));
    std::erase(entries_, nullptr);
}

Listeners::Entry* Listeners::handler_of(detail::EventType type) const noexcept {
    for (const auto& entry : entries_)
        if (entry->handler && entry->type == type && !entry->removed) return entry.get();
    return nullptr;
}

bool Listeners::has_handler(detail::EventType type) const noexcept {
    return handler_of(type) != nullptr;
}

void Listeners::set_handler(detail::EventType type, detail::RawListener call) {
    Entry* const old = handler_of(type);
    if (!call) {
        if (!old) return;
        old->removed = stale_ = true;
        if (depth_ == 0) sweep();
    } else if (!old) {
        add(std::move(call), type, true);
    } else if (depth_ == 0) {
        std::swap(old->call, call);  // The old one is freed when the new one is in place.
    } else {
        // The old one may be running: the new one takes its place in a new entry.
        auto fresh = std::make_unique<Entry>(Entry{std::move(call), ++last_id_, type, true});
        for (auto& entry : entries_) {
            if (entry.get() != old) continue;
            entry.swap(fresh);
            break;
        }
        fresh->removed = stale_ = true;
        entries_.push_back(std::move(fresh));  // Until the sweep.
    }
}

}  // namespace starling::client
