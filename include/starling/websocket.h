// <starling/websocket.h>: WebSocket routes and sockets of handlers (RFC 6455, RFC 7692).
//
// Owner:  the Server keeps the routes. A Socket is a handle that owns nothing.
// Thread: a handler runs on the thread of its socket's worker. Socket says which of its methods
//         work on any thread.
#pragma once

#include <starling/bytes.h>
#include <starling/heartbeat.h>
#include <starling/http.h>

#include <chrono>
#include <cstddef>
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

namespace starling::server {
class EventMember;
class Worker;
class WsConnection;
class WsRouteHandler;
}  // namespace starling::server

namespace starling::detail {
struct WsHome;
}

namespace starling::ws {

// A view of a whole message. In a handler, the view ends with the call, and text is valid UTF-8. A
// message that is sent is text if it is a std::string, a std::string_view or a literal, and binary
// if it is bytes (ByteRange).
class Message {
public:
    Message(std::string_view text) noexcept : data_(text.data()), size_(text.size()) {}
    Message(const char* text) noexcept : Message(std::string_view(text)) {}
    Message(const std::string& text) noexcept : Message(std::string_view(text)) {}
    Message(std::span<const std::byte> bytes) noexcept
        : data_(reinterpret_cast<const char*>(bytes.data())), size_(bytes.size() | binary_bit) {}
    template <ByteRange Range>
    Message(const Range& bytes) noexcept : Message(std::as_bytes(std::span(view_of(bytes)))) {}

    [[nodiscard]] bool is_binary() const noexcept { return (size_ & binary_bit) != 0; }
    [[nodiscard]] std::string_view text() const noexcept { return {data_, size()}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return std::as_bytes(std::span(data_, size()));
    }
    [[nodiscard]] size_t size() const noexcept { return size_ & ~binary_bit; }

private:
    // Two words, so that a Message travels in registers.
    static constexpr uint64_t binary_bit = static_cast<uint64_t>(1) << 63;
    const char* data_;
    uint64_t size_;
};

enum class SendResult : uint8_t {
    sent,     // Queued; the end of the tick sends it.
    dropped,  // The send queue is at its limit, and the route drops (OnFull::drop).
    closed,   // The socket is closing or gone, or this call closed it because its queue was full.
    posted,   // Called on another thread; the message is on its way to the socket's thread.
};

namespace detail {
struct AnyData {
    virtual ~AnyData() = default;
};
template <class T>
struct Data final : AnyData {
    template <class... Args>
    explicit Data(Args&&... args) : value{std::forward<Args>(args)...} {}
    T value;
};
}  // namespace detail

// A handle: small, free to copy, safe to keep, even after its Server is gone. The handle becomes
// null when the peer leaves or the Server is gone; every call on a null handle does nothing.
//
// Thread: any for send, ping, close, terminate, pause, resume, join, leave, publish, is_open,
//         buffered_amount and comparison. On a thread other than the worker's, these calls are
//         posted to the worker and keep their order. Methods marked "own thread" work on the thread
//         of the socket's worker, where its handlers run, and throw std::logic_error on other
//         threads.
class Socket {
public:
    Socket() = default;

    SendResult send(Message message) const;
    SendResult ping(std::string_view payload = {}) const;  // At most 125 bytes; the rest is cut.
    // Starts the closing handshake. A code that must not be sent (RFC 6455 section 7.4) throws
    // std::invalid_argument. A reason longer than 123 bytes is cut, without splitting a character.
    void close(uint16_t code = 1000, std::string_view reason = {}) const;
    void terminate() const;  // Resets the TCP connection, without closing handshake.

    // Backpressure on what the peer sends. After pause(), no handler gets a message, ping or pong
    // of this socket, and nothing more is read, so TCP slows the peer down. If the message handler
    // calls pause(), the pause takes effect before the next message. resume() continues in order;
    // no message is lost.
    //
    // While the socket is paused, the server answers no pings of the peer and sends none, and
    // silence does not end the connection. The server notices a close frame or the end of the
    // peer's stream after resume(), and a reset at once; a reset loses the messages that were not
    // delivered yet. close() ends the pause, so that the closing handshake can complete. Memory:
    // the server holds at most the 256 KiB of one read (with TLS one record more); the rest waits
    // in the kernel's receive buffer.
    void pause() const;
    void resume() const;

