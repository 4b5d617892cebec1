// <starling/socketio_socket.h>: the Socket.IO socket of the handlers: listeners, emits, rooms,
// acks. Included by <starling/socketio.h>.
#pragma once

#include <starling/async_callback.h>
#include <starling/socketio_flags.h>
#include <starling/socketio_listener.h>
#include <starling/socketio_options.h>

#include <chrono>
#include <cstdint>
#include <functional>
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
struct BroadcastProbe;
struct NamespaceSetup;
}  // namespace starling::socketio

namespace starling::client {
class SioSocket;
}

namespace starling::detail {
struct SioHome;
}

namespace starling::sio {

class Broadcast;
class Server;
class Emitter;
class Namespace;

// The timeout for a client's answer. In Node a broadcast without a timeout waits for ever.
inline constexpr std::chrono::milliseconds ack_timeout_default{10'000};

// One client's answer to emit_with_ack().
struct Answer {
    enum class Status : uint8_t {
        answered,
        timed_out,     // "operation has timed out"
        disconnected,  // The socket was gone, or left before its answer.
        // Over Options::pending_acks_max awaited answers; of a client: over
        // ClientOptions::buffered_events_max waiting events.
        refused,
    };
    Status status = Status::answered;
    boost::json::array args = {};

    explicit operator bool() const noexcept { return status == Status::answered; }
    // The answer's first argument; null if the answer has no argument.
    [[nodiscard]] Json value() const { return args.empty() ? Json() : args.front(); }
};

// The answers of a broadcast's clients: the first argument of each answer.
struct Answers {
    bool complete = true;  // False: timed out; the responses came before that.
    std::vector<Json> responses = {};
    size_t missing_nodes = 0;  // Nodes of a cluster that did not answer; see RemoteSockets.
};

using OnAnswer = Callback<void(const Answer&)>;
using OnAnswers = Callback<void(const Answers&)>;

// The request and the `auth` with which a client connected. A copy made for the caller.
struct Handshake {
    std::vector<std::pair<std::string, std::string>> headers;  // Names in lower case.
    std::vector<std::pair<std::string, std::string>> query;
    std::string url;
    std::string address;  // "192.0.2.7"
    std::string user;     // The logged-in user (Options::auth); "": no login.
    bool xdomain = false;
    bool secure = false;
    int64_t issued_ms = 0;  // Unix time.
    Json auth;              // From CONNECT; old clients: the namespace's query.

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
    // Arguments: see socketio_handler.h. A single argument may be a braced JSON object or array.
    // Throws std::invalid_argument for a reserved name ("connect", "disconnect", ...), for a name
    // longer than 255 bytes, and for JSON deeper than 128.
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
    // Sends each item of the list as one argument.
    void emit_list(std::string_view name, std::span<const Json> args) const {
        with_list([&](std::span<const Value> values) { self().emit_values(name, values); }, args);
    }
    void emit_list_with_ack(std::string_view name, std::span<const Json> args,
                            Callback<void(const Result&)> done) const {
        with_list(
            [&](std::span<const Value> values) {
                self().ask_values(name, values, std::move(done));
            },
            args);
    }

    // The last argument is the callback, which is called once, on a worker's thread.
    template <class... Args>
    requires EndsWithCallback<Result, Args...>
    void emit_with_ack(std::string_view name, Args&&... args) const {
        ask(name, std::forward_as_tuple(std::forward<Args>(args)...),
            std::make_index_sequence<sizeof...(Args) - 1>());
    }
    // Without a callback, the call returns a Future, for co_await in a coroutine, or for then().
    // Future::get() waits for the answer, but throws on a loop's thread.
    template <class... Args>
    requires(!EndsWithCallback<Result, Args...>)
        [[nodiscard]] Future<Result> emit_with_ack(std::string_view name,
                                                   const Args&... args) const {
        const auto promise = std::make_shared<Promise<Result>>();
        Future<Result> future = promise->future();
        with_values(
            [&](std::span<const Value> values) {
                self().ask_values(name, values,
                                  [promise](const Result& all) { promise->set_value(all); });
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

// A handle to a socket: cheap to copy, safe to keep, even after its Server is gone. The handle
// becomes null when the client leaves the namespace or the Server ends; every call on a null handle
// does nothing.
//
// Thread: any, except for methods marked "own thread": those work on the thread of the socket's
// worker (where its handlers run), and throw std::logic_error on other threads.
//
// to(), except() and local() address other sockets of the namespace, never this one; they have no
// effect once this socket is gone. volatile_(), compress() and timeout() set flags of one emit to
// this socket.
class Socket : public detail::Emits<Socket, Answer>,
               public detail::ReceiverCalls<Socket>,
               public detail::FlagCalls<Socket, Emitter> {
public:
    Socket() = default;

    // The socket's id, which is also the name of a room with this socket in it. "" once the socket
    // is gone.
    [[nodiscard]] std::string id() const;
    [[nodiscard]] bool connected() const;
    friend bool operator==(const Socket& a, const Socket& b) noexcept {
        return a.server_ == b.server_ && a.key_ == b.key_;
    }

    // ---- Listeners: own thread ------------------------------------------------------------------
    // `name` is an event of the client, or one of these: "disconnecting" (the socket is still in
    // its rooms) and "disconnect", each with the reason as argument; "error", with the message of a
    // packet middleware that refused an event. A small handler is copied for each call: the address
    // of a captured value itself ends with the call.
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
    // Catch-all listeners: called for every event, before the listeners of the event's name.
    using Any = Callback<void(std::string_view name, std::span<const Json> args)>;
    void on_any(Any call) const;
    void prepend_any(Any call) const;
    void off_any() const;
    // Called for every packet that is sent to this socket, including acks and volatile events.
    void on_any_outgoing(Any call) const;
    void off_any_outgoing() const;
    // Middleware per packet: an error stops the event before its listeners and calls those of
    // "error".
    using PacketMiddleware =
        std::function<std::optional<Error>(std::string_view name, std::span<const Json> args)>;
    void use(PacketMiddleware guard) const;

    // ---- Rooms ----------------------------------------------------------------------------------
    // A room's name has 1 to 255 bytes; calls with other names are ignored.
    void join(std::string_view room) const;
    void leave(std::string_view room) const;
    [[nodiscard]] std::vector<std::string> rooms() const;  // Own thread. Includes the id.

    [[nodiscard]] Broadcast broadcast() const;  // All other sockets of the namespace.

    // Runs `call` on the socket's worker, after the handler that runs there now, if the socket is
    // still connected then. `call` takes the Socket, or nothing. An exception of `call`, or of its
    // coroutine, ends the client's connection, like an exception of a handler. False: `call` was
    // dropped, because the socket is gone or 64 MiB are on their way to its worker (a call counts
    // as 1 KiB). If the worker ends first, `call` is dropped too.
    bool post(Callback<void(Socket)> call) const;
    template <class F>
    requires std::is_invocable_v < std::decay_t<F>
    & > bool post(F&& call) const;

    // Leaves the namespace. `close`: also ends the client's connection with all its namespaces.
    void disconnect(bool close = false) const;

    // ---- About it -------------------------------------------------------------------------------
    [[nodiscard]] std::string nsp() const;   // "/admin"
    [[nodiscard]] std::string user() const;  // The logged-in user, see Options::auth; or "".
    // Own thread, from here on.
    [[nodiscard]] Handshake handshake() const;
    [[nodiscard]] bool recovered() const;         // See Options::connection_state_recovery.
    [[nodiscard]] std::string transport() const;  // "polling" or "websocket".
    // JSON for the application's use. fetch_sockets() shows this JSON, and recovery restores it.
    // Throws std::logic_error also if the socket is gone.
    [[nodiscard]] Json& data() const;
    // Stores one object of the application, which is freed with the socket. Throws as data() does.
    template <class T, class... Args>
    T& emplace_data(Args&&... args) const {
        auto data = std::make_shared<T>(T{std::forward<Args>(args)...});
        T& value = *data;
        set_object(std::move(data), &object_tag<T>);
        return value;
    }
    template <class T>  // Null: no object, or an object of another type.
    [[nodiscard]] T* data_as() const {
        return static_cast<T*>(get_object(&object_tag<T>));
    }

private:
    friend class Ack;
    friend class Broadcast;
    friend class Emitter;
    friend class socketio::Server;
    friend class socketio::Socket;
    friend class detail::Emits<Socket, Answer>;
    friend struct starling::detail::SioHome;
    template <class T>
    static constexpr char object_tag = 0;  // The variable's address identifies the type T.

    Socket(base::Lifetime<socketio::Server>& server, uint64_t key) noexcept
        : server_(&server), key_(key) {}
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const;
    void emit_flagged(std::string_view name, std::span<const Value> values,
                      const detail::Flags& flags, OnAnswer done) const;
    void add_listener(std::string_view name, detail::Listener listener, bool once) const;
    void set_object(std::shared_ptr<void> object, const void* tag) const;
    [[nodiscard]] void* get_object(const void* tag) const;
    [[nodiscard]] socketio::Socket* here() const;  // Null on other threads.
    [[nodiscard]] socketio::Socket* own(const char* what) const;
    template <class F>
    void run(F&& call) const;
    template <class F>
    auto read(F&& call) const -> decltype(call(std::declval<const socketio::Socket&>()));

    base::Lifetime<socketio::Server>* server_ = nullptr;
    uint64_t key_ = 0;  // Slot and generation.
};

// One emit of a socket with flags: socket.volatile_().emit(...),
// socket.timeout(5s).emit_with_ack(...). Its to(), except() and local() keep the flags.
class Emitter : public detail::Emits<Emitter, Answer>,
                public detail::ReceiverCalls<Emitter>,
                public detail::FlagCalls<Emitter, Emitter> {
    friend class Broadcast;
    friend struct socketio::BroadcastProbe;
    template <class Derived, class Result>
    friend class detail::FlagCalls;
    friend class detail::Emits<Emitter, Answer>;
    explicit Emitter(const Socket& socket) noexcept : socket_(socket) {}
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const;

    [[nodiscard]] static Emitter from(const Socket& socket) noexcept { return Emitter(socket); }
    [[nodiscard]] static Emitter from(const Emitter& other) noexcept { return other; }
    [[nodiscard]] detail::Flags& flags() noexcept { return flags_; }

    Socket socket_;
    detail::Flags flags_;
};

// Answers an event once, at any time, from any thread: ack("ok"), ack(1, json). Copies share one
// ack.
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
    void list(std::span<const Json> args) const {  // Each item is one argument.
        detail::with_list([&](std::span<const Value> values) { send(values); }, args);
    }

private:
    friend class socketio::Server;
    friend class socketio::Socket;
    friend class client::SioSocket;
    using Sink = std::function<void(boost::json::array)>;
    Ack(const Socket& socket, uint64_t id) noexcept : socket_(socket), id_(id), wanted_(true) {}
    explicit Ack(std::shared_ptr<const Sink> sink) noexcept
        : sink_(std::move(sink)), wanted_(true) {}
    void send(std::span<const Value> values) const;

    Socket socket_;
    uint64_t id_ = 0;
    std::shared_ptr<const Sink> sink_;  // Set for a server-side event's ack.
    bool wanted_ = false;
};

template <class A>
void detail::answer(const Event& event, A&& value) {
    if (event.ack) event.ack(value);
}

}  // namespace starling::sio
