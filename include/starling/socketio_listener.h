// <starling/socketio_listener.h>: a handler of any type, as the listeners of an event keep it.
// Included by <starling/socketio_socket.h>.
#pragma once

#include <starling/socketio_handler.h>

#include <array>
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

inline constexpr size_t captures_bytes_max = 16;

// True for a function, a lambda without captures, and a lambda whose captures are plain values,
// pointers or references of at most captures_bytes_max bytes. Such a handler lies in the Listener
// itself. Two handlers of one type with equal bytes do the same, so sockets whose application
// registered the same handlers can share them. Any other handler lies on the heap and is never
// shared, because its calls may change it: a lambda that is `mutable`, and an object of a class
// that can be assigned, which a lambda with captures cannot. An object that a lambda captures may
// still have a member that is `mutable`; see Listener::Call::changed().
template <class H>
consteval bool is_shareable() {
    if constexpr (std::is_pointer_v<H>)
        return true;
    else if constexpr (!std::is_trivially_copyable_v<H> || sizeof(H) > captures_bytes_max ||
                       alignof(H) > alignof(void*))
        return false;
    else if constexpr (requires { &H::operator(); })
        return std::is_empty_v<H> ||
               (is_const_call<decltype(&H::operator())> && !std::is_copy_assignable_v<H>);
    else
        return std::is_empty_v<H>;
}

// A type-erased handler of three words. A shareable handler costs no allocation.
class Listener {
    // A shareable handler, with zeros behind it; else a pointer to the handler.
    struct alignas(void*) Storage {
        std::array<std::byte, captures_bytes_max> bytes{};
        friend bool operator==(const Storage& a, const Storage& b) noexcept {
            return std::memcmp(a.bytes.data(), b.bytes.data(), captures_bytes_max) == 0;
        }
    };
    struct Ops {
        ArgumentMismatch (*call)(void* storage, const Event& event);
        void (*destroy)(void* storage);  // Null: the handler is shareable.
    };

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
        if (ops_ && ops_->destroy) ops_->destroy(&storage_);
    }

    // Calls the handler, unless an argument does not fit. The Listener stays where it is meanwhile.
    ArgumentMismatch operator()(const Event& event) const { return ops_->call(&storage_, event); }

    // A call that does not use the Listener, because the handler may move or remove its own
    // Listener; a removed handler is freed after the call. A shareable handler is copied, so a
    // reference to a value that it captured ends with the call.
    class Call {
    public:
        ArgumentMismatch operator()(const Event& event) { return ops_->call(&storage_, event); }
        // True: the call changed the copy, which is to be given to Listener::keep(). If the handler
        // called itself meanwhile, the change of the outer call replaces that of the inner one.
        [[nodiscard]] bool changed() const noexcept { return !(storage_ == before_); }

    private:
        friend class Listener;
        Call(const Ops* ops, const Storage& storage) noexcept
            : ops_(ops), storage_(storage), before_(storage) {}
        const Ops* ops_;
        Storage storage_;
        const Storage before_;
    };
    [[nodiscard]] Call prepare() const noexcept { return {ops_, storage_}; }
    void keep(const Call& call) noexcept { storage_ = call.storage_; }

    // True: copy() may be called, and a copy does the same as this handler.
    [[nodiscard]] bool shareable() const noexcept { return ops_ && !ops_->destroy; }
    // Only of a shareable handler.
    [[nodiscard]] Listener copy() const noexcept {
        Listener made;
        made.storage_ = storage_;
        made.ops_ = ops_;
        return made;
    }
    // True: a shareable handler of the same type with equal captures. Bytes between the captures
    // may differ at random; then two equal handlers are not the same.
    [[nodiscard]] bool same_as(const Listener& other) const noexcept {
        return ops_ == other.ops_ && shareable() && storage_ == other.storage_;
    }

private:
    template <class F>
    static Listener make(F&& handler);

    const Ops* ops_ = nullptr;
    mutable Storage storage_;
};
static_assert(sizeof(Listener) == 24);

template <class F>
Listener Listener::make(F&& handler) {
    using Handler = std::decay_t<F>;
    Listener listener;
    if constexpr (is_shareable<Handler>()) {
        // The byte of a handler without captures is not written.
        if constexpr (!std::is_empty_v<Handler>)
            new (&listener.storage_) Handler(std::forward<F>(handler));
        static constexpr Ops ops{[](void* storage, const Event& event) {
                                     return Signature<Handler>::call(
                                         *static_cast<Handler*>(storage), event);
                                 },
                                 nullptr};
        listener.ops_ = &ops;
    } else {
        new (&listener.storage_) Handler*(new Handler(std::forward<F>(handler)));
        static constexpr Ops ops{[](void* storage, const Event& event) {
                                     return Signature<Handler>::call(
                                         **static_cast<Handler**>(storage), event);
                                 },
                                 [](void* storage) { delete *static_cast<Handler**>(storage); }};
        listener.ops_ = &ops;
    }
    return listener;
}

}  // namespace starling::sio::detail