    // Topics: a publication reaches every socket that joined the topic. The publications of one
    // thread arrive in order. Joining twice has the effect of joining once. False: the name does
    // not have 1 to 255 bytes, or the socket has reached Route::topics_max.
    bool join(std::string_view topic) const;
    bool leave(std::string_view topic) const;
    // Sends to all other sockets of the topic. Returns how many of them on this worker took it into
    // their queues; if more than 1,000 subscribe there, how many will be offered it. On another
    // thread the call is posted and returns nullopt.
    std::optional<size_t> publish(std::string_view topic, Message message) const;

    [[nodiscard]] bool is_open() const;
    // Bytes that are queued and not yet taken by the kernel. On another thread: the value at the
    // end of the last tick in which the kernel refused bytes.
    [[nodiscard]] size_t buffered_amount() const;

    // Runs `call` on the socket's worker, after the handler that runs there now, if the socket is
    // still open then. `call` takes the Socket, or nothing. An exception of `call`, or of its
    // coroutine, ends the connection, like an exception of a handler. False: `call` was dropped,
    // because the socket is gone or 64 MiB are on their way to its worker (a call counts as 1 KiB).
    // If the worker ends first, `call` is dropped too.
    bool post(Callback<void(Socket)> call) const;
    template <class F>
    requires std::is_invocable_v < std::decay_t<F>
    & > bool post(F&& call) const;

    // Own thread, from here on.
    [[nodiscard]] std::string_view subprotocol() const;  // "": no subprotocol was agreed.
    [[nodiscard]] std::string remote_address() const;    // "192.0.2.7", "2001:db8::1", "unix".
    // For the newest ping that was answered; nullopt before the first.
    [[nodiscard]] std::optional<std::chrono::milliseconds> round_trip_time() const;
    [[nodiscard]] bool compresses() const;  // permessage-deflate was agreed.

    // Stores one object of the application, which is freed with the socket. Throws std::logic_error
    // also if the socket is gone.
    template <class T, class... Args>
    T& emplace_data(Args&&... args) const {
        auto data = std::make_unique<detail::Data<T>>(std::forward<Args>(args)...);
        T& value = data->value;
        set_data(std::move(data));
        return value;
    }
    template <class T>  // Null: no object, or an object of another type.
    [[nodiscard]] T* data() const {
        auto* found = dynamic_cast<detail::Data<T>*>(get_data());
        return found ? &found->value : nullptr;
    }

    // Unique among the open sockets of a server.
    [[nodiscard]] uint64_t id() const noexcept { return key_; }
    friend bool operator==(const Socket&, const Socket&) = default;

private:
    friend class server::EventMember;
    friend class server::WsConnection;
    friend struct starling::detail::WsHome;
    Socket(base::Lifetime<server::Worker>& worker, uint64_t key) noexcept
        : worker_(&worker), key_(key) {}
    void set_data(std::unique_ptr<detail::AnyData> data) const;
    [[nodiscard]] detail::AnyData* get_data() const;
    [[nodiscard]] server::WsConnection* connection() const;  // Null on other threads.
    [[nodiscard]] server::WsConnection* own(const char* what) const;
    template <class F>
    bool elsewhere(F&& call) const;
    template <class F>
    SendResult message_elsewhere(Message message, F&& call) const;

    base::Lifetime<server::Worker>* worker_ = nullptr;
    uint64_t key_ = 0;  // Worker, slot and generation in one word, which travels in a register.
};

// A request that will become a WebSocket, before the answer "101 Switching Protocols". Only here
// can the request be refused with an HTTP status. Origin, version, key and limits have been
// checked. Own thread; valid for the call.
class Upgrade {
public:
    [[nodiscard]] const http::Request& request() const noexcept { return request_; }
    [[nodiscard]] std::span<const std::string_view> offered_subprotocols() const noexcept {
        return offered_;
    }

