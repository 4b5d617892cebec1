// <starling/socketio_client.h>: a client of Socket.IO servers (protocol 5; with `eio = 3` protocol 4),
// with the API and the behaviour of npm socket.io-client 4.8.
//
//     starling::ClientLoop loop;
//     auto socket = starling::sio::connect(loop, "http://localhost:3001/admin",
//                                          {.auth = {{"token", "..."}}});
//     socket.on("connect", [&] { socket.emit("hello", 1, "two"); });
//     socket.on("news", [](std::string text, int count) { ... });
//     loop.run();
//
// Handlers are those of <starling/socketio_handler.h>, but for coroutines, which do not compile here:
// the parameters choose the arguments, the return value answers the server. A parameter sio::Socket
// is null here. A handler that throws disconnects its socket; ClientLoop::on_exception() gets the
// text. The sockets of other namespaces go on.
//
// Owner:  the loop owns the connections. A ClientSocket is a handle: cheap to copy; without handles a
//         socket lives on until it is neither connected nor connecting. A handler that holds a
//         handle of its own socket keeps the socket until the loop ends.
// Thread: the loop's, as for <starling/client.h>: on another thread every function throws
//         std::logic_error while the loop runs. Handles may be copied and destroyed on any thread.
//         After the end of the loop a socket is disconnected, and what changes it throws
//         std::logic_error; callbacks of acks that still wait are freed without a call.
#pragma once

#include <starling/client.h>
#include <starling/socketio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace starling::client {
class SioHost;
class SioSocket;
}  // namespace starling::client

namespace starling::sio {

class ClientSocket;

// Sends the CONNECT packet with this object. To be called once, now or later, on the loop's thread.
using AuthReply = std::function<void(Json auth)>;

// An object that the server gets with each connection; or a function that makes one, either as its
// result or through an AuthReply. The function is called for each connection. If it throws, the
// socket disconnects.
class ClientAuth {
public:
    ClientAuth() = default;
    ClientAuth(Json value)
        : call_([value = std::move(value)](const AuthReply& reply) { reply(value); }) {}
    ClientAuth(std::initializer_list<boost::json::value_ref> members) : ClientAuth(Json(members)) {}
    template <class F>
    requires(std::is_invocable_r_v<Json, F&> && !std::is_convertible_v<F, Json>) ClientAuth(F call)
        : call_([call = std::move(call)](const AuthReply& reply) mutable { reply(call()); }) {}
    template <class F>
    requires(std::is_invocable_v<F&, AuthReply>) ClientAuth(F call) : call_(std::move(call)) {}

    [[nodiscard]] const std::function<void(AuthReply)>& call() const noexcept { return call_; }

private:
    std::function<void(AuthReply)> call_;
};

// A Transport, or its name: "polling", "websocket". Throws std::invalid_argument for another name.
class ClientTransport {
public:
    ClientTransport(Transport value) noexcept : value_(value) {}
    ClientTransport(std::string_view name);
    ClientTransport(const char* name) : ClientTransport(std::string_view(name)) {}
    ClientTransport(const std::string& name) : ClientTransport(std::string_view(name)) {}

    [[nodiscard]] Transport value() const noexcept { return value_; }

private:
    Transport value_;
};

// Names and defaults are those of Node's client.
struct ClientOptions {
    // A connection of its own. False, and `multiplex`: sockets of several namespaces of one server
    // share the connection of the first one, with its options.
    bool force_new = false;
    bool multiplex = true;

