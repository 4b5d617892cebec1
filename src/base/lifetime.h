// base/lifetime.h: what a handle holds in place of the address of a server's part (a worker, for
// example), so that a handle may be kept and used after the server is gone.
//
// The part's own thread calls own(): two loads. Any other thread takes a Use; the part stays while
// the Use exists. Owner: none. A Lifetime is never freed, because a handle may be kept for ever: two
// cache lines for each part that a process makes (a few for each worker). Other threads write the second one only.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "base/cache_line.h"

namespace starling::base {

// The net::Loop that this thread is running; null if the thread runs no loop.
inline constinit thread_local const void* running = nullptr;

template <class T>
class alignas(cache_line_bytes) Lifetime {
public:
    // The result is closed at first. `runs_on`: the value of `running` on the part's own thread;
    // null: it has no thread.
    [[nodiscard]] static Lifetime& of(T& part, const void* runs_on) {
        auto* made = new Lifetime(part, runs_on);
        // The list keeps every Lifetime reachable, for the leak checker.
        made->next_ = newest_.load(std::memory_order_relaxed);
        while (!newest_.compare_exchange_weak(made->next_, made)) {}
        return *made;
    }
    Lifetime(const Lifetime&) = delete;
    Lifetime& operator=(const Lifetime&) = delete;

    // ---- The part's owner -----------------------------------------------------------------------
    void open() noexcept { open_.store(true); }
    // From here on refuses other threads, and waits for the threads that use the part.
    void close() noexcept {
        open_.store(false);
        while (users_.load() != 0) std::this_thread::yield();
    }
    // The part's destructor calls it.
    void end() noexcept {
        close();
        part_.store(nullptr, std::memory_order_release);
    }

    // Lock it on the part's thread to change members that other threads read by a Use, and on these
    // threads to read them.
    [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

    // ---- Any thread -----------------------------------------------------------------------------
    [[nodiscard]] bool here() const noexcept { return running == runs_on_ && running; }
    // On the part's own thread, the part while it lives; null elsewhere.
    [[nodiscard]] T* own() const noexcept {
        return here() ? part_.load(std::memory_order_relaxed) : nullptr;
    }
    // True: the part exists, or existed a moment ago.
    [[nodiscard]] bool is_open() const noexcept { return open_.load(std::memory_order_relaxed); }

    // Keeps the part alive as long as this object exists; null if the part is closed.
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
    Lifetime* next_ = nullptr;
    alignas(cache_line_bytes) std::atomic<unsigned> users_{0};
    std::mutex mutex_;
};

}  // namespace starling::base
