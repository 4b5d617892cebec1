// <starling/websocket.h>: WebSocket routes and sockets, as handlers see them (RFC 6455, RFC 7692).
#pragma once

#include <starling/bytes.h>
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

// A whole message, as a view: that of a handler ends with its call. Text is valid UTF-8. What is sent is
// text where it is a std::string, std::string_view or literal, and binary where it is bytes (ByteRange).
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
    // Two words: a Message by value travels in registers.
    static constexpr uint64_t binary_bit = uint64_t(1) << 63;
    const char* data_;
    uint64_t size_;
};

enum class SendResult : uint8_t {
    sent,     // Queued; it leaves with the end of the tick.
    dropped,  // The send queue is at its limit and the route drops (OnFull::drop).
    closed,   // The socket is closing or gone, or was closed just now for a full queue.
    posted,   // Called from a thread other than the socket's: on its way to that thread.
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

// A handle: small, free to copy, safe to keep, also longer than its Server. It goes null when the peer leaves or
// the Server is gone; every call on a null handle does nothing.
//
// Thread: any for send, ping, close, terminate, pause, resume, join, leave, publish, is_open,
// buffered_amount and comparison; calls from another thread than the socket's worker are posted to it, in
// order. What says "own thread" works on the socket's worker, in its handlers say, and throws
// std::logic_error elsewhere.
class Socket {
public:
    Socket() = default;

    SendResult send(Message message) const;
    SendResult ping(std::string_view payload = {}) const;  // At most 125 bytes; more is cut.
    // Starts the closing handshake. A code that may not be sent (RFC 6455 section 7.4) throws
    // std::invalid_argument; a reason over 123 bytes is cut at a character.
    void close(uint16_t code = 1000, std::string_view reason = {}) const;
    void terminate() const;  // A TCP reset, without closing handshake.

    // Backpressure on what the peer sends. After pause() no handler gets a message, ping or pong of this
    // socket and nothing more is read, so that TCP slows the peer down. Called in the message handler,
    // pause() takes effect before the next message. resume() goes on in order; nothing is lost.
    //
    // While the socket is paused, pings of the peer are not answered, the server sends none, and silence
    // does not end the connection. A close frame or the end of the peer's stream is noticed after
    // resume(), a reset at once; messages that had not been delivered are lost with a reset. close() ends the
    // pause, so that the closing handshake can complete. Memory: at most the 256 KiB of one read (more
    // with TLS by one record) wait in the server, the rest in the kernel's receive buffer.
    void pause() const;
    void resume() const;

    // Topics: publications reach every socket that joined, in the order in which one thread made
    // them. join() twice is join() once. A topic name has 1 to 255 bytes; others are refused (false).
    bool join(std::string_view topic) const;
    bool leave(std::string_view topic) const;
    // To all but this socket. How many sockets of this worker took it into their queues; nothing where the call
    // was posted, from another thread.
    std::optional<size_t> publish(std::string_view topic, Message message) const;

    [[nodiscard]] bool is_open() const;
    // Bytes queued and not yet taken by the kernel. From another thread: as of the end of the last
    // tick in which the kernel refused some.
    [[nodiscard]] size_t buffered_amount() const;

    // Runs `call` on the socket's worker, after the handler that runs there now, if the socket is still
    // open then; its exception, or that of its coroutine, costs the socket the connection, as a
    // handler's. `call` takes the Socket, or nothing. False: the socket is gone, or 64 MiB are on
    // their way to its worker (a call counts as 1 KiB); then `call` is dropped. A call that the
    // worker does not come to before it ends is dropped, too.
    bool post(Callback<void(Socket)> call) const;
    template <class F>
    requires std::is_invocable_v < std::decay_t<F>
    & > bool post(F&& call) const;

    // Own thread.
    [[nodiscard]] std::string_view subprotocol() const;  // "" where none was agreed.
    [[nodiscard]] std::string remote_address() const;    // "192.0.2.7", "2001:db8::1", "unix".
    // Of the newest ping that was answered; none before the first.
    [[nodiscard]] std::optional<std::chrono::milliseconds> round_trip_time() const;
    [[nodiscard]] bool compresses() const;  // permessage-deflate was agreed.

    // Own thread: one object of the application's per socket, freed with it. emplace_data() throws
    // std::logic_error where the socket is gone, too.
    template <class T, class... Args>
    T& emplace_data(Args&&... args) const {
        auto data = std::make_unique<detail::Data<T>>(std::forward<Args>(args)...);
        T& value = data->value;
        set_data(std::move(data));
        return value;
    }
    template <class T>  // Null where there is none, or one of another type.
    [[nodiscard]] T* data() const {
        auto* found = dynamic_cast<detail::Data<T>*>(get_data());
        return found ? &found->value : nullptr;
    }