    // ---- Connection -----------------------------------------------------------------------------
    std::vector<ClientTransport> transports = {"polling", "websocket"};
    bool upgrade = true;
    bool remember_upgrade = false;    // Begins with a WebSocket if the last upgrade went well.
    bool try_all_transports = false;  // Tries the next transport if the first one cannot open.
    int eio = 4;                      // 3: for servers with Socket.IO 2.
    std::string path = "/socket.io";
    bool add_trailing_slash = true;
    std::vector<std::pair<std::string, std::string>> query = {};  // Beside that of the URL.
    std::vector<std::pair<std::string, std::string>> extra_headers = {};
    Parser parser = Parser::json;
    // Of a packet with its attachments. The answer to a poll may have 16 times as many.
    uint64_t message_bytes_max = 1'000'000;
    // Bytes that wait because the server does not take them; more end the connection.
    uint64_t send_queue_bytes_max = 64 * 1024 * 1024;
    ClientTls tls = {};
    std::optional<std::string> proxy = {};  // As WebSocketOptions::proxy.
    std::vector<ResolveOverride> resolve = {};

    // ---- Socket ---------------------------------------------------------------------------------
    ClientAuth auth = {};
    bool auto_connect = true;
    // Events of a socket that wait for a connection, or for their turn of `retries`. Further ones are
    // dropped: an ack gets Answer::Status::refused, and ClientLoop::on_exception() is told of the first.
    size_t buffered_events_max = 100'000;
    uint32_t retries = 0;  // How often an event without an answer is sent again; 0: sent once.
    std::optional<std::chrono::milliseconds> ack_timeout = {};  // Unset: until it disconnects.

    // ---- Reconnection ---------------------------------------------------------------------------
    bool reconnection = true;
    uint64_t reconnection_attempts = 0;  // 0: without end.
    std::chrono::milliseconds reconnection_delay{1000};
    std::chrono::milliseconds reconnection_delay_max{5000};
    double randomization_factor = 0.5;
    // Of one attempt. Nothing: no limit; each connection still has 30 s to be made.
    std::optional<std::chrono::milliseconds> timeout = std::chrono::seconds(20);
};

namespace detail {

template <class F>
Listener client_listener(F&& handler) {
    if constexpr (Callable<std::decay_t<F>>)
        static_assert(
            !Signature<std::decay_t<F>>::is_coroutine,
            "a handler of a Socket.IO client is no coroutine: answer with sio::Ack, or use "
            "emit_with_ack() with a callback");
    return Listener::of(std::forward<F>(handler));
}

}  // namespace detail

// The connection that sockets share. Events, with the arguments of Node's client: "open", "ping",
// "error" and "reconnect_error" ({message, code?, reason?}), "close" (reason, details), "reconnect"
// and "reconnect_attempt" (the attempt's number), "reconnect_failed", "drain" (buffered_amount() is 0
// again; in Node's client an event of `engine`). An exception of a handler is told to the loop; the
// connection goes on.
class ClientManager {
public:
    template <class F>
    void on(std::string_view name, F&& handler) const {
        add_listener(name, detail::client_listener(std::forward<F>(handler)), false);
    }
    template <class F>
    void once(std::string_view name, F&& handler) const {
        add_listener(name, detail::client_listener(std::forward<F>(handler)), true);
    }
    void off(std::string_view name) const;
    void off() const;
    void open() const;
    void close() const;  // Ends the attempts to reconnect, too.
    [[nodiscard]] bool reconnecting() const;

    // ---- Backpressure ---------------------------------------------------------------------------
    // Bytes of emitted events that have not left. Over a WebSocket: what the kernel has not taken.
    // Over polling: what waits for a POST, or is in one that the server has not answered. Events that
    // wait for a connection are not counted.
    [[nodiscard]] uint64_t buffered_amount() const;
    // After pause() no socket of this connection gets an event, an ack or a disconnection, until
    // resume(): the bytes stay in the kernel, which slows the server down. Emits go on, and pongs are
    // sent unasked, so that the server keeps the session. Holds for later connections, too. At most
    // the answer to one poll is kept here (see ClientOptions::message_bytes_max).
    void pause() const;
    void resume() const;
    [[nodiscard]] bool paused() const;

private:
    friend class ClientSocket;
    explicit ClientManager(std::shared_ptr<client::SioHost> host) noexcept
        : host_(std::move(host)) {}
    void add_listener(std::string_view name, detail::Listener listener, bool once) const;

