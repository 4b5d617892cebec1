// base/replaceable.h: a value that many threads read without a lock while another thread may replace
// it. An earlier value lives as long as the object, so a reader may keep what it refers to. For
// values that an operator changes now and then, such as configuration.
//
// Owner: the user's class. Thread: any.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace starling::base {

template <class T>
class Replaceable {
public:
    explicit Replaceable(std::unique_ptr<T> first) { replace(std::move(first)); }
    template <class... Arguments>
    explicit Replaceable(std::in_place_t, Arguments&&... arguments)
        : Replaceable(std::make_unique<T>(std::forward<Arguments>(arguments)...)) {}

    // May be null, if a null pointer was given. The reference does not end before this object.
    [[nodiscard]] T* get() const noexcept { return now_.load(std::memory_order_acquire); }
    [[nodiscard]] T& operator*() const noexcept { return *get(); }
    [[nodiscard]] T* operator->() const noexcept { return get(); }

    void replace(std::unique_ptr<T> next) {
        const std::lock_guard lock(mutex_);
        all_.push_back(std::move(next));
        now_.store(all_.back().get(), std::memory_order_release);
    }

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<T>> all_;
    std::atomic<T*> now_{nullptr};
};

}  // namespace starling::base
