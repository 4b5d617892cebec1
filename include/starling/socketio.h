// <starling/socketio.h>: a Socket.IO server for clients 1.4 to 4.x, with the API of Node's.
//
//     auto& io = server.socketio();              // /socket.io/
//     io.on_connection([&io](sio::Socket socket) {
//         socket.emit("news", {{"hello", "world"}});
//         socket.on("private message", [&io](sio::Socket from, std::string to, std::string text) {
//             io.to(to).emit("private message", from.id(), text);
//         });
//         socket.on("sum", [](int a, int b) { return a + b; });  // The return value is the ack.
//     });
//
// Handlers run on the worker of their socket, one after the other for one socket, at the same time for
// sockets of different workers. A handler that throws costs its own client the connection. See
// docs/socketio.md.
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

namespace starling::socketio {
class Core;
class Family;
class Socket;
struct Flags;
struct Registry;
}  // namespace starling::socketio

namespace starling::sio {

class Broadcast;
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

// A handle: small, free to copy, safe to keep. It goes null when the client leaves the namespace; every
// call on a null handle does nothing. The Server must outlive its handles.
//
// Thread: any, unless it says "own thread": those work in handlers of this socket alone.
class Socket : public detail::Emits<Socket, Answer> {
public:
    Socket() = default;

    // Every socket is in the room of its id. Own thread; "" elsewhere, and once it is gone.
    [[nodiscard]] std::string id() const;
    [[nodiscard]] bool connected() const;
    friend bool operator==(const Socket& a, const Socket& b) noexcept {
        return a.core_ == b.core_ && a.key_ == b.key_;
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
    using PacketGuard =
        std::function<std::optional<Error>(std::string_view name, std::span<const Json> args)>;
    void use(PacketGuard guard) const;

    // ---- Rooms ------------------------------------------------------------------------------------
    // A room's name has 1 to 255 bytes; others are ignored.
    void join(std::string_view room) const;
    void leave(std::string_view room) const;
    [[nodiscard]] std::vector<std::string> rooms() const;  // Own thread. With the id.

    // ---- To others ----------------------------------------------------------------------------------
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

    // ---- About it: own thread ---------------------------------------------------------------------
    [[nodiscard]] Handshake handshake() const;
    [[nodiscard]] bool recovered() const;  // See Options::connection_state_recovery.
    [[nodiscard]] std::string nsp() const;  // "/admin"
    [[nodiscard]] std::string user() const;  // Who logged in, see Options::auth; "" for nobody.
    [[nodiscard]] std::string transport() const;  // "polling" or "websocket".
    // Any JSON of the application's: fetch_sockets() shows it, recovery brings it back. Throws
    // std::logic_error where the socket is gone or belongs to another thread.
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
    friend class socketio::Core;
    friend class socketio::Socket;
    friend class detail::Emits<Socket, Answer>;
    template <class T>
    static constexpr char object_tag = 0;  // Its address names the type.

    Socket(socketio::Core& core, uint64_t key) noexcept : core_(&core), key_(key) {}
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const;
    void emit_flagged(std::string_view name, std::span<const Value> values,
                      const socketio::Flags& flags, OnAnswer done) const;
    void add_listener(std::string_view name, detail::Listener listener, bool once) const;
    void set_object(std::shared_ptr<void> object, const void* tag) const;
    [[nodiscard]] void* get_object(const void* tag) const;
    [[nodiscard]] socketio::Socket* here() const;  // Null off its thread.
    template <class F>
    void run(F&& call) const;

    socketio::Core* core_ = nullptr;
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
    void list(std::span<const Json> args) const {  // Each an argument of its own.
        detail::with_list([&](std::span<const Value> values) { send(values); }, args);
    }

private:
    friend class socketio::Core;
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

// A socket as fetch_sockets() found it: what it was at that moment, and a handle.
struct RemoteSocket {
    std::string id;
    std::vector<std::string> rooms;  // With the id.
    Json data;
    Handshake handshake;
    Socket socket;
};

// Whom to reach: immutable, each call returns a copy. Somebody in several of the rooms gets one copy.
class Broadcast : public detail::Emits<Broadcast, Answers> {
public:
    [[nodiscard]] Broadcast to(std::string_view room) const;
    [[nodiscard]] Broadcast to(std::vector<std::string> rooms) const;
    [[nodiscard]] Broadcast in(std::string_view room) const { return to(room); }
    [[nodiscard]] Broadcast except(std::string_view room) const;
    [[nodiscard]] Broadcast except(std::vector<std::string> rooms) const;
    [[nodiscard]] Broadcast volatile_() const;
    [[nodiscard]] Broadcast compress(bool on) const;
    [[nodiscard]] Broadcast local() const;
    [[nodiscard]] Broadcast timeout(std::chrono::milliseconds ack_timeout) const;

    void sockets_join(std::string_view room) const;
    void sockets_join(std::vector<std::string> rooms) const;
    void sockets_leave(std::string_view room) const;
    void sockets_leave(std::vector<std::string> rooms) const;
    void disconnect_sockets(bool close = false) const;
    // `done` is called once, on a worker's thread.
    void fetch_sockets(std::function<void(std::vector<RemoteSocket>)> done) const;
    [[nodiscard]] std::future<std::vector<RemoteSocket>> fetch_sockets() const;

private:
    friend class Namespace;
    friend class Socket;
    friend class detail::Emits<Broadcast, Answers>;
    struct Target;
    explicit Broadcast(std::shared_ptr<const Target> target) noexcept
        : target_(std::move(target)) {}
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswers done) const;
    template <class F>
    [[nodiscard]] Broadcast with(F&& change) const;

    std::shared_ptr<const Target> target_;
};

// Lets a connection go on, or refuses it with CONNECT_ERROR. Once; any thread; copies are the same.
class Next {
public:
    void operator()() const { decide_(std::nullopt); }
    void operator()(Error error) const { decide_(std::move(error)); }

private:
    friend class socketio::Core;
    explicit Next(std::function<void(std::optional<Error>)> decide) : decide_(std::move(decide)) {}
    std::function<void(std::optional<Error>)> decide_;
};

// A namespace: who connected to it, and what it does with them. What is set (handlers, middleware) is
// set before the server starts, or, for a dynamic one, in on_new_namespace(); the rest from any thread.
// Owner: the Server that it came from.
class Namespace : public detail::Emits<Namespace, Answers> {
public:
    virtual ~Namespace();
    Namespace(const Namespace&) = delete;
    Namespace& operator=(const Namespace&) = delete;

