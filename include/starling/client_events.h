// <starling/client_events.h>: the events of a client's WebSocket, and what can handle them.
//
// Thread: the loop's. The views of an event end with the call that gets the event.
#pragma once

#include <starling/websocket.h>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace starling::client {
class ReconnectCore;
class SocketCore;
}  // namespace starling::client

namespace starling {

class ReconnectingWebSocket;
class WebSocket;

struct OpenEvent {};

class MessageEvent {
public:
    explicit MessageEvent(ws::Message data) noexcept : data_(data) {}
    [[nodiscard]] bool is_binary() const noexcept { return data_.is_binary(); }
    [[nodiscard]] std::string_view text() const noexcept { return data_.text(); }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return data_.bytes(); }
    [[nodiscard]] ws::Message data() const noexcept { return data_; }

private:
    ws::Message data_;
};

// A close event with 1006 follows.
struct ErrorEvent {
    std::string_view message;  // For people.
    int status = 0;  // HTTP status, if the server answered the handshake with one; else 0.
    std::string_view body = {};  // The first 1 KiB of the body of that answer.
};

struct CloseEvent {
    uint16_t code = 1006;     // 1005: the server's close frame had none; 1006: there was none.
    std::string_view reason;  // Of the server's close frame.
    bool was_clean = false;   // The closing handshake was complete.
};

// Beyond browsers; for add_event_listener() alone. "ping": the server pings, and its pong is on the way.
struct PingEvent {
    std::string_view payload;
};
// "pong": the server's answer to a ping of ping(), or of the heartbeat.
struct PongEvent {
    std::string_view payload;
    // Of a ping without a payload of its own, and of the heartbeat's.
    std::optional<std::chrono::milliseconds> round_trip = {};
};
// "drain": the kernel has taken everything that was sent; buffered_amount() is 0 again.
struct DrainEvent {};

// Defined in <starling/client_reconnect.h>.
struct LostEvent;

namespace detail {

// A WebSocket has an on... attribute for each of the first four.
enum class EventType : uint8_t { open, message, error, close, ping, pong, drain, lost };
inline constexpr size_t event_types = 8;

template <class Event>
inline constexpr EventType event_type = EventType::open;
template <>
inline constexpr EventType event_type<MessageEvent> = EventType::message;
template <>
inline constexpr EventType event_type<ErrorEvent> = EventType::error;
template <>
inline constexpr EventType event_type<CloseEvent> = EventType::close;
template <>
inline constexpr EventType event_type<PingEvent> = EventType::ping;
template <>
inline constexpr EventType event_type<PongEvent> = EventType::pong;
template <>
inline constexpr EventType event_type<DrainEvent> = EventType::drain;
template <>
inline constexpr EventType event_type<LostEvent> = EventType::lost;

// A callable that gets the address of an event, in two words: a small, trivial one is kept in place, any
// other on the heap.
class Callback {
public:
    Callback() noexcept = default;
    template <class F>
    [[nodiscard]] static Callback of(F f) {
        Callback made;
        if constexpr (is_small<F>)
            ::new (static_cast<void*>(made.store_)) F(std::move(f));
        else
            ::new (static_cast<void*>(made.store_)) F*(new F(std::move(f)));
        made.run_ = &run<F>;
        return made;
    }
    Callback(Callback&& other) noexcept { swap(other); }
    Callback& operator=(Callback&& other) noexcept {
        Callback(std::move(other)).swap(*this);  // The old one ends when the new one is in place.
        return *this;
    }
    ~Callback() {
        if (run_) run_(store_, nullptr);
    }
    void operator()(const void* event) { run_(store_, event); }
    explicit operator bool() const noexcept { return run_ != nullptr; }

private:
    using Store = std::byte[sizeof(void*)];
    template <class F>
    static constexpr bool is_small =
        sizeof(F) <= sizeof(Store) && alignof(F) <= alignof(void*) &&
        std::is_trivially_copyable_v<F>&& std::is_trivially_destructible_v<F>;

    // Without an event destroys the callable.
    template <class F>
    static void run(std::byte* store, const void* event) {
        if constexpr (is_small<F>) {
            if (event) (*std::launder(reinterpret_cast<F*>(store)))(event);
        } else {
            F* const f = *std::launder(reinterpret_cast<F**>(store));
            if (event)
                (*f)(event);
            else
                delete f;
        }
    }
    void swap(Callback& other) noexcept {
        std::swap(run_, other.run_);
        std::swap(store_, other.store_);
    }

