// <starling/socketio.h>: a Socket.IO server for clients 1.4 to 4.x, with the API of Node's server.
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
// A handler runs on the worker of its socket. The handlers of one socket run one after the other;
// those of sockets on different workers run at the same time. If a handler throws, its own client
// loses the connection. See docs/socketio.md.
#pragma once

#include <starling/socketio_async.h>
#include <starling/socketio_options.h>
#include <starling/socketio_socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace starling::sio {

// A copy of a socket's state at the moment of fetch_sockets(), and a handle to that socket.
struct RemoteSocket {
    std::string id;
    std::vector<std::string> rooms;  // Includes the socket's own id.
    Json data;
    Handshake handshake;
    Socket socket;
};

// What fetch_sockets() found: the sockets, and whether they are all.
struct RemoteSockets : std::vector<RemoteSocket> {
    bool complete = true;      // False: some worker or node of the cluster did not answer in time.
    size_t missing_nodes = 0;  // Of the cluster; 0 if it is not known which ones there are.
};

// The receivers of a broadcast and the flags of its packet. Without rooms, the receivers are all
// sockets of the namespace. Immutable: each call returns a changed copy. A socket that is in
// several of the rooms gets the packet once.
class Broadcast : public detail::Emits<Broadcast, Answers>,
                  public detail::ReceiverCalls<Broadcast>,
                  public detail::FlagCalls<Broadcast, Broadcast> {
public:
    void sockets_join(std::string_view room) const;
    void sockets_join(std::vector<std::string> rooms) const;
    void sockets_leave(std::string_view room) const;
    void sockets_leave(std::vector<std::string> rooms) const;
    void disconnect_sockets(bool close = false) const;
    // The sockets of all workers, and of a cluster's other nodes that answer in time, unless
    // local(). RemoteSockets::complete says whether all have answered. `done` is called once, on a
    // worker's thread.
    void fetch_sockets(Callback<void(RemoteSockets)> done) const;
    [[nodiscard]] Future<RemoteSockets> fetch_sockets() const;

private:
    friend class Namespace;
    friend class Server;
    friend class Socket;
    friend class detail::Emits<Broadcast, Answers>;
    template <class Derived, class Result>
    friend class detail::FlagCalls;
    template <class Derived, class Result>
    friend class detail::ReceiverCalls;
    friend struct socketio::BroadcastProbe;
    struct Target;
    explicit Broadcast(std::shared_ptr<Target> target) noexcept : target_(std::move(target)) {}
    // A Broadcast that shares its target with no other: only such a target may be changed.
    [[nodiscard]] static Broadcast from(const Broadcast& other);
    [[nodiscard]] static Broadcast from(const Emitter& emitter);
    [[nodiscard]] static Broadcast from(const Namespace& nsp);
    [[nodiscard]] static Broadcast from(const Socket& socket);
    [[nodiscard]] detail::Flags& flags() noexcept;
    [[nodiscard]] std::vector<std::string>& rooms() noexcept;
    [[nodiscard]] std::vector<std::string>& excepted() noexcept;
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswers done) const;

    std::shared_ptr<Target> target_;  // Immutable once this object is returned to the application.
};

// Ends a middleware: admits the connecting client, or refuses it with CONNECT_ERROR. Only the first
// call counts. Any thread. Copies share one state.
class Next {
public:
    void operator()() const { decide_(std::nullopt); }
    void operator()(Error error) const { decide_(std::move(error)); }

private:
    friend class socketio::Server;
    explicit Next(std::function<void(std::optional<Error>)> decide) : decide_(std::move(decide)) {}
    std::function<void(std::optional<Error>)> decide_;
};

namespace detail {
template <class F>
constexpr bool is_coroutine_middleware = false;
template <class F>
requires starling::detail::ReturnsTask<F, Socket>
constexpr bool is_coroutine_middleware<F> = true;

template <class F>
auto coroutine_middleware(F&& guard) {
    return [guard = std::forward<F>(guard)](Socket socket, Next next) mutable -> Task<> {
        if (std::optional<Error> error = co_await guard(socket))
            next(std::move(*error));
        else
            next();
    };
}
}  // namespace detail

