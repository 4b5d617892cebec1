// socketio/listeners.h: the listeners of one socket, by event: 24 bytes each.
//
// A listener may add and remove listeners, even itself. A listener that is removed while a listener
// runs is freed after the call.
// Owner: the socket. Thread: the worker's.
#pragma once

#include <starling/socketio_handler.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/text.h"

namespace starling::socketio {

// Numbers for the names of events that have listeners. Owner: the Server. Names are never removed:
// they come from the application, not from peers.
class Names {
public:
    static constexpr uint32_t none = 0;

    [[nodiscard]] uint32_t find(std::string_view name) const noexcept {
        const auto found = numbers_.find(name);
        return found == numbers_.end() ? none : found->second;
    }
    [[nodiscard]] uint32_t of(std::string_view name) {
        const auto found = numbers_.find(name);
        if (found != numbers_.end()) return found->second;
        return numbers_.emplace(std::string(name), static_cast<uint32_t>(numbers_.size() + 1))
            .first->second;
    }

private:
    std::unordered_map<std::string, uint32_t, base::TextHash, std::equal_to<>> numbers_;
};

class Listeners {
public:
    void add(uint32_t name, sio::detail::Listener listener, bool once) {
        // Most sockets have few listeners, and none that comes later.
        if (entries_.size() < exact_until) entries_.reserve(entries_.size() + 1);
        entries_.push_back({std::move(listener), name, once});
    }
    void remove(uint32_t name) {
        for (CallScope& entry : entries_)
            if (entry.name == name) retire(entry);
        sweep();
    }
    void clear() {
        for (CallScope& entry : entries_) retire(entry);
        sweep();
    }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    // Calls the listeners that existed at the start of the call, in order. Passes an
    // ArgumentMismatch to `argument_mismatch` for each listener whose parameters do not fit the
    // arguments. False: the event has no listener.
    template <class OnMisfit>
    bool call(uint32_t name, const sio::detail::Event& event, OnMisfit&& argument_mismatch) {
        bool any = false;
        const Depth depth(*this);
        for (size_t i = 0, count = entries_.size(); i < count; ++i) {
            if (entries_[i].name != name) continue;
            any = true;
            call_one(i, event, argument_mismatch);
        }
        return any;
    }

private:
    struct CallScope {
        sio::detail::Listener listener;
        uint32_t name;
        bool once;
    };
    // Frees removed listeners once no listener is on the stack, also after an exception.
    class Depth {
    public:
        explicit Depth(Listeners& all) noexcept : all_(all) { ++all_.depth_; }
        ~Depth() {
            --all_.depth_;
            all_.sweep();
        }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;

    private:
        Listeners& all_;
    };

    template <class OnMisfit>
    void call_one(size_t index, const sio::detail::Event& event, OnMisfit& argument_mismatch) {
        if (entries_[index].once) retire(entries_[index]);
        // The vector's entries may move while the listener runs; the listener itself does not move.
        sio::detail::Listener::Call call = entries_[index].listener.prepare();
        if (const auto why = call(event); why.index) argument_mismatch(why);
    }
    void retire(CallScope& entry) noexcept {
        if (entry.name == Names::none) return;
        entry.name = Names::none;
        retired_ = true;
    }
    void sweep() {
        if (depth_ > 0 || !retired_) return;
        retired_ = false;
        std::erase_if(entries_, [](const CallScope& entry) { return entry.name == Names::none; });
    }

    static constexpr size_t exact_until = 8;

    std::vector<CallScope> entries_;
    uint32_t depth_ = 0;
    bool retired_ = false;
};

}  // namespace starling::socketio