    [[nodiscard]] const std::string& name() const noexcept;  // "/admin"; of a pattern: the pattern.

    void on_connection(std::function<void(Socket)> handler);
    // `reason`: "transport close", "client namespace disconnect", ... The socket still has its data.
    void on_disconnect(std::function<void(Socket, std::string_view reason)> handler);
    // For every socket of the namespace, at no cost per socket. "connection" and "disconnect" are the
    // two above.
    template <class F>
    void on(std::string_view name, F&& handler) {
        if constexpr (std::is_invocable_v<F&, Socket> && !std::is_invocable_v<F&>)
            if (name == "connection" || name == "connect")
                return on_connection(std::forward<F>(handler));
        add_listener(name, detail::Listener::of(std::forward<F>(handler)));
    }
    // Before a socket connects, in this order; see also Error. The second form decides later.
    using Guard = std::function<std::optional<Error>(Socket)>;
    using AsyncGuard = std::function<void(Socket, Next)>;
    template <class F>
    void use(F&& guard) {
        if constexpr (std::is_invocable_v<F&, Socket, Next>)
            add_guard(AsyncGuard(std::forward<F>(guard)));
        else
            add_guard(Guard(std::forward<F>(guard)));
    }
    // Rooms as this worker sees them: "create-room" where the first of its sockets joins.
    using RoomCall = std::function<void(std::string_view room)>;
    using MemberCall = std::function<void(std::string_view room, std::string_view id)>;
    void on_create_room(RoomCall call);
    void on_delete_room(RoomCall call);
    void on_join_room(MemberCall call);
    void on_leave_room(MemberCall call);

