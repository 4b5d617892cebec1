#include "client/listeners.h"

#include <algorithm>

namespace starling::client {

using detail::EventType;

namespace {

constexpr EventType types[] = {EventType::open, EventType::message, EventType::error,
                               EventType::close};

}  // namespace

uint64_t Listeners::add(detail::AnyListener listener, EventType type) {
    if (!more_) {
        more_ = std::make_unique<More>();
        for (const EventType other : types)
            if (has_handler(other)) add(other, {}, true);
    }
    add(type, std::move(listener.call), false);
    more_->wants_drain |= type == EventType::drain;
    return more_->last_id;
}

void Listeners::add(EventType type, detail::Callback call, bool handler) {
    more_->entries.push_back(
        std::make_unique<Entry>(Entry{std::move(call), ++more_->last_id, type, handler}));
}

void Listeners::remove(uint64_t id) noexcept {
    if (!more_) return;
    for (const auto& entry : more_->entries) {
        if (entry->id != id || entry->handler) continue;
        entry->removed = more_->stale = true;
    }
    if (more_->depth == 0) sweep();
}

void Listeners::remove_all() noexcept {
    // The list is whole before a destructor of the application runs.
    const auto freed = std::exchange(handlers_, {});
    running_ = 0;
    if (!more_) return;
    for (const auto& entry : more_->entries) entry->removed = more_->stale = true;
    if (more_->depth == 0) sweep();
}

// Frees the marked entries, as remove_all() does.
void Listeners::sweep() noexcept {
    more_->stale = false;
    std::vector<std::unique_ptr<Entry>> freed;
    for (auto& entry : more_->entries)
        if (entry->removed) freed.push_back(std::move(entry));
    std::erase(more_->entries, nullptr);
}

bool Listeners::has_handler(EventType type) const noexcept {
    return handlers_[static_cast<size_t>(type)] || (running_ & bit(type)) != 0;
}

void Listeners::set_handler(EventType type, detail::Callback call) {
    const bool before = has_handler(type), now = static_cast<bool>(call);
    if (more_ && now && !before) add(type, {}, true);
    running_ &= static_cast<uint8_t>(~bit(type));
    handler(type) = std::move(call);
    if (!more_ || now || !before) return;
    for (const auto& entry : more_->entries)
        if (entry->handler && entry->type == type) entry->removed = more_->stale = true;
    if (more_->depth == 0) sweep();
}

}  // namespace starling::client
