// <starling/async.h>: futures, and coroutines as handlers. See docs/async.md.
//
//     io.on_connection([&server](sio::Socket socket) -> starling::Task<> {
//         const sio::Answer answer = co_await socket.emit_with_ack("ready?");
//         co_await server.sleep(1s);
//         socket.emit("welcome", answer.value());
//     });
//
// Thread: any thread may use a Future or a Promise. Every line of a Task runs on the thread of the
//         worker that called its handler.
#pragma once

#include <starling/async_detail.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace starling {

// A Promise was destroyed without a result: the server stopped, or a limit dropped the call.
class BrokenPromise : public std::runtime_error {
public:
    BrokenPromise() : std::runtime_error("the result will never come: its promise was dropped") {}
};

// A result that comes later, for example from emit_with_ack(). The result is taken once, by get(),
// then() or co_await. Taking it again, or from a default-constructed Future, throws
// std::logic_error.
template <class T>
class [[nodiscard]] Future {
public:
    Future() = default;

    // False: the result was taken.
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
    [[nodiscard]] bool ready() const { return state().ready(); }

    // Waits for the result and returns it, or throws the exception of Promise::set_exception().
    // Throws std::logic_error on the thread of a worker or a ClientLoop: the result may need it.
    T get() {
        state().wait();
        return take()->get();
    }
    // True: the result is there. False: the time is over. Throws std::logic_error as get() does.
    [[nodiscard]] bool wait_for(std::chrono::milliseconds time) const {
        return state().wait_for(time);
    }
    // Calls `call` with the result once; Future<void>: without an argument. If the result is there,
    // the call is made at once; otherwise on the thread that gives the result: for every result of
    // this library, a worker's or a ClientLoop's. If the result is an exception, calls `failed` with
    // the std::exception_ptr instead; without `failed`, the exception is dropped.
    template <class F>
    void then(F&& call) {
        then(std::forward<F>(call), [](const std::exception_ptr&) {});
    }
    template <class F, class Failed>
    void then(F&& call, Failed&& failed);

private:
    friend class Promise<T>;
    friend struct detail::FutureAccess;
    using State = detail::Result<T>;

    explicit Future(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
    [[nodiscard]] State& state() const {
        if (!state_) throw std::logic_error("this Future has no result, or it was taken before");
        return *state_;
    }
    [[nodiscard]] std::shared_ptr<State> take() {
        (void)state();
        return std::move(state_);
    }

    std::shared_ptr<State> state_;
};

// The side of a Future that supplies its result. A Promise turns an interface that calls back, such
// as a database client, into a Future for co_await.
template <class T>
class Promise {
public:
    Promise() : state_(std::make_shared<detail::Result<T>>()), future_(state_) {}
    Promise(Promise&&) noexcept = default;
    Promise& operator=(Promise other) noexcept {
        std::swap(state_, other.state_);
        std::swap(future_, other.future_);
        return *this;
    }
    ~Promise() {
        if (state_) state_->fail(std::make_exception_ptr(BrokenPromise()));
    }

    [[nodiscard]] Future<T> future() {  // Only the first call returns a valid() Future.
        return std::exchange(future_, Future<T>());
    }
    // Call one of these two functions, once. A second call throws std::logic_error.
    template <class... Value>
    void set_value(Value&&... value) {
        taken()->set(std::forward<Value>(value)...);
    }
    void set_exception(std::exception_ptr error) { taken()->fail(std::move(error)); }
    // Gives the value that `call` returns, or the exception that `call` throws.
    template <class F>
    void set_result_of(F&& call);

private:
    [[nodiscard]] std::shared_ptr<detail::Result<T>> taken() {
        if (!state_) throw std::logic_error("this Promise has been kept already");
        return std::move(state_);
    }

    std::shared_ptr<detail::Result<T>> state_;
    Future<T> future_;
};

// A coroutine: a handler, or a part of a handler such as `Task<Row> load(std::string id)`. The Task
// of a handler starts at once; any other Task starts when it is awaited. It may co_await another
// Task, a Future and Server::sleep(), and then continues on its worker's thread. Destroying a Task
// destroys its frame and everything in it; the code after the co_await does not run. That happens
// when the connection ends that the Task belongs to.
//
// Parameters are copied into the frame, but a reference stays a reference: its object must live as
// long as the Task. The arguments of a handler live that long.
template <class T>
class [[nodiscard]] Task {
public:
    using promise_type = detail::TaskPromise<T>;

    Task() = default;
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Task() {
        if (handle_) handle_.destroy();
    }

private:
    friend promise_type;
    friend detail::Coroutine;
    friend detail::TaskAwaiter<T>;
    using Handle = std::coroutine_handle<promise_type>;
    explicit Task(Handle handle) noexcept : handle_(handle) {}