    void (*run_)(std::byte*, const void*) = nullptr;
    alignas(void*) Store store_{};
};
static_assert(sizeof(Callback) == 16, "part of the 400 bytes that an idle connection may cost");

// A callable without the type of its event.
struct AnyListener {
    Callback call;
    std::array<bool, event_types> takes{};  // By EventType.
};

inline constexpr std::array<bool, event_types> takes_all = [] {
    std::array<bool, event_types> takes{};
    takes.fill(true);
    return takes;
}();
[[nodiscard]] constexpr std::array<bool, event_types> takes_one(EventType type) noexcept {
    std::array<bool, event_types> takes{};
    takes[static_cast<size_t>(type)] = true;
    return takes;
}

template <class F>
[[nodiscard]] bool is_null(const F& f) {
    if constexpr (std::is_constructible_v<bool, const F&>) return !static_cast<bool>(f);
    return false;
}

template <class Event, class F>
[[nodiscard]] Callback wrap_for(F f) {
    if (is_null(f)) return {};
    if constexpr (std::is_invocable_v<F&, const Event&>)
        return Callback::of([f = std::move(f)](const void* event) mutable {
            f(*static_cast<const Event*>(event));
        });
    else
        return Callback::of([f = std::move(f)](const void*) mutable { f(); });
}

template <class Event, class F>
[[nodiscard]] AnyListener wrap_one(F f) {
    return {wrap_for<Event>(std::move(f)), takes_one(event_type<Event>)};
}

template <class F>
[[nodiscard]] AnyListener wrap_listener(F f) {
    if (is_null(f)) return {{}, takes_all};
    if constexpr (std::is_invocable_v<F&>)
        return {Callback::of([f = std::move(f)](const void*) mutable { f(); }), takes_all};
    else if constexpr (std::is_invocable_v<F&, const MessageEvent&>)
        return wrap_one<MessageEvent>(std::move(f));
    else if constexpr (std::is_invocable_v<F&, const CloseEvent&>)
        return wrap_one<CloseEvent>(std::move(f));
    else if constexpr (std::is_invocable_v<F&, const ErrorEvent&>)
        return wrap_one<ErrorEvent>(std::move(f));
    else if constexpr (std::is_invocable_v<F&, const PingEvent&>)
        return wrap_one<PingEvent>(std::move(f));
    else if constexpr (std::is_invocable_v<F&, const PongEvent&>)
        return wrap_one<PongEvent>(std::move(f));
    else if constexpr (std::is_invocable_v<F&, const DrainEvent&>)
        return wrap_one<DrainEvent>(std::move(f));
    else {
        static_assert(std::is_invocable_v<F&, const OpenEvent&>,
                      "a listener takes an event of a WebSocket, or nothing");
        return wrap_one<OpenEvent>(std::move(f));
    }
}

void set_handler(client::SocketCore& core, EventType type, Callback call);
void set_handler(client::ReconnectCore& core, EventType type, Callback call);
[[nodiscard]] bool has_handler(const client::SocketCore& core, EventType type) noexcept;
[[nodiscard]] bool has_handler(const client::ReconnectCore& core, EventType type) noexcept;

}  // namespace detail

// An event handler attribute: socket.onmessage = [](const MessageEvent&) {...}.
template <class Event, class Core = client::SocketCore>
class EventHandler {
public:
    EventHandler(const EventHandler&) = delete;
    EventHandler& operator=(const EventHandler&) = delete;

    template <class F>
    requires std::is_invocable_v<F&, const Event&> || std::is_invocable_v<F&> EventHandler&
    operator=(F handler) {
        detail::set_handler(*core_, detail::event_type<Event>,
                            detail::wrap_for<Event>(std::move(handler)));
        return *this;
    }
    EventHandler& operator=(std::nullptr_t) {
        detail::set_handler(*core_, detail::event_type<Event>, {});
        return *this;
    }
    [[nodiscard]] explicit operator bool() const noexcept {
        return detail::has_handler(*core_, detail::event_type<Event>);
    }

private:
    friend class ReconnectingWebSocket;
    friend class WebSocket;
    explicit EventHandler(Core& core) noexcept : core_(&core) {}
    Core* core_;
};

}  // namespace starling