    // Any thread, once the server runs.
    [[nodiscard]] Broadcast to(std::string_view room) const;
    [[nodiscard]] Broadcast to(std::vector<std::string> rooms) const;
    [[nodiscard]] Broadcast in(std::string_view room) const { return to(room); }
    [[nodiscard]] Broadcast except(std::string_view room) const;
    [[nodiscard]] Broadcast except(std::vector<std::string> rooms) const;
    [[nodiscard]] Broadcast volatile_() const;
    [[nodiscard]] Broadcast compress(bool on) const;
    [[nodiscard]] Broadcast local() const;
    [[nodiscard]] Broadcast timeout(std::chrono::milliseconds ack_timeout) const;
    void sockets_join(std::string_view room) const { all().sockets_join(room); }
    void sockets_leave(std::string_view room) const { all().sockets_leave(room); }
    void disconnect_sockets(bool close = false) const { all().disconnect_sockets(close); }
    void fetch_sockets(std::function<void(std::vector<RemoteSocket>)> done) const {
        all().fetch_sockets(std::move(done));
    }
    [[nodiscard]] std::future<std::vector<RemoteSocket>> fetch_sockets() const {
        return all().fetch_sockets();
    }
    [[nodiscard]] size_t sockets() const;  // Connected now, over all workers.

    // To the other workers of this process (each counts as a server): their handlers of
    // on_server_side() get it. With ack: what each of those returned.
    template <class... Args>
    void server_side_emit(std::string_view name, const Args&... args) const {
        detail::with_values(
            [&](std::span<const Value> values) { server_side_values(name, values, nullptr); },
            args...);
    }
    template <class... Args>
        requires detail::EndsWithCallback<Answers, Args...>
    void server_side_emit_with_ack(std::string_view name, Args&&... args) const {
        ask_servers(name, std::forward_as_tuple(std::forward<Args>(args)...),
                    std::make_index_sequence<sizeof...(Args) - 1>());
    }
    template <class F>
    void on_server_side(std::string_view name, F&& handler) {
        add_server_listener(name, detail::Listener::of(std::forward<F>(handler)));
    }

protected:
    friend class Broadcast;
    friend class Server;
    friend class socketio::Core;
    friend class socketio::Family;
    friend class detail::Emits<Namespace, Answers>;
    explicit Namespace(std::shared_ptr<socketio::Registry> registry);
    [[nodiscard]] Broadcast all() const;

private:
    void emit_values(std::string_view name, std::span<const Value> values) const {
        all().emit_values(name, values);
    }
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswers done) const {
        all().ask_values(name, values, std::move(done));
    }
    void add_listener(std::string_view name, detail::Listener listener);
    void add_server_listener(std::string_view name, detail::Listener listener);
    void add_guard(Guard guard);
    void add_guard(AsyncGuard guard);
    void server_side_values(std::string_view name, std::span<const Value> values,
                            OnAnswers done) const;
    template <class Tuple, size_t... I>
    void ask_servers(std::string_view name, Tuple&& all, std::index_sequence<I...>) const {
        detail::with_values(
            [&](std::span<const Value> values) {
                server_side_values(name, values, std::get<sizeof...(I)>(all));
            },
            std::get<I>(all)...);
    }

    std::shared_ptr<socketio::Registry> registry_;  // Of this namespace, shared with its children.
};

// The whole of it; as a Namespace it is "/". Got from starling::Server::socketio().
class Server : public Namespace {
public:
    // Made where there is none: "/admin", "admin".
    virtual Namespace& of(std::string_view name) = 0;
    // Dynamic namespaces: those whose whole name matches the ECMAScript expression ("/room-\\d+"), or
    // for which `accept` returns true. A child is made when the first client asks for it, with the
    // handlers and middleware of what is returned here.
    virtual Namespace& of_pattern(std::string_view expression) = 0;
    using Accept = std::function<bool(std::string_view name, const Json& auth)>;
    virtual Namespace& of_matching(Accept accept) = 0;
    // On the worker that makes it; once for each worker that needs it.
    virtual void on_new_namespace(std::function<void(std::string_view name)> call) = 0;
    // An engine connection that was refused, with the code of Engine.IO (0 to 5).
    struct ConnectionError {
        int code;
        std::string_view message;
        const http::Request& request;
    };
    virtual void on_connection_error(std::function<void(const ConnectionError&)> call) = 0;
    // Connections of Engine.IO now, over all workers: some have joined no namespace, some several.
    [[nodiscard]] virtual size_t clients() const = 0;
    virtual void close() = 0;  // Any thread. Disconnects everybody and accepts nobody from here on.
    // Sockets of a namespace by name, also of a dynamic one; any thread.
    [[nodiscard]] virtual Broadcast in_namespace(std::string_view name) const = 0;

protected:
    using Namespace::Namespace;
    [[nodiscard]] Broadcast broadcast_to(std::string nsp) const;
};

}  // namespace starling::sio
