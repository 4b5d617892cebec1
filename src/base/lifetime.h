// base/lifetime.h: what a handle holds in place of the address of a server's part, so that a handle may be kept
// and used for longer than the server lives.
//
// The part's own thread asks own(): two loads. Any other thread takes a Use; the part stays while the Use lives.
// Owner: none. A Lifetime is never freed, since a handle may be kept for ever: 80 bytes for each part that a
// process ever makes (a few for each worker).
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

namespace starling::base {

// What this thread runs at the moment: the address of a net::Loop; null for none.
inline constinit thread_local const void* running = nullptr;

template <class T>
class Lifetime {
public:
    // Closed at first. `runs_on`: what `running` is on the part's own thread; null: it has none.
    [[nodiscard]] static Lifetime& of(T& part, const void* runs_on) {
        auto* made = new Lifetime(part, runs_on);
        // The list keeps each one reachable, for the leak checker.
        made->next_ = newest_.load(std::memory_order_relaxed);
        while (!newest_.compare_exchange_weak(made->next_, made)) {}
        return *made;
    }
    Lifetime(const Lifetime&) = delete;
    Lifetime& operator=(const Lifetime&) = delete;

    // ---- The part's owner ------------------------------------------------------------------------
    void open() noexcept { open_.store(true); }
    // Refuses other threads from here on, and waits for those that are using the part.
    void close() noexcept {
        open_.store(false);
        while (users_.load() != 0) std::this_thread::yield();
    }
    void end() noexcept {  // The part's destructor.
        close();
        part_.store(nullptr, std::memory_order_release);
    }

    // Held by the part's own thread while it changes what others read by a Use, and by them while they read it.
    [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

    // ---- Any thread ------------------------------------------------------------------------------
    [[nodiscard]] bool here() const noexcept { return running == runs_on_ && running; }
    // On the part's own thread, the part while it lives; null elsewhere.
    [[nodiscard]] T* own() const noexcept {
        return here() ? part_.load(std::memory_order_relaxed) : nullptr;
    }
    // True: the part is there, or was a moment ago.
    [[nodiscard]] bool is_open() const noexcept { return open_.load(std::memory_order_relaxed); }

    // The part, for as long as this object is there; null where it is closed.
    class Use {
    public:
        explicit Use(Lifetime* lifetime) noexcept : lifetime_(lifetime) {
            if (!lifetime_) return;
            lifetime_->users_.fetch_add(1);
            if (lifetime_->open_.load()) return;
            lifetime_->users_.fetch_sub(1);
            lifetime_ = nullptr;
        }
        ~Use() {
            if (lifetime_) lifetime_->users_.fetch_sub(1);
        }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        explicit operator bool() const noexcept { return lifetime_ != nullptr; }
        T* operator->() const noexcept { return &**this; }
        T& operator*() const noexcept { return *lifetime_->part_.load(std::memory_order_relaxed); }

    private:
        Lifetime* lifetime_;
    };

private:
    Lifetime(T& part, const void* runs_on) noexcept : part_(&part), runs_on_(runs_on) {}

    inline static std::atomic<Lifetime*> newest_{nullptr};

    std::atomic<T*> part_;
    const void* const runs_on_;
    std::atomic<bool> open_{false};
    std::atomic<unsigned> users_{0};
    Lifetime* next_ = nullptr;
    std::mutex mutex_;
};

}  // namespace starling::base