    // Unique among the sockets of a server while they live.
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
    [[nodiscard]] server::WsConnection* connection() const;  // Null off its thread.
    [[nodiscard]] server::WsConnection* own(const char* what) const;
    template <class F>
    bool elsewhere(F&& call) const;
    template <class F>
    SendResult message_elsewhere(Message message, F&& call) const;

    base::Lifetime<server::Worker>* worker_ = nullptr;
    uint64_t key_ = 0;  // Worker, slot and generation in one word, to travel in a register.
};

// The moment before "101 Switching Protocols": the only one at which a request can be refused by an
// HTTP status. Origin, version, key and limits have been checked. Own thread; ends with the call.
class Upgrade {
public:
    [[nodiscard]] const http::Request& request() const noexcept { return request_; }
    [[nodiscard]] std::span<const std::string_view> offered_subprotocols() const noexcept {
        return offered_;
    }

    // Answers with that status instead, and the fields of header(); the rest is forgotten.
    void refuse(int status = 403, std::string_view reason = {}) {
        refused_status_ = status;
        refused_reason_ = reason;
    }
    // Overrides the choice made from Route::subprotocols; "" for none. One that was not offered is
    // refused (false).
    bool subprotocol(std::string_view name);
    Upgrade& header(std::string_view name, std::string_view value);  // Of the answer.

    // Socket::data() of the socket to come.
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

// permessage-deflate. Off by default: it costs CPU for each message, and memory per connection where
// the context is kept between messages.
struct Compression {
    bool enabled = false;
    // Keeps the compression window between messages where the client agrees: smaller messages, for
    // about 300 KB per connection.
    bool context_takeover = false;
    size_t threshold_bytes = 1024;  // Smaller messages are sent as they are.
    int window_bits = 15;           // 9 to 15, of what the server compresses.
    int level = 6;                  // 1 (fast) to 9 (small).
};

// What happens to a message that does not fit into a connection's send queue.
enum class OnFull : uint8_t {
    close,  // The connection is closed with 1008.
    drop,   // The message is dropped and counted.
};

// Which side ended a WebSocket.
enum class ClosedBy : uint8_t {
    peer,   // It sent the first close frame.
    local,  // This server: the application, a limit, a fault of the peer's, the server's stop.
    lost,   // Neither: the connection broke, or the peer fell silent.
};

// Handlers of Route::close: with or without the last argument, coroutines or not.
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
    explicit operator bool() const noexcept { return bool(call_); }
    void operator()(Socket socket, uint16_t code, std::string_view reason, ClosedBy by) const {
        call_(socket, code, reason, by);
    }

private:
    Callback<void(Socket, uint16_t, std::string_view, ClosedBy)> call_;
};

// Everything about one path. Handlers belong to the route, not to connections, and may run on every
// worker at the same time; for one socket they run one after the other. A handler that throws costs
// its own socket the connection (1011), and other sockets nothing.
//
// All but `upgrade` may be coroutines: callables that return Task<>. What they take stays until they
// end, the bytes of a message too. A coroutine is destroyed with its socket, one of `close` when the server
// stops. While it is suspended the socket's further messages go on calling the handlers; see
// coroutines_per_connection_max.
struct Route {
    uint64_t message_bytes_max = 1'000'000;  // Decompressed; more is closed with 1009.
    uint32_t fragments_max = 1024;           // Of one message; more is closed with 1008.
    uint64_t send_queue_bytes_max = 1024 * 1024;
    OnFull on_full = OnFull::close;
    uint64_t fragment_bytes_max = 0;  // Outgoing messages are cut into such frames; 0: never.
    uint32_t topics_max = 1'000;      // That one socket may join.
    std::chrono::milliseconds ping_interval{25'000};  // 0: never.
    std::chrono::milliseconds ping_timeout{20'000};   // Silence after a ping; then 1006.
    // Pages of the same origin may always connect, and clients that send no Origin (no browser). More:
    // "https://example.com", "https://*.example.com"; "*" is everybody.
    std::vector<std::string> origins = {};
    // In order of preference: the first that the client offers is taken.
    std::vector<std::string> subprotocols = {};
    Compression compression = {};

    Callback<void(Upgrade&)> upgrade = {};
    Callback<void(Socket)> open = {};
    Callback<void(Socket, Message)> message = {};
    // By the peer: its code and reason, 1005 where it sent none. Local: the code and reason that this side sent, or
    // 1006 after terminate(). Lost: 1006. The socket is null for sending already; data() and
    // remote_address() still work.
    CloseHandler close = {};
    // With OnFull::drop: so many messages for this socket were dropped since the last call. Once in a turn of the
    // loop at most.
    Callback<void(Socket, uint64_t messages)> dropped = {};
    Callback<void(Socket)> drain = {};                           // The send queue is empty again.
    Callback<void(Socket, std::string_view payload)> ping = {};  // Answered already.
    Callback<void(Socket, std::string_view payload)> pong = {};
    // GET without an upgrade on this path; without it such a request gets 426.
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
// Of `close`: its socket is gone, so the coroutine belongs to the worker.
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
