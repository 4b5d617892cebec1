// <starling/async_callback.h>: the types of an application's callbacks, which may be coroutines.
// Included by the other headers.
#pragma once

#include <starling/async.h>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace starling {
namespace detail {

// Keeps an argument of a callback while a coroutine uses it. A view is kept together with its
// bytes.
template <class Arg>
struct Kept {
    explicit Kept(const Arg& arg) : value(arg) {}
    [[nodiscard]] Arg get() const { return value; }
    Arg value;
};
template <>
struct Kept<std::string_view> {
    explicit Kept(std::string_view arg) : value(arg) {}
    [[nodiscard]] std::string_view get() const { return value; }
    std::string value;
};

// The owner of a coroutine with these arguments. `ended_at_once` or `suspended` is called inside
// the call of the handler: `suspended` takes the coroutine and must keep it. `ended` is called when
// a suspended coroutine ends.
template <class... Args>
struct Home {
    static constexpr bool exists = false;
};

// Without arguments, the owner is the worker that made the call.
template <>
struct Home<> {
    static constexpr bool exists = true;
    static void ended_at_once() noexcept {}
    static void suspended(const std::shared_ptr<Coroutine>& coroutine) {
        coroutine->strand()->scope().add(coroutine);
    }
    static void ended(const std::exception_ptr& error);
};

template <class F, class... Args>
struct CoroutineCall {
    CoroutineCall(std::shared_ptr<F> f, const Args&... args) : call(std::move(f)), kept(args...) {}
    std::shared_ptr<F> call;  // The callable's captures live as long as the coroutine.
    std::tuple<Kept<Args>...> kept;
};
template <class F>
struct CoroutineCall<F> {
    explicit CoroutineCall(std::shared_ptr<F> f) : call(std::move(f)) {}
    std::shared_ptr<F> call;
    std::tuple<> kept;
};

template <class F, class... Args>
void call_coroutine(const std::shared_ptr<F>& handler, Args... args) {
    using At = Home<Args...>;
    const auto call = std::make_shared<CoroutineCall<F, Args...>>(handler, args...);
    Task<> body =
        std::apply([&](auto&... each) { return (*call->call)(each.get()...); }, call->kept);
    const auto coroutine =
        std::make_shared<Coroutine>(std::move(body), [call](const std::exception_ptr& error) {
            std::apply([&](auto&... each) { At::ended(error, each...); }, call->kept);
        });
    const bool ended = coroutine->start();
    std::apply(
        [&](auto&... each) {
            if (ended)
                At::ended_at_once(each..., static_cast<Args>(args)...);
            else
                At::suspended(coroutine, each..., static_cast<Args>(args)...);
        },
        call->kept);
}

}  // namespace detail

template <class Signature>
class Callback;

// A std::function that also takes a coroutine: a callable that returns Task<>. A plain callback
// costs no more than in a std::function.
template <class... Args>
class Callback<void(Args...)> : public std::function<void(Args...)> {
    using Base = std::function<void(Args...)>;

public:
    Callback() noexcept = default;
    Callback(std::nullptr_t) noexcept {}
    template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Callback> &&
             std::is_invocable_v<std::decay_t<F>&, Args...>) Callback(F&& call)
        : Base(wrap(std::forward<F>(call))) {}

private:
    template <class F>
    static decltype(auto) wrap(F&& call) {
        if constexpr (detail::ReturnsTask<F, Args...>) {
            static_assert(
                detail::Home<Args...>::exists,
                "this callback cannot be a coroutine: its result is needed at once, or its "
                "arguments end with the call");
            static_assert(std::same_as<std::invoke_result_t<std::decay_t<F>&, Args...>, Task<>>,
                          "nobody would get the result: return Task<>");
            return
                [shared = std::make_shared<std::decay_t<F>>(std::forward<F>(call))](Args... args) {
                    detail::call_coroutine<std::decay_t<F>, Args...>(shared,
                                                                     static_cast<Args>(args)...);
                };
        } else {
            return std::forward<F>(call);
        }
    }
};

template <class Signature>
class PlainCallback;

// A std::function that refuses a coroutine, because its arguments end with the call, or because it
// is not called on a worker's thread.
template <class R, class... Args>
class PlainCallback<R(Args...)> : public std::function<R(Args...)> {
    using Base = std::function<R(Args...)>;

public:
    PlainCallback() noexcept = default;
    PlainCallback(std::nullptr_t) noexcept {}
    template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, PlainCallback> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...> &&
             !detail::ReturnsTask<F, Args...>) PlainCallback(F&& call)
        : Base(std::forward<F>(call)) {}
    // This callback cannot be a coroutine.
    template <class F>
    requires detail::ReturnsTask<F, Args...> PlainCallback(F&& coroutine)
    = delete;
};

}  // namespace starling
