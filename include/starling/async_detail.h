// <starling/async_detail.h>: the parts of <starling/async.h>, which includes this header.
#pragma once

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace starling {

template <class T>
class Future;
template <class T>
class Promise;
template <class T = void>
class Task;

// The largest number of suspended coroutines of one connection. One more counts as an exception of
// its handler.
inline constexpr size_t coroutines_per_connection_max = 1'000;

namespace detail {

// ---- results ------------------------------------------------------------------------------------

// The part of a result that does not depend on the type of its value. Any thread.
class ResultBase {
public:
    ResultBase() = default;
    ResultBase(const ResultBase&) = delete;
    ResultBase& operator=(const ResultBase&) = delete;

    [[nodiscard]] bool ready() const;
    void wait() const;  // wait() and wait_for() throw std::logic_error on a loop's thread.
    [[nodiscard]] bool wait_for(std::chrono::milliseconds time) const;
    // At most one call. Makes the call at once if the result is there already.
    void on_ready(std::function<void()> call);
    void finish();  // Called after the value was stored.
    void fail(std::exception_ptr error);
    [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }

protected:
    ~ResultBase() = default;

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable ready_changed_;
    std::function<void()> call_;
    std::exception_ptr error_;
    bool ready_ = false;
};

template <class T>
class Result final : public ResultBase {
public:
    template <class... Value>
    void store(Value&&... value) {
        value_.emplace(std::forward<Value>(value)...);
    }
    template <class... Value>
    void set(Value&&... value) {
        store(std::forward<Value>(value)...);
        finish();
    }
    T get() {  // Only when the result is ready.
        if (error()) std::rethrow_exception(error());
        return std::move(*value_);
    }

private:
    std::optional<T> value_;
};
template <>
class Result<void> final : public ResultBase {
public:
    void store() noexcept {}
    void set() { finish(); }
    void get() const {
        if (error()) std::rethrow_exception(error());
    }
};

struct FutureAccess;

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

template <class F, class... Args>
concept ReturnsTask = is_task < std::invoke_result_t < std::decay_t<F>
&, Args... >> ;

// g++ 12 destroys a temporary lambda inside a co_await expression twice. That does no harm only if
// its destructor is trivial.
#if defined(__GNUC__) && !defined(__clang__)
template <class F>
inline constexpr bool survives_co_await =
    std::is_lvalue_reference_v<F> || std::is_trivially_destructible_v<std::remove_cvref_t<F>>;
#else
template <class F>
inline constexpr bool survives_co_await = true;
#endif

// ---- threads and owners -------------------------------------------------------------------------

class Owned;

// The suspended coroutines of one owner, such as a connection. They are destroyed with it. Thread:
// the worker's.
class Scope {
public:
    explicit Scope(size_t coroutines_max = coroutines_per_connection_max) noexcept
        : max_(coroutines_max) {}
    ~Scope() { end(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    void add(std::shared_ptr<Owned> coroutine);  // Throws std::length_error beyond the limit.
    void end() noexcept;  // Destroys all coroutines; a running one when it suspends.
    [[nodiscard]] size_t size() const noexcept { return all_.size(); }

private:
    friend class Owned;
    const size_t max_;
    std::vector<std::shared_ptr<Owned>> all_;
};

class Owned {
public:
    virtual ~Owned() = default;
    virtual void cancel() noexcept = 0;

protected:
    void leave_scope() noexcept;

private:
    friend class Scope;
    Scope* scope_ = nullptr;
    size_t index_ = 0;  // The place in the scope's list.
};

// The thread of one worker, as coroutines use it; implemented by the server. May outlive the
// worker.
class Strand : public std::enable_shared_from_this<Strand> {
public:
    virtual ~Strand() = default;
    // Any thread. Runs the call on the worker's thread, in order. Drops the call if the worker has
    // ended.
    virtual void post(std::function<void()> call) = 0;
    // Own thread.
    virtual uint64_t after(std::chrono::milliseconds delay, std::function<void()> call) = 0;
    virtual void cancel(uint64_t timer) noexcept = 0;
    virtual void log_exception(std::string_view where, std::string_view what) = 0;
    // The coroutines that belong to no connection. They end with the worker.
    [[nodiscard]] Scope& scope() noexcept { return scope_; }

    // The strand of this thread; null if this is not a worker's thread.
    [[nodiscard]] static std::shared_ptr<Strand> current() noexcept;
    // While a Here exists, current() on this thread returns its strand.
    class Here {
    public:
        explicit Here(Strand& strand) noexcept;
        ~Here();
        Here(const Here&) = delete;
        Here& operator=(const Here&) = delete;

    private:
        Strand* const outer_;
    };

private:
    static constexpr size_t coroutines_max = 100'000;
    Scope scope_{coroutines_max};
};

// The message of an exception that left a coroutine, for a log.
[[nodiscard]] std::string_view describe(const std::exception_ptr& error) noexcept;

// ---- coroutines ---------------------------------------------------------------------------------

class Coroutine;

template <class T>
struct FutureAwaiter {
    [[nodiscard]] bool await_ready() const { return result->ready(); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> at);
    T await_resume() { return result->get(); }

    std::shared_ptr<Result<T>> result;
};

template <class T>
struct TaskAwaiter {
    [[nodiscard]] bool await_ready() const;
    template <class P>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<P> parent);
    T await_resume();

    Task<T> task;
};

// The value that Server::sleep() returns.
struct Sleep {
    std::chrono::milliseconds time;
};

struct SleepAwaiter {
    explicit SleepAwaiter(std::chrono::milliseconds t) noexcept : time(t) {}
    SleepAwaiter(const SleepAwaiter&) = delete;
    ~SleepAwaiter() {
        if (timer != 0) strand->cancel(timer);
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> at);
    void await_resume() noexcept { timer = 0; }

    const std::chrono::milliseconds time;
    std::shared_ptr<Strand> strand = nullptr;
    uint64_t timer = 0;  // 0: no timer runs.
};

struct CoroutinePromise {
    struct Final {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class P>
        void await_suspend(std::coroutine_handle<P> at) const noexcept {
            // The parent may destroy this frame, so nothing of the frame is used after this call.
            if (const auto next = at.promise().parent) next.resume();
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] Final final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }

    template <class T>
    FutureAwaiter<T> await_transform(Future<T>& future);
    template <class T>
    FutureAwaiter<T> await_transform(Future<T>&& future) {
        return await_transform(future);
    }
    template <class T>
    TaskAwaiter<T> await_transform(Task<T>&& task);
    [[nodiscard]] SleepAwaiter await_transform(Sleep sleep) const noexcept {
        return SleepAwaiter(sleep.time);
    }
    // Another awaitable could continue on another thread, or after the end of the connection.
    template <class Other>
    void await_transform(Other&&) const {
        static_assert(
            !std::is_same_v<Other, Other>,
            "a starling::Task awaits a Task, a Future or Server::sleep(): give the result of "
            "something else to a starling::Promise, and await its future()");
    }

    Coroutine* coroutine = nullptr;  // Set before the coroutine starts.
    std::coroutine_handle<> parent;  // The coroutine that awaits this one; or null.
    std::exception_ptr error;
};

template <class T>
struct TaskPromise : CoroutinePromise {
    Task<T> get_return_object() noexcept;
    template <class Value>
    void return_value(Value&& result) {
        value.emplace(std::forward<Value>(result));
    }
    std::optional<T> value;
};
template <>
struct TaskPromise<void> : CoroutinePromise {
    inline Task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
};

}  // namespace detail
}  // namespace starling