    // Answers with that status and with the fields of header() instead. All other settings are
    // dropped.
    void refuse(int status = 403, std::string_view reason = {}) {
        refused_status_ = status;
        refused_reason_ = reason;
    }
    // Overrides the choice from Route::subprotocols; "": none. False: the client did not offer the
    // name, and nothing changes.
    bool subprotocol(std::string_view name);
    Upgrade& header(std::string_view name, std::string_view value);  // Adds a field to the answer.

    // Stores the object that Socket::data() will return.
    template <class T, class... Args>
    T& emplace_data(Args&&... args) {
        auto data = std::make_unique<detail::Data<T>>(std::forward<Args>(args)...);
        T& value = data->value;
        data_ = std::move(data);
        return value;
    }

private:
    friend class server::WsRouteHandler;
    Upgrade(const http::Request& request, std::span<const std::string_view> offered) noexcept
        : request_(request), offered_(offered) {}

    const http::Request& request_;
    std::span<const std::string_view> offered_;
    int refused_status_ = 0;
    std::string refused_reason_;
    std::optional<std::string> subprotocol_;
    std::string header_lines_;
    std::unique_ptr<detail::AnyData> data_;
};

// permessage-deflate. Off by default: compression takes CPU time for each message, and memory for
// each connection that keeps the context between messages.
struct Compression {
    bool enabled = false;
    // Keeps the compression window between messages if the client agrees. Messages become smaller;
    // a connection takes about 300 KB.
    bool context_takeover = false;
    size_t threshold_bytes = 1024;  // Smaller messages are not compressed.
    int window_bits = 15;           // Window of the server's compressor, 9 to 15 bits.
    int level = 6;                  // 1 (fast) to 9 (small).
};

// How a message is handled that does not fit into the send queue of a connection.
enum class OnFull : uint8_t {
    close,  // The connection is closed with 1008.
    drop,   // The message is dropped and counted.
};

// The side that ended a WebSocket.
enum class ClosedBy : uint8_t {
    peer,  // The peer sent the first close frame.
    // This server ended the WebSocket: the application, a limit, a fault of the peer, or a stop.
    local,
    lost,  // Neither side ended the WebSocket: the connection broke, or the peer fell silent.
};

// A handler of Route::close, with or without the last argument. It may be a coroutine.
class CloseHandler {
public:
    CloseHandler() = default;
    template <class F>
    requires std::is_invocable_v<F&, Socket, uint16_t, std::string_view, ClosedBy> CloseHandler(
        F handler)
        : call_(std::move(handler)) {}
    template <class F>
    requires(std::is_invocable_v<F&, Socket, uint16_t, std::string_view> &&
             !std::is_invocable_v<F&, Socket, uint16_t, std::string_view, ClosedBy>)
        CloseHandler(F handler)
        : call_([handler = std::move(handler)](Socket socket, uint16_t code,
                                               std::string_view reason, ClosedBy) mutable {
              return handler(socket, code, reason);
          }) {}
    explicit operator bool() const noexcept { return static_cast<bool>(call_); }
    void operator()(Socket socket, uint16_t code, std::string_view reason, ClosedBy by) const {
        call_(socket, code, reason, by);
    }

private:
    Callback<void(Socket, uint16_t, std::string_view, ClosedBy)> call_;
};

// Everything about one path. The handlers belong to the route, not to a connection. They may run on
// every worker at the same time; for one socket they run one after the other. If a handler throws,
// its own socket is closed with 1011, and other sockets continue.
//
// All handlers except `upgrade` may be coroutines, callables that return Task<>. The arguments of a
// coroutine, including the bytes of a message, stay valid until it ends. A coroutine is destroyed
// with its socket, a coroutine of `close` with the worker. While a coroutine is suspended, further
// messages of its socket call the handlers; see coroutines_per_connection_max.
struct Route {
    uint64_t message_bytes_max = 1'000'000;  // Decompressed; a larger message closes with 1009.
    uint32_t fragments_max = 1024;           // Per message; more fragments close with 1008.
    uint64_t send_queue_bytes_max = 1024 * 1024;
    OnFull on_full = OnFull::close;
    uint64_t fragment_bytes_max = 0;  // Outgoing messages are cut into such frames; 0: never.
    uint32_t topics_max = 1'000;      // Topics that one socket may join.
    // Silence before a ping; 0: never pings.
    std::chrono::milliseconds ping_interval = default_ping_interval;
    // Silence after a ping; then the connection ends with 1006.
    std::chrono::milliseconds ping_timeout = default_ping_timeout;
    // Origins of other sites whose pages may connect: "https://example.com",
    // "https://*.example.com", or "*" for every origin. Pages of the same origin, and clients that
    // send no Origin (not browsers), may always connect.
    std::vector<std::string> origins = {};
    // In order of preference: the server takes the first that the client offers.
    std::vector<std::string> subprotocols = {};
    Compression compression = {};

