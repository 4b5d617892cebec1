// <starling/socketio_listener.h>: a handler of any type, as the listeners of an event keep it.
// Included by <starling/socketio_socket.h>.
#pragma once

#include <starling/socketio_handler.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace starling::sio::detail {

template <class F>
constexpr bool is_const_call = false;
template <class R, class F, class... P>
constexpr bool is_const_call<R (F::*)(P...) const> = true;
template <class R, class F, class... P>
constexpr bool is_const_call<R (F::*)(P...) const noexcept> = true;

// True for a function and for a lambda whose captures are plain values or references: a call changes
// no capture, and two of them with equal bytes do the same. So sockets whose application registered
// the same handlers can share them. (Bytes between captures may differ; then nothing is shared.) A
// lambda with captures cannot be assigned; a class that can be may have members that its calls
// change.
template <class H>
consteval bool is_shareable() {
    if constexpr (std::is_pointer_v<H>)
        return true;
    else if constexpr (!std::is_trivially_copyable_v<H>)
        return false;
    else if constexpr (std::is_empty_v<H>)
        return true;
    else if constexpr (requires { &H::operator(); })
        return is_const_call<decltype(&H::operator())> && !std::is_copy_assignable_v<H>;
    else
        return false;
}

// A type-erased handler of two words. A trivially copyable callable of at most 8 bytes (no capture,
// or one pointer or reference) costs no allocation.
class Listener {
public:
    template <class F>
    static Listener of(F&& handler) {
        using Handler = std::decay_t<F>;
        static_assert(
            Callable<Handler>,
            "the types of this handler are not known: its body has an error of its own, or "
            "it takes auto or is overloaded; a handler of Socket.IO says what it takes, as "
            "in [](sio::Socket socket, std::string text)");
        if constexpr (Callable<Handler>)
            if constexpr (Signature<Handler>::check()) {
                if constexpr (Signature<Handler>::is_coroutine)
                    return make(CoroutineHandler<Handler>{
                        std::make_shared<Handler>(std::forward<F>(handler))});
                else
                    return make(std::forward<F>(handler));
            }
        return {};
    }

    Listener() noexcept = default;
    Listener(Listener&& other) noexcept
        : ops_(std::exchange(other.ops_, nullptr)), storage_(other.storage_) {}
    Listener& operator=(Listener&& other) noexcept {
        std::swap(ops_, other.ops_);
        std::swap(storage_, other.storage_);
        return *this;
    }
    ~Listener() {
        if (ops_ && ops_->destroy) ops_->destroy(storage_);
    }

    // Calls the handler, unless an argument does not fit. The call does not use the Listener,
    // because the handler may move or remove its own Listener; a removed handler is freed after the
    // call.
    class Call {
    public:
        ArgumentMismatch operator()(const Event& event) { return call_(&storage_, event); }

    private:
        friend class Listener;
        Call(ArgumentMismatch (*call)(void*, const Event&), void* storage) noexcept
            : call_(call), storage_(storage) {}
        ArgumentMismatch (*call_)(void* storage, const Event& event);
        void* storage_;
    };
    [[nodiscard]] Call prepare() const noexcept { return {ops_->call, storage_}; }
    ArgumentMismatch operator()(const Event& event) const { return prepare()(event); }

    // True: copy() works, and a copy does the same as this handler.
    [[nodiscard]] bool shareable() const noexcept { return ops_ && ops_->shareable; }
    [[nodiscard]] Listener copy() const {
        Listener made;
        made.storage_ = ops_->copy ? ops_->copy(storage_) : storage_;
        made.ops_ = ops_;
        return made;
    }
    // True: a shareable handler of the same function with equal captures.
    [[nodiscard]] bool same_as(const Listener& other) const noexcept {
        if (ops_ != other.ops_ || !shareable()) return false;
        const void* const mine = ops_->destroy ? storage_ : &storage_;
        const void* const others = ops_->destroy ? other.storage_ : &other.storage_;
        return std::memcmp(mine, others, ops_->state_bytes) == 0;
    }

private:
    template <class F>
    static Listener make(F&& handler);
    struct Ops {
        ArgumentMismatch (*call)(void* storage, const Event& event);
        void (*destroy)(void* heap);         // Null: the handler is in the storage itself.
        void* (*copy)(const void* storage);  // Null: the storage is copied, or nothing is.
        size_t state_bytes;                  // Of a shareable handler: what same_as() compares.
        bool shareable;
    };
    template <class H>
    static constexpr bool fits = sizeof(H) <= sizeof(void*) &&
                                 alignof(H) <= alignof(void*) && std::is_trivially_copyable_v<H>;
    template <class H>
    static constexpr size_t state_bytes = std::is_empty_v<H> ? 0 : sizeof(H);

    const Ops* ops_ = nullptr;
    void* storage_ = nullptr;
};
static_assert(sizeof(Listener) == 16);

template <class F>
Listener Listener::make(F&& handler) {
    using Handler = std::decay_t<F>;
    constexpr bool shared = is_shareable<Handler>();
    Listener listener;
    if constexpr (fits<Handler>) {
        new (&listener.storage_) Handler(std::forward<F>(handler));
        static constexpr Ops ops{[](void* storage, const Event& event) {
                                     return Signature<Handler>::call(
                                         *static_cast<Handler*>(storage), event);
                                 },
                                 nullptr, nullptr, state_bytes<Handler>, shared};
        listener.ops_ = &ops;
    } else {
        listener.storage_ = new Handler(std::forward<F>(handler));
        static constexpr Ops ops{
            [](void* storage, const Event& event) {
                return Signature<Handler>::call(**static_cast<Handler**>(storage), event);
            },
            [](void* handler_at) { delete static_cast<Handler*>(handler_at); },
            [](const void* handler_at) -> void* {
                if constexpr (shared) return new Handler(*static_cast<const Handler*>(handler_at));
                return nullptr;
            },
            state_bytes<Handler>, shared};
        listener.ops_ = &ops;
    }
    return listener;
}

}  // namespace starling::sio::detail
