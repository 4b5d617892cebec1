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

#include <starling/socketio_options.h>
#include <starling/socketio_socket.h>

#include <chrono>
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

namespace starling::sio {

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
    friend class Server;
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
    friend class socketio::Server;
    explicit Next(std::function<void(std::optional<Error>)> decide) : decide_(std::move(decide)) {}
    std::function<void(std::optional<Error>)> decide_;
};

// A namespace: who connected to it, and what it does with them. What is set (handlers, middleware) is
// set before the server starts, and throws std::logic_error afterwards; the rest from any thread.
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
    // two above; other names that clients cannot send throw std::invalid_argument.
    template <class F>
    void on(std::string_view name, F&& handler) {
        if constexpr (std::is_constructible_v<std::function<void(Socket)>, F>)
            if (name == "connection" || name == "connect")
                return on_connection(std::forward<F>(handler));
        if constexpr (std::is_constructible_v<std::function<void(Socket, std::string_view)>, F>)
            if (name == "disconnect") return on_disconnect(std::forward<F>(handler));
        add_listener(name, detail::Listener::of(std::forward<F>(handler)));
    }
    // Before a socket connects, in this order; see also Error. The second form decides later.
    using Middleware = std::function<std::optional<Error>(Socket)>;
    using AsyncMiddleware = std::function<void(Socket, Next)>;
    template <class F>
    void use(F&& guard) {
        if constexpr (std::is_invocable_v<F&, Socket, Next>)
            add_middleware(AsyncMiddleware(std::forward<F>(guard)));
        else if constexpr (std::is_constructible_v<Middleware, F>)
            add_middleware(Middleware(std::forward<F>(guard)));
        else
            static_assert(!std::is_same_v<F, F>,
                          "middleware is [](sio::Socket) -> std::optional<sio::Error>, or "
                          "[](sio::Socket, sio::Next) that calls next");
    }
    // Rooms as this worker sees them: "create-room" where the first of its sockets joins.
    using RoomCall = std::function<void(std::string_view room)>;
    using MemberCall = std::function<void(std::string_view room, std::string_view id)>;
    void on_create_room(RoomCall call);
    void on_delete_room(RoomCall call);
    void on_join_room(MemberCall call);
    void on_leave_room(MemberCall call);

    // Any thread. Before the server runs there is nobody to reach.
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
    friend class socketio::Server;
    friend class socketio::Adapter;
    friend class detail::Emits<Namespace, Answers>;
    explicit Namespace(std::shared_ptr<socketio::NamespaceSetup> setup);
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
    void add_middleware(Middleware guard);
    void add_middleware(AsyncMiddleware guard);
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

    std::shared_ptr<socketio::NamespaceSetup>
        setup_;  // Of this namespace, shared with its children.
};

// The whole of it; as a Namespace it is "/". Got from starling::Server::socketio().
class Server : public Namespace {
public:
    // Made where there is none, before the server starts: "/admin", "admin".
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