    Handle handle_;
};

// ---- implementation -----------------------------------------------------------------------------

template <class T>
template <class F, class Failed>
void Future<T>::then(F&& call, Failed&& failed) {
    static_assert(!detail::ReturnsTask<F, T>,
                  "then() takes a plain callback: in a coroutine, co_await the Future");
    const auto result = take();
    struct Calls {
        std::decay_t<F> call;
        std::decay_t<Failed> failed;
    };
    auto calls =
        std::make_shared<Calls>(Calls{std::forward<F>(call), std::forward<Failed>(failed)});
    result->on_ready([result = result.get(), calls = std::move(calls)] {
        if (result->error()) return static_cast<void>(calls->failed(result->error()));
        if constexpr (std::is_void_v<T>)
            static_cast<void>(calls->call());
        else
            static_cast<void>(calls->call(result->get()));
    });
}

template <class T>
template <class F>
void Promise<T>::set_result_of(F&& call) {
    const auto state = taken();
    try {
        if constexpr (std::is_void_v<T>) {
            call();
            state->store();
        } else {
            state->store(call());
        }
    } catch (...) {
        return state->fail(std::current_exception());
    }
    state->finish();
}

namespace detail {

struct FutureAccess {
    template <class T>
    static std::shared_ptr<Result<T>> take(Future<T>& future) {
        return future.take();
    }
};

template <class T>
FutureAwaiter<T> CoroutinePromise::await_transform(Future<T>& future) {
    return FutureAwaiter<T>{FutureAccess::take(future)};
}
template <class T>
TaskAwaiter<T> CoroutinePromise::await_transform(Task<T>&& task) {
    return TaskAwaiter<T>{std::move(task)};
}

template <class T>
template <class P>
bool TaskAwaiter<T>::await_suspend(std::coroutine_handle<P> parent) {
    auto& mine = task.handle_.promise();
    mine.coroutine = parent.promise().coroutine;
    task.handle_.resume();
    // Does not suspend the parent, so that a loop over tasks that end at once does not grow the
    // stack.
    if (task.handle_.done()) return false;
    mine.parent = parent;
    return true;
}

template <class T>
T TaskAwaiter<T>::await_resume() {
    auto& mine = task.handle_.promise();
    if (mine.error) std::rethrow_exception(mine.error);
    if constexpr (!std::is_void_v<T>) return std::move(*mine.value);
}

template <class T>
bool TaskAwaiter<T>::await_ready() const {
    if (!task.handle_) throw std::logic_error("this Task was moved from");
    return false;
}

inline Task<void> TaskPromise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

// The coroutine of a handler on its worker, with everything that the coroutine uses. Owner: a
// Scope, from the first co_await on. Thread: the worker's.
class Coroutine final : public Owned, public std::enable_shared_from_this<Coroutine> {
public:
    // Called once if the body ends after it was suspended, with the exception that left the body,
    // or null. The function also owns the objects that the body refers to, and is destroyed after
    // the body.
    using Ended = std::function<void(const std::exception_ptr&)>;
    Coroutine(Task<> body, Ended ended)
        : strand_(Strand::current()), ended_(std::move(ended)), body_(std::move(body)) {
        if (!strand_) throw std::logic_error("a coroutine handler runs on a worker's thread");
    }

    [[nodiscard]] const std::shared_ptr<Strand>& strand() const noexcept { return strand_; }
    // Runs the body until its end (true) or until it is suspended (false). Throws the exception
    // that left the body.
    [[nodiscard]] bool start() {
        body_.handle_.promise().coroutine = this;
        if (!run(body_.handle_)) return false;
        if (const auto error = body_.handle_.promise().error) std::rethrow_exception(error);
        return true;
    }
    // Continues after a co_await, unless the coroutine was cancelled. Called only from the loop,
    // with no other code of the library on the stack.
    void resume(std::coroutine_handle<> at) {
        if (!body_.handle_) return;
        const auto alive = shared_from_this();
        if (run(at))
            finish();
        else if (cancelled_)
            release();
    }
    // A function that any thread may call. It resumes the coroutine on the worker's thread, if the
    // coroutine still exists.
    [[nodiscard]] std::function<void()> resumer(std::coroutine_handle<> at) {
        return [strand = strand_, weak = weak_from_this(), at] {
            strand->post([weak, at] {
                if (const auto self = weak.lock()) self->resume(at);
            });
        };
    }
    // The same for a caller that is on the coroutine's own thread, in the loop.
    [[nodiscard]] std::function<void()> direct_resumer(std::coroutine_handle<> at) {
        return [weak = weak_from_this(), at] {
            if (const auto self = weak.lock()) self->resume(at);
        };
    }

private:
    bool run(std::coroutine_handle<> at) {
        running_ = true;
        at.resume();
        running_ = false;
        return body_.handle_.done();
    }
    void finish() {
        leave_scope();
        const auto error = body_.handle_.promise().error;
        const auto ended = std::exchange(ended_, nullptr);
        body_ = Task<>();
        ended(error);
    }
    void cancel() noexcept override {
        cancelled_ = true;
        if (!running_) release();  // A running coroutine is released by resume().
    }
    void release() noexcept {
        const auto ended = std::exchange(ended_, nullptr);
        body_ = Task<>();
    }

    const std::shared_ptr<Strand> strand_;
    Ended ended_;
    Task<> body_;
    bool running_ = false, cancelled_ = false;
};

template <class T>
template <class P>
void FutureAwaiter<T>::await_suspend(std::coroutine_handle<P> at) {
    result->on_ready(at.promise().coroutine->resumer(at));
}

template <class P>
void SleepAwaiter::await_suspend(std::coroutine_handle<P> at) {
    Coroutine& coroutine = *at.promise().coroutine;
    strand = coroutine.strand();
    timer = strand->after(time, coroutine.direct_resumer(at));
}

}  // namespace detail
}  // namespace starling
