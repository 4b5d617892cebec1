// base/task.h: a move-only callable without arguments, and a queue of such calls from any thread to
// one thread.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace starling::base {

// A call that is made once. It is also the node of the queue, so queueing needs no further
// allocation.
class Task {
public:
    virtual ~Task() = default;
    virtual void run() = 0;

    template <class F>
    [[nodiscard]] static std::unique_ptr<Task> of(F&& call) {
        struct Call final : Task {
            explicit Call(F&& f) : f_(std::forward<F>(f)) {}
            void run() override { f_(); }
            std::decay_t<F> f_;
        };
        return std::make_unique<Call>(std::forward<F>(call));
    }

private:
    friend class TaskQueue;
    Task* next_ = nullptr;
};

// Many producers, one consumer, no lock: producers push on a stack; the consumer takes the whole
// stack and reverses it, so tasks run in the order in which they were pushed.
class TaskQueue {
public:
    TaskQueue() = default;
    TaskQueue(const TaskQueue&) = delete;
    TaskQueue& operator=(const TaskQueue&) = delete;
    ~TaskQueue() {
        for (Task* task = take(); task;) delete std::exchange(task, task->next_);
    }

    // Any thread. True if the queue was empty: the consumer may be asleep and must be woken.
    [[nodiscard]] bool push(std::unique_ptr<Task> task) noexcept {
        Task* node = task.release();
        Task* below = top_.load(std::memory_order_relaxed);
        do {
            node->next_ = below;  // Not read again: after the push the consumer may free it.
        } while (!top_.compare_exchange_weak(below, node, std::memory_order_release,
                                             std::memory_order_relaxed));
        return below == nullptr;
    }

    [[nodiscard]] bool empty() const noexcept { return !top_.load(std::memory_order_acquire); }

    // Only for the consumer. Runs the tasks that were queued at the start, one after the other;
    // `guard(task)` makes each call and handles its exceptions.
    template <class Middleware>
    void drain(Middleware&& guard) {
        for (Task* task = take(); task;) {
            std::unique_ptr<Task> current(std::exchange(task, task->next_));
            guard(*current);
        }
    }

private:
    [[nodiscard]] Task* take() noexcept {
        Task* newest = top_.exchange(nullptr, std::memory_order_acquire);
        Task* oldest = nullptr;
        while (newest) {
            Task* next = newest->next_;
            newest->next_ = oldest;
            oldest = std::exchange(newest, next);
        }
        return oldest;
    }

    std::atomic<Task*> top_{nullptr};
};

}  // namespace starling::base
