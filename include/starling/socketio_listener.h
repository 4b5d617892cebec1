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

// True for a function, a lambda without captures, and a lambda whose captures are one plain value,
// pointer or reference of at most 8 bytes. The handler lies in the Listener itself, and a call runs
// on a copy of these bytes. So no call changes them, two such handlers with equal bytes do the same,
// and sockets whose application registered the same handlers can share them. Any other handler lies
// on the heap and is never shared: its calls may change it, also as a member that is `mutable`.
// A lambda with captures cannot be assigned; a class that can be may have such members.
template <class H>
consteval bool is_shareable() {
    if constexpr (std::is_pointer_v<H>)
        return true;
    else if constexpr (!std::is_trivially_copyable_v<H> || sizeof(H) > sizeof(void*) ||
                       alignof(H) > alignof(void*))
        return false;
    else if constexpr (std::is_empty_v<H>)
        return true;
    else if constexpr (requires { &H::operator(); })
        return is_const_call<decltype(&H::operator())> && !std::is_copy_assignable_v<H>;
    else
        return false;
}

// A type-erased handler of two words. A shareable handler costs no allocation.
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

    // True: copy() may be called, and a copy does the same as this handler.
    [[nodiscard]] bool shareable() const noexcept { return ops_ && !ops_->destroy; }
    // Only of a shareable handler.
    [[nodiscard]] Listener copy() const noexcept {
        Listener made;
        made.storage_ = storage_;
        made.ops_ = ops_;
        return made;
    }
    // True: a shareable handler of the same function with equal captures.
    [[nodiscard]] bool same_as(const Listener& other) const noexcept {
        if (ops_ != other.ops_ || !shareable()) return false;
        const void* const mine = &storage_;
        const void* const others = &other.storage_;
        return std::memcmp(mine, others, ops_->state_bytes) == 0;
    }

private:
    template <class F>
    static Listener make(F&& handler);
    struct Ops {
        ArgumentMismatch (*call)(void* storage, const Event& event);
        void (*destroy)(void* heap);  // Null: the handler is shareable, and in the storage itself.
        size_t state_bytes;           // Of a shareable handler: what same_as() compares.
    };
    template <class H>
    static constexpr size_t state_bytes = std::is_empty_v<H> ? 0 : sizeof(H);

    const Ops* ops_ = nullptr;
    void* storage_ = nullptr;
};
static_assert(sizeof(Listener) == 16);

template <class F>
Listener Listener::make(F&& handler) {
    using Handler = std::decay_t<F>;
    Listener listener;
    if constexpr (is_shareable<Handler>()) {
        new (&listener.storage_) Handler(std::forward<F>(handler));
        static constexpr Ops ops{[](void* storage, const Event& event) {
                                     return Signature<Handler>::call(
                                         *static_cast<Handler*>(storage), event);
                                 },
                                 nullptr, state_bytes<Handler>};
        listener.ops_ = &ops;
    } else {
        listener.storage_ = new Handler(std::forward<F>(handler));
        static constexpr Ops ops{
            [](void* storage, const Event& event) {
                return Signature<Handler>::call(**static_cast<Handler**>(storage), event);
            },
            [](void* handler_at) { delete static_cast<Handler*>(handler_at); }, 0};
        listener.ops_ = &ops;
    }
    return listener;
}

}  // namespace starling::sio::detail
