// <starling/socketio_socket.h>: a socket of Socket.IO, as handlers see it: listening, sending, rooms, acks.
// Included by <starling/socketio.h>.
#pragma once

#include <starling/socketio_handler.h>
#include <starling/socketio_options.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace starling::base {
template <class T>
class Lifetime;
}
namespace starling::socketio {
class Adapter;
class Server;
class Socket;
struct Flags;
struct NamespaceSetup;
}  // namespace starling::socketio

namespace starling::sio {

class Broadcast;
class Server;
class Emitter;
class Namespace;

// How long a client has to answer; a broadcast in Node waits for ever where none is given.
inline constexpr std::chrono::milliseconds ack_timeout_default{10'000};

// What one client answered to emit_with_ack().
struct Answer {
    enum class Status : uint8_t {
        answered,
        timed_out,     // "operation has timed out"
        disconnected,  // The socket left before, or was gone already.
        refused,       // Too many answers of this socket are awaited (Options::pending_acks_max).
    };
    Status status = Status::answered;
    boost::json::array args = {};

    explicit operator bool() const noexcept { return status == Status::answered; }
    // The first argument; null where there is none.
    [[nodiscard]] Json value() const { return args.empty() ? Json() : args.front(); }
};

// What the clients of a broadcast answered: the first argument of each.
struct Answers {
    bool complete = true;  // False: "operation has timed out"; the responses are those until then.
    std::vector<Json> responses = {};
};

using OnAnswer = std::function<void(const Answer&)>;
using OnAnswers = std::function<void(const Answers&)>;

// What a client sent when it connected. Own it: it is made for the caller.
struct Handshake {
    std::vector<std::pair<std::string, std::string>> headers;  // Names in lower case.
    std::vector<std::pair<std::string, std::string>> query;
    std::string url;
    std::string address;  // "192.0.2.7"
    std::string user;     // Options::auth: who logged in; "" for nobody.
    bool xdomain = false;
    bool secure = false;
    int64_t issued_ms = 0;  // Unix time.
    Json auth;              // Of the CONNECT packet; of old clients: the query of the namespace.

    [[nodiscard]] std::string time() const;  // "Sat, 21 Nov 2026 12:00:00 GMT"
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
    [[nodiscard]] std::string_view query_value(std::string_view name) const noexcept;
};

namespace detail {

template <class... Args>
struct LastOf {
    using type = void;
};
template <class First, class... Rest>
struct LastOf<First, Rest...> {
    using type = typename LastOf<Rest...>::type;
};
template <class Only>
struct LastOf<Only> {
    using type = std::remove_cvref_t<Only>;
};
// The last argument of emit_with_ack() is its callback.
template <class Result, class... Args>
concept EndsWithCallback =
    sizeof...(Args) > 0 && std::is_invocable_v<typename LastOf<Args...>::type, const Result&>;

// emit() in all its forms, on top of Derived::emit_values() and Derived::ask_values().
template <class Derived, class Result>
class Emits {
public:
    // Arguments: see socketio_handler.h; one alone may be a braced JSON object or array.
    // Throws std::invalid_argument for a reserved name ("connect", "disconnect", ...), one that is
    // longer than 255 bytes, and JSON deeper than 128.
    template <class... Args>
    void emit(std::string_view name, const Args&... args) const {
        with_values([&](std::span<const Value> values) { self().emit_values(name, values); },
                    args...);
    }
    void emit(std::string_view name, const Json& value) const {
        const Value values[]{Value(value)};
        self().emit_values(name, values);
    }
    template <class... Args>
    void send(const Args&... args) const {  // emit("message", ...)
        emit("message", args...);
    }
    void send(const Json& value) const { emit("message", value); }
    // With a list of arguments, each an argument of its own.
    void emit_list(std::string_view name, std::span<const Json> args) const {
        with_list([&](std::span<const Value> values) { self().emit_values(name, values); }, args);
    }
    void emit_list_with_ack(std::string_view name, std::span<const Json> args,
                            std::function<void(const Result&)> done) const {
        with_list(
            [&](std::span<const Value> values) {
                self().ask_values(name, values, std::move(done));
            },
            args);
    }

    // With a callback as last argument: it is called once, on a worker's thread.
    template <class... Args>
    requires EndsWithCallback<Result, Args...>
    void emit_with_ack(std::string_view name, Args&&... args) const {
        ask(name, std::forward_as_tuple(std::forward<Args>(args)...),
            std::make_index_sequence<sizeof...(Args) - 1>());
    }
    // Without: a future. Never wait for it in a handler: the answer comes on that very thread.
    template <class... Args>
    requires(!EndsWithCallback<Result, Args...>)
        [[nodiscard]] std::future<Result> emit_with_ack(std::string_view name,
                                                        const Args&... args) const {
        auto promise = std::make_shared<std::promise<Result>>();
        auto future = promise->get_future();
        with_values(
            [&](std::span<const Value> values) {
                self().ask_values(name, values, [promise = std::move(promise)](const Result& all) {
                    promise->set_value(all);
                });
            },
            args...);
        return future;
    }

private:
    [[nodiscard]] const Derived& self() const noexcept {
        return static_cast<const Derived&>(*this);
    }
    template <class Tuple, size_t... I>
    void ask(std::string_view name, Tuple&& all, std::index_sequence<I...>) const {
        with_values(
            [&](std::span<const Value> values) {
                self().ask_values(name, values, std::get<sizeof...(I)>(all));
            },
            std::get<I>(all)...);
    }
};

}  // namespace detail

// A handle: small, free to copy, safe to keep, also longer than its Server. It goes null when the client leaves
// the namespace or the Server is gone; every call on a null handle does nothing.
//
// Thread: any, unless it says "own thread": that works on the socket's worker, in its handlers say, and throws
// std::logic_error elsewhere.
class Socket : public detail::Emits<Socket, Answer> {
public:
    Socket() = default;

    // Every socket is in the room of its id. "" once it is gone.
    [[nodiscard]] std::string id() const;
    [[nodiscard]] bool connected() const;
    friend bool operator==(const Socket& a, const Socket& b) noexcept {
        return a.server_ == b.server_ && a.key_ == b.key_;
    }

    // ---- Listeners: own thread ------------------------------------------------------------------
    // Also of "disconnecting" (its rooms are still there) and "disconnect", with the reason as
    // argument, and of "error", with the message of what a packet's middleware refused.
    template <class F>
    void on(std::string_view name, F&& handler) const {
        add_listener(name, detail::Listener::of(std::forward<F>(handler)), false);
    }
    template <class F>
    void once(std::string_view name, F&& handler) const {
        add_listener(name, detail::Listener::of(std::forward<F>(handler)), true);
    }
    void off(std::string_view name) const;  // All listeners of that event.
    void off() const;                       // All.
    // Before the listeners of an event, whatever its name.
    using Any = std::function<void(std::string_view name, std::span<const Json> args)>;
    void on_any(Any call) const;
    void prepend_any(Any call) const;
    void off_any() const;
    // Of what is sent to this socket, acks and volatile events included.
    void on_any_outgoing(Any call) const;
    void off_any_outgoing() const;
    // Middleware per packet: an error keeps the event from its listeners and goes to "error".
    using PacketMiddleware =
        std::function<std::optional<Error>(std::string_view name, std::span<const Json> args)>;
    void use(PacketMiddleware guard) const;

    // ---- Rooms ------------------------------------------------------------------------------------
    // A room's name has 1 to 255 bytes; others are ignored.
    void join(std::string_view room) const;
    void leave(std::string_view room) const;
    [[nodiscard]] std::vector<std::string> rooms() const;  // Own thread. With the id.

    // ---- To others: nobody, once the socket is gone ---------------------------------------------------
    // To everyone in the room but this socket.
    [[nodiscard]] Broadcast to(std::string_view room) const;
    [[nodiscard]] Broadcast to(std::vector<std::string> rooms) const;
    [[nodiscard]] Broadcast except(std::string_view room) const;
    [[nodiscard]] Broadcast broadcast() const;  // To everyone else in the namespace.
    [[nodiscard]] Broadcast local() const;      // Of this process.

    // ---- With flags, for one emit -------------------------------------------------------------------
    [[nodiscard]] Emitter volatile_() const;  // Dropped where it cannot be sent at once.
    [[nodiscard]] Emitter compress(bool on) const;
    [[nodiscard]] Emitter timeout(std::chrono::milliseconds ack_timeout) const;

    // Leaves the namespace; `close`: and ends the connection below with all its namespaces.
    void disconnect(bool close = false) const;

    // ---- About it ---------------------------------------------------------------------------------
    [[nodiscard]] std::string nsp() const;   // "/admin"
    [[nodiscard]] std::string user() const;  // Who logged in, see Options::auth; "" for nobody.
    // Own thread, from here on.
    [[nodiscard]] Handshake handshake() const;
    [[nodiscard]] bool recovered() const;         // See Options::connection_state_recovery.
    [[nodiscard]] std::string transport() const;  // "polling" or "websocket".
    // Any JSON of the application's: fetch_sockets() shows it, recovery brings it back. Throws
    // std::logic_error where the socket is gone, too.
    [[nodiscard]] Json& data() const;
    // One object of the application's, freed with the socket. Throws likewise.
    template <class T, class... Args>
    T& emplace_data(Args&&... args) const {
        auto data = std::make_shared<T>(T{std::forward<Args>(args)...});
        T& value = *data;
        set_object(std::move(data), &object_tag<T>);
        return value;
    }
    template <class T>  // Null where there is none, or one of another type.
    [[nodiscard]] T* data_as() const {
        return static_cast<T*>(get_object(&object_tag<T>));
    }

private:
    friend class Ack;
    friend class Emitter;
    friend class socketio::Server;
    friend class socketio::Socket;
    friend class detail::Emits<Socket, Answer>;
    template <class T>
    static constexpr char object_tag = 0;  // Its address names the type.

    Socket(base::Lifetime<socketio::Server>& server, uint64_t key) noexcept
        : server_(&server), key_(key) {}
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const;
    void emit_flagged(std::string_view name, std::span<const Value> values,
                      const socketio::Flags& flags, OnAnswer done) const;
    void add_listener(std::string_view name, detail::Listener listener, bool once) const;
    void set_object(std::shared_ptr<void> object, const void* tag) const;
    [[nodiscard]] void* get_object(const void* tag) const;
    [[nodiscard]] socketio::Socket* here() const;  // Null off its thread.
    [[nodiscard]] socketio::Socket* own(const char* what) const;
    template <class F>
    void run(F&& call) const;
    template <class F>
    auto read(F&& call) const -> decltype(call(std::declval<const socketio::Socket&>()));

    base::Lifetime<socketio::Server>* server_ = nullptr;
    uint64_t key_ = 0;  // Slot and generation.
};

// One emit of a socket with flags: socket.volatile_().emit(...), socket.timeout(5s).emit_with_ack(...).
class Emitter : public detail::Emits<Emitter, Answer> {
public:
    [[nodiscard]] Emitter volatile_() const;
    [[nodiscard]] Emitter compress(bool on) const;
    [[nodiscard]] Emitter timeout(std::chrono::milliseconds ack_timeout) const;

private:
    friend class Socket;
    friend class detail::Emits<Emitter, Answer>;
    explicit Emitter(const Socket& socket) noexcept : socket_(socket) {}
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const;

    Socket socket_;
    bool volatile_flag_ = false, compress_flag_ = true;
    std::chrono::milliseconds timeout_{0};  // 0: the default.
};

// Answers an event once, at any time, from any thread: ack("ok"), ack(1, json). A copy is the same ack.
class Ack {
public:
    Ack() = default;
    explicit operator bool() const noexcept { return wanted_; }  // The client asked for one.
    template <class... Args>
    void operator()(const Args&... args) const {
        detail::with_values([&](std::span<const Value> values) { send(values); }, args...);
    }
    void operator()(const Json& value) const {  // Also a braced object or array.
        const Value values[]{Value(value)};
        send(values);
    }
    void list(std::span<const Json> args) const {  // Each an argument of its own.
        detail::with_list([&](std::span<const Value> values) { send(values); }, args);
    }

private:
    friend class socketio::Server;
    friend class socketio::Socket;
    using Sink = std::function<void(boost::json::array)>;
    Ack(const Socket& socket, uint64_t id) noexcept : socket_(socket), id_(id), wanted_(true) {}
    explicit Ack(std::shared_ptr<const Sink> sink) noexcept
        : sink_(std::move(sink)), wanted_(true) {}
    void send(std::span<const Value> values) const;

    Socket socket_;
    uint64_t id_ = 0;
    std::shared_ptr<const Sink> sink_;  // Of another server, rather than of a client.
    bool wanted_ = false;
};

template <class A>
void detail::answer(const Event& event, A&& value) {
    if (event.ack) event.ack(value);
}

}  // namespace starling::sio