// A namespace: its handlers, its middleware and its connected sockets. Set handlers and middleware
// before the server starts; setting them later throws std::logic_error. All other methods may be
// called from any thread. Owner: the Server that returned the namespace.
//
// A Namespace is also a Broadcast to all its sockets. Before the server runs, it reaches no socket.
class Namespace : public detail::Emits<Namespace, Answers>,
                  public detail::ReceiverCalls<Namespace>,
                  public detail::FlagCalls<Namespace, Broadcast> {
public:
    virtual ~Namespace();
    Namespace(const Namespace&) = delete;
    Namespace& operator=(const Namespace&) = delete;

    [[nodiscard]] const std::string& name() const noexcept;  // "/admin", or the pattern.

    // Both handlers may be coroutines, like the handlers of events; see docs/async.md.
    void on_connection(Callback<void(Socket)> handler);
    // `reason`: "transport close", "client namespace disconnect", ... The socket still has its
    // data.
    void on_disconnect(Callback<void(Socket, std::string_view reason)> handler);
    // Adds a listener for every socket of the namespace, at no cost per socket. The names
    // "connection" and "disconnect" mean the two methods above. Other names that clients cannot
    // send throw std::invalid_argument.
    template <class F>
    void on(std::string_view name, F&& handler) {
        if constexpr (std::is_constructible_v<Callback<void(Socket)>, F>)
            if (name == "connection" || name == "connect")
                return on_connection(std::forward<F>(handler));
        if constexpr (std::is_constructible_v<Callback<void(Socket, std::string_view)>, F>)
            if (name == "disconnect") return on_disconnect(std::forward<F>(handler));
        add_listener(name, detail::Listener::of(std::forward<F>(handler)));
    }
    // Middleware runs before a socket connects, in the order of these calls; see also Error. The
    // second form, or a coroutine that returns Task<std::optional<Error>>, may decide later.
    using Middleware = std::function<std::optional<Error>(Socket)>;
    using AsyncMiddleware = Callback<void(Socket, Next)>;
    template <class F>
    void use(F&& guard) {
        if constexpr (std::is_invocable_v<F&, Socket, Next>)
            add_middleware(AsyncMiddleware(std::forward<F>(guard)));
        else if constexpr (detail::is_coroutine_middleware<F>)
            add_middleware(AsyncMiddleware(detail::coroutine_middleware(std::forward<F>(guard))));
        else if constexpr (std::is_constructible_v<Middleware, F>)
            add_middleware(Middleware(std::forward<F>(guard)));
        else
            static_assert(!std::is_same_v<F, F>,
                          "middleware is [](sio::Socket) -> std::optional<sio::Error>, a coroutine "
                          "[](sio::Socket) -> starling::Task<std::optional<sio::Error>>, or "
                          "[](sio::Socket, sio::Next) that calls next");
    }
    // Each worker reports its own rooms: "create-room" when the first socket of that worker joins.
    using RoomCall = Callback<void(std::string_view room)>;
    using MemberCall = Callback<void(std::string_view room, std::string_view id)>;
    void on_create_room(RoomCall call);
    void on_delete_room(RoomCall call);
    void on_join_room(MemberCall call);
    void on_leave_room(MemberCall call);

    void sockets_join(std::string_view room) const { all().sockets_join(room); }
    void sockets_leave(std::string_view room) const { all().sockets_leave(room); }
    void disconnect_sockets(bool close = false) const { all().disconnect_sockets(close); }
    void fetch_sockets(Callback<void(RemoteSockets)> done) const {
        all().fetch_sockets(std::move(done));
    }
    [[nodiscard]] Future<RemoteSockets> fetch_sockets() const { return all().fetch_sockets(); }
    // The sockets that are connected now, on all workers of this process. Sockets of other servers
    // are not counted.
    [[nodiscard]] size_t sockets() const;

    // Sends an event to the other servers: it calls their handlers of on_server_side(). In a cluster
    // (<starling/cluster.h>) these are the other nodes; without one, the other workers of this
    // process. With ack: the callback gets each handler's return value.
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
    [[nodiscard]] Broadcast all() const { return Broadcast::from(*this); }

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

    std::shared_ptr<socketio::NamespaceSetup> setup_;  // Shared with the children of a pattern.
};

// A Socket.IO server, which is also its namespace "/". Returned by starling::Server::socketio().
class Server : public Namespace {
public:
    // Returns the namespace "/admin" for "/admin" and "admin". Creates a missing one only before
    // the server starts.
    virtual Namespace& of(std::string_view name) = 0;
    // Dynamic namespaces: names that match the ECMAScript expression as a whole ("/room-\\d+"), or
    // names for which `accept` returns true. The first client that asks for such a name creates a
    // child. All children use the handlers and middleware of the returned namespace.
    virtual Namespace& of_pattern(std::string_view expression) = 0;
    using Accept = std::function<bool(std::string_view name, const Json& auth)>;
    virtual Namespace& of_matching(Accept accept) = 0;
    // Reports a new dynamic namespace, on the worker that created it: once on each such worker.
    virtual void on_new_namespace(PlainCallback<void(std::string_view name)> call) = 0;
    // Reports a refused connection of Engine.IO, with the error code of Engine.IO (0 to 5).
    struct ConnectionError {
        int code;
        std::string_view message;
        const http::Request& request;
    };
    virtual void on_connection_error(PlainCallback<void(const ConnectionError&)> call) = 0;
    // Open connections of Engine.IO on all workers of this process. Connections of other servers
    // are not counted. A connection may be in no namespace, or in several.
    [[nodiscard]] virtual size_t clients() const = 0;
    virtual void close() = 0;  // Any thread. Disconnects all clients and refuses new ones.
    // All sockets of the namespace `name`, which may be a dynamic one. Any thread.
    [[nodiscard]] virtual Broadcast in_namespace(std::string_view name) const = 0;

protected:
    using Namespace::Namespace;
    [[nodiscard]] Broadcast broadcast_to(std::string nsp) const;
};

}  // namespace starling::sio