    std::shared_ptr<client::SioHost> host_;
};

// One emit of a socket with flags: socket.timeout(5s).emit_with_ack(...).
class ClientEmitter;

class ClientSocket : public detail::Emits<ClientSocket, Answer>,
                     public detail::FlagCalls<ClientSocket, ClientEmitter> {
public:
    // `name`: an event of the server; or "connect", "connect_error" ({message, data}), "disconnect"
    // (reason, details); or, as in Socket.IO 1.x, "connecting", "connect_failed", "error",
    // "reconnecting", "reconnect", "reconnect_failed".
    template <class F>
    void on(std::string_view name, F&& handler) const {
        add_listener(name, detail::client_listener(std::forward<F>(handler)), false);
    }
    template <class F>
    void once(std::string_view name, F&& handler) const {
        add_listener(name, detail::client_listener(std::forward<F>(handler)), true);
    }
    void off(std::string_view name) const;
    void off() const;
    // For every event of the server, before the listeners of its name.
    using Any = std::function<void(std::string_view name, std::span<const Json> args)>;
    void on_any(Any call) const;
    void off_any() const;
    void on_any_outgoing(Any call) const;  // For every event when it is sent.
    void off_any_outgoing() const;

    void connect() const;
    void open() const { connect(); }
    void disconnect() const;
    void close() const { disconnect(); }

    [[nodiscard]] std::string id() const;  // "" unless connected.
    [[nodiscard]] std::string nsp() const;
    [[nodiscard]] bool connected() const;
    [[nodiscard]] bool disconnected() const { return !connected(); }
    [[nodiscard]] bool recovered() const;  // The server has restored the session.
    [[nodiscard]] bool active() const;     // It connects, or reconnects by itself.
    [[nodiscard]] ClientManager io() const;

private:
    friend class ClientEmitter;
    friend class detail::Emits<ClientSocket, Answer>;
    friend ClientSocket connect(ClientLoop& loop, std::string_view url, ClientOptions options);
    explicit ClientSocket(std::shared_ptr<client::SioSocket> core) noexcept
        : core_(std::move(core)) {}
    void emit_values(std::string_view name, std::span<const Value> values) const;
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const;
    void emit_flagged(std::string_view name, std::span<const Value> values,
                      const detail::Flags& flags, OnAnswer done) const;
    void add_listener(std::string_view name, detail::Listener listener, bool once) const;

    std::shared_ptr<client::SioSocket> core_;
};

class ClientEmitter : public detail::Emits<ClientEmitter, Answer>,
                      public detail::FlagCalls<ClientEmitter, ClientEmitter> {
    template <class Derived, class Result>
    friend class detail::FlagCalls;
    friend class detail::Emits<ClientEmitter, Answer>;
    explicit ClientEmitter(ClientSocket socket) noexcept : socket_(std::move(socket)) {}
    static ClientEmitter from(const ClientSocket& socket) { return ClientEmitter(socket); }
    static ClientEmitter from(const ClientEmitter& emitter) { return emitter; }
    detail::Flags& flags() noexcept { return flags_; }
    void emit_values(std::string_view name, std::span<const Value> values) const {
        socket_.emit_flagged(name, values, flags_, nullptr);
    }
    void ask_values(std::string_view name, std::span<const Value> values, OnAnswer done) const {
        socket_.emit_flagged(name, values, flags_, std::move(done));
    }

    ClientSocket socket_;
    detail::Flags flags_;
};

// Opens the namespace that is the path of the URL; "/" without a path. http, https, ws, wss.
// Throws SyntaxError for another URL, for a path that cannot be sent and for a header field as
// WebSocket refuses it; std::invalid_argument for an option out of its range. All other failures are
// events, which come later, from the loop.
[[nodiscard]] ClientSocket connect(ClientLoop& loop, std::string_view url,
                                   ClientOptions options = {});

}  // namespace starling::sio