    Callback<void(Upgrade&)> upgrade = {};
    Callback<void(Socket)> open = {};
    Callback<void(Socket, Message)> message = {};
    // ClosedBy::peer: code and reason of the peer's close frame, 1005 if it had none. local: the
    // code and reason that this side sent, or 1006 after terminate(). lost: 1006. The socket cannot
    // send any more; data() and remote_address() still work.
    CloseHandler close = {};
    // With OnFull::drop: the number of messages for this socket that were dropped since the last
    // call. Called at most once per tick of the loop.
    Callback<void(Socket, uint64_t messages)> dropped = {};
    Callback<void(Socket)> drain = {};  // The send queue is empty again.
    // The server has already answered the ping.
    Callback<void(Socket, std::string_view payload)> ping = {};
    Callback<void(Socket, std::string_view payload)> pong = {};
    // Answers a GET without an upgrade on this path. Empty: such a request gets 426.
    http::Handler page = {};
};

}  // namespace starling::ws

namespace starling::detail {

template <>
struct Kept<ws::Message> {
    explicit Kept(ws::Message message) : bytes(message.text()), binary(message.is_binary()) {}
    [[nodiscard]] ws::Message get() const noexcept {
        if (binary) return ws::Message(std::as_bytes(std::span(bytes)));
        return ws::Message(bytes);
    }
    std::string bytes;
    bool binary;
};

struct WsHome {
    static constexpr bool exists = true;
    static void keep(const ws::Socket& socket, const std::shared_ptr<Coroutine>& coroutine);
    static void failed(const ws::Socket& socket, const std::exception_ptr& error);
};
template <class... Rest>
struct Home<ws::Socket, Rest...> : WsHome {
    template <class... All>
    static void ended_at_once(const All&...) noexcept {}
    template <class... Others>
    static void suspended(const std::shared_ptr<Coroutine>& coroutine,
                          const Kept<ws::Socket>& socket, const Others&...) {
        keep(socket.value, coroutine);
    }
    template <class... Others>
    static void ended(const std::exception_ptr& error, const Kept<ws::Socket>& socket,
                      const Others&...) {
        if (error) failed(socket.value, error);
    }
};
// Route::close: its socket is gone, so the coroutine belongs to the worker.
template <>
struct Home<ws::Socket, uint16_t, std::string_view, ws::ClosedBy> : Home<ws::Socket> {
    template <class... Others>
    static void suspended(const std::shared_ptr<Coroutine>& coroutine, const Others&...) {
        Home<>::suspended(coroutine);
    }
};

}  // namespace starling::detail

template <class F>
requires std::is_invocable_v < std::decay_t<F>
& > bool starling::ws::Socket::post(F&& call) const {
    return post(Callback<void(Socket)>(
        [call = std::forward<F>(call)](const Socket&) mutable { return call(); }));
}
