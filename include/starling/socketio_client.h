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
// Handlers are those of <starling/socketio_handler.h>, but for coroutines: their parameters choose
// the arguments, their return value answers the server. A parameter sio::Socket is null here.
//
// Owner:  the loop owns the connections. A ClientSocket is a handle: cheap to copy; without handles a
//         socket lives on until it is neither connected nor connecting.
// Thread: the loop's, as for <starling/client.h>.
#pragma once

#include <starling/client.h>
#include <starling/socketio.h>

#include <chrono>
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

// An object that the server gets with each connection, or a function that makes one.
class ClientAuth {
public:
    ClientAuth() = default;
    ClientAuth(Json value) : call_([value = std::move(value)] { return value; }) {}
    ClientAuth(std::initializer_list<boost::json::value_ref> members) : ClientAuth(Json(members)) {}
    template <class F>
    requires(std::is_invocable_r_v<Json, F&> && !std::is_convertible_v<F, Json>) ClientAuth(F call)
        : call_(std::move(call)) {}

    [[nodiscard]] const std::function<Json()>& call() const noexcept { return call_; }

private:
    std::function<Json()> call_;
};

// Names and defaults are those of Node's client.
struct ClientOptions {
    // A connection of its own. False, and `multiplex`: sockets of several namespaces of one server
    // share the connection of the first one, with its options.
    bool force_new = false;
    bool multiplex = true;

    // ---- Connection -----------------------------------------------------------------------------
    std::vector<Transport> transports = {Transport::polling, Transport::websocket};
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
    ClientTls tls = {};
    std::optional<std::string> proxy = {};  // As WebSocketOptions::proxy.
    std::vector<ResolveOverride> resolve = {};

    // ---- Socket ---------------------------------------------------------------------------------
    ClientAuth auth = {};
    bool auto_connect = true;
    uint32_t retries = 0;  // How often an event without an answer is sent again; 0: sent once.
    std::optional<std::chrono::milliseconds> ack_timeout = {};  // Unset: until it disconnects.

    // ---- Reconnection ---------------------------------------------------------------------------
    bool reconnection = true;
    uint64_t reconnection_attempts = 0;  // 0: without end.
    std::chrono::milliseconds reconnection_delay{1000};
    std::chrono::milliseconds reconnection_delay_max{5000};
    double randomization_factor = 0.5;
    std::optional<std::chrono::milliseconds> timeout = std::chrono::seconds(20);  // Of one attempt.
};

// The connection that sockets share. Events: "open", "error", "ping", "close", "reconnect",
// "reconnect_attempt", "reconnect_error", "reconnect_failed".
class ClientManager {
public:
    template <class F>
    void on(std::string_view name, F&& handler) const {
        add_listener(name, detail::Listener::of(std::forward<F>(handler)));
    }
    void off(std::string_view name) const;
    void open() const;
    void close() const;  // Ends the attempts to reconnect, too.
    [[nodiscard]] bool reconnecting() const;

private:
    friend class ClientSocket;
    explicit ClientManager(std::shared_ptr<client::SioHost> host) noexcept
        : host_(std::move(host)) {}
    void add_listener(std::string_view name, detail::Listener listener) const;

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
        add_listener(name, detail::Listener::of(std::forward<F>(handler)), false);
    }
    template <class F>
    void once(std::string_view name, F&& handler) const {
        add_listener(name, detail::Listener::of(std::forward<F>(handler)), true);
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
    void disconnect() const;

    [[nodiscard]] std::string id() const;  // "" unless connected.
    [[nodiscard]] std::string nsp() const;
    [[nodiscard]] bool connected() const;
    [[nodiscard]] bool disconnected() const { return !connected(); }
    [[nodiscard]] bool recovered() const;  // The server has restored the session.
    [[nodiscard]] bool active() const;     // It reconnects by itself.
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
// Throws SyntaxError for another URL, std::invalid_argument for an option out of its range. All other
// failures are events, which come later, from the loop.
[[nodiscard]] ClientSocket connect(ClientLoop& loop, std::string_view url,
                                   ClientOptions options = {});

}  // namespace starling::sio
