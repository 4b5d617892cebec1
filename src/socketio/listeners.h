// socketio/listeners.h: the listeners of one socket, by event: one pointer, to a set that the socket
// may share with others.
//
// A listener may add and remove listeners, even itself. A listener that is removed while a listener
// runs is freed after the call.
// Owner: the socket. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "socketio/listener_set.h"

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
        const uint32_t count = size();
        // Most sockets have few listeners, and none that comes later.
        if (!set_ || count == set_->room() || set_.users() > 1)
            move_to_room(count < exact_until ? count + 1 : 2 * count);
        set_->add({std::move(listener), name, once});
    }
    void remove(uint32_t name) {
        for (uint32_t i = 0, count = size(); i < count; ++i)
            if (set_->entries()[i].name == name) retire(i);
        sweep();
    }
    void clear() {
        for (uint32_t i = 0, count = size(); i < count; ++i) retire(i);
        sweep();
    }
    void drop() noexcept { set_ = {}; }  // Before the end, when none of them is on the stack.
    [[nodiscard]] bool empty() const noexcept { return !set_; }

    // Shares the set with sockets that registered the same listeners, if that makes no difference.
    void share(RecentListeners& recent) {
        if (set_ && depth_ == 0 && set_.users() == 1 && set_->shareable())
            set_ = recent.share(std::move(set_));
    }

    [[nodiscard]] bool shares_with(const Listeners& other) const noexcept {
        return set_ && set_ == other.set_;
    }

    // Calls the listeners that existed at the start of the call, in order. Passes an
    // ArgumentMismatch to `argument_mismatch` for each listener whose parameters do not fit the
    // arguments. False: the event has no listener.
    template <class OnMisfit>
    bool call(uint32_t name, const sio::detail::Event& event, OnMisfit&& argument_mismatch) {
        bool any = false;
        const Depth depth(*this);
        for (uint32_t i = 0, count = size(); i < count; ++i) {
            if (set_->entries()[i].name != name) continue;
            any = true;
            call_one(i, event, argument_mismatch);
        }
        return any;
    }

private:
    // Frees removed listeners once no listener is on the stack, also after an exception. Keeps the
    // set that others have as well: they may all give it up while one of its listeners runs.
    class Depth {
    public:
        explicit Depth(Listeners& all) noexcept
            : all_(all), shared_(all.set_.users() > 1 ? all.set_ : SharedSet()) {
            ++all_.depth_;
        }
        ~Depth() {
            --all_.depth_;
            all_.sweep();
        }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;

    private:
        Listeners& all_;
        const SharedSet shared_;
    };

    template <class OnMisfit>
    void call_one(uint32_t index, const sio::detail::Event& event, OnMisfit& argument_mismatch) {
        if (set_->entries()[index].once) retire(index);
        // The entries may move while the listener runs; the listener itself does not move.
        sio::detail::Listener::Call call = set_->entries()[index].listener.prepare();
        const auto why = call(event);
        if (call.changed()) [[unlikely]]
            keep(index, call);
        if (why.index) argument_mismatch(why);
    }
    // A handler that changed itself did so for this socket alone.
    void keep(uint32_t index, const sio::detail::Listener::Call& call) {
        if (set_.users() > 1) move_to_room(set_->room());
        set_->entries()[index].listener.keep(call);
    }
    [[nodiscard]] uint32_t size() const noexcept {
        return set_ ? static_cast<uint32_t>(set_->entries().size()) : 0;
    }
    // A set of this socket alone; the entries keep their positions.
    void move_to_room(uint32_t room) {
        SharedSet made(ListenerSet::make(room));
        const bool shared = set_.users() > 1;
        if (set_)
            for (NamedListener& entry : set_->entries())
                made->add({shared ? entry.listener.copy() : std::move(entry.listener), entry.name,
                           entry.once});
        set_ = std::move(made);
    }
    void retire(uint32_t index) {
        if (set_->entries()[index].name == Names::none) return;
        if (set_.users() > 1) move_to_room(set_->room());
        set_->entries()[index].name = Names::none;
        retired_ = true;
    }
    void sweep() noexcept {
        if (depth_ > 0 || !retired_) return;
        retired_ = false;
        set_->remove(Names::none);
        if (set_->entries().empty()) set_ = {};
    }

    static constexpr uint32_t exact_until = 8;

    SharedSet set_;  // Null: no listeners.
    uint16_t depth_ = 0;
    bool retired_ = false;
};

}  // namespace starling::socketio
