// <starling/client.h>: WebSocket connections to servers, with the API of browsers (WHATWG
// WebSockets; RFC 6455, RFC 7692).
//
//     starling::ClientLoop loop;
//     starling::WebSocket socket(loop, "ws://127.0.0.1:9001/echo");
//     socket.onopen = [&] { socket.send("hello"); };
//     socket.onmessage = [&](const starling::MessageEvent& event) { ...; socket.close(); };
//     loop.run();
//
// Owner:  the application owns each loop and each socket; it may destroy them in any order, a socket
//         also in a handler of its own.
// Thread: a loop and its sockets belong to the thread that runs the loop; before run() or start(), to
//         the thread that sets them up. Only post() and stop() work on any thread. Other calls on another
//         thread throw std::logic_error while the loop runs.
#pragma once

#include <starling/client_events.h>
#include <starling/heartbeat.h>
#include <starling/io.h>
#include <starling/websocket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::client {
class LoopCore;
class SocketCore;
}  // namespace starling::client

namespace starling {

// The errors of the standard, by its names.
struct SyntaxError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};
struct InvalidAccessError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};
struct InvalidStateError : std::logic_error {
    using std::logic_error::logic_error;
};

// One thread's loop. There is no global state: a program may have any number of loops. A handler of a
// Server uses the loop of its worker: Server::client_loop().
class ClientLoop {
public:
    using Timer = uint64_t;  // Never reused; 0 is no timer.

    ClientLoop();  // With Io::automatic.
    explicit ClientLoop(Io io);
    // Ends the thread of start(), and waits for it. Closes the connections of all sockets, without
    // events. Not within a call of this loop.
    ~ClientLoop();
    ClientLoop(const ClientLoop&) = delete;
    ClientLoop& operator=(const ClientLoop&) = delete;

    // Runs on the caller's thread until stop(), or until nothing is left to do: no socket that is not
    // CLOSED, no timer, no posted call. May be called again.
    void run();
    // Runs on a thread of its own until stop() or the destructor, also while nothing is to do.
    void start();
    // Any thread. Ends run(), or the thread of start(), and waits for neither; connections stay open.
    void stop();
    // Any thread. Runs `call` on the loop's thread; calls of one thread keep their order. No call is
    // dropped and nothing bounds how many wait: a thread that posts without end must bound itself.
    // Server::post() has a limit.
    void post(std::function<void()> call);

    // A delay below 0 counts as 0, a period below 1 ms as 1 ms. A timer keeps run() going.
    Timer after(std::chrono::milliseconds delay, std::function<void()> call);
    Timer every(std::chrono::milliseconds period, std::function<void()> call);
    // True if the timer was still going to run.
    bool cancel(Timer timer);

    struct Readiness {
        bool readable = false, writable = false;
    };
    using Watch = uint64_t;  // Never reused; 0 is no watch.
    // Calls `call` in each tick in which the application's descriptor is ready for something that
    // `interest` names; an error or a hang-up counts as ready. run() goes on until unwatch(). Throws
    // std::system_error if the kernel cannot watch the descriptor, as with a plain file, which is always
    // ready.
    Watch watch(int descriptor, Readiness interest, std::function<void(Readiness ready)> call);
    // An empty interest pauses the watch. Nothing happens if the watch has ended.
    void change(Watch watch, Readiness interest);
    // Before the descriptor is closed. Works in the watch's own call, too.
    void unwatch(Watch watch);

    // Gets the text of an exception that escaped from a posted call, from a timer, or from a handler of a
    // socket that is CLOSED. The loop goes on. By default the text is a line on standard error.
    void on_exception(std::function<void(std::string_view what)> call);

private:
    friend class WebSocket;
    friend class client::LoopCore;
    explicit ClientLoop(std::unique_ptr<client::LoopCore> core) noexcept;
    std::unique_ptr<client::LoopCore> core_;
};

struct ClientTls {
    // False: any certificate of any server is accepted, so that anyone on the way can read and change
    // everything. For tests alone.
    bool verify = true;
    std::string ca_path = {};  // PEM file of the authorities to trust; "": those of the system.
    // PEM files that this side shows to a server that asks. Both or none.
    std::string certificate = {}, key = {};
    std::string server_name = {};  // The name in the certificate; "": the host of the URL.
};

// The address of a host, whatever the resolver says.
struct ResolveOverride {
    std::string host;
    uint16_t port = 0;    // 0: each port of the host.
    std::string address;  // "127.0.0.1:8080", "[::1]:443", "127.0.0.1" for the URL's port.
};

// What the server's compressor is asked for, where that is not what `compression` says.
struct ServerCompression {
    std::optional<bool> context_takeover = {};  // Unset: as Compression::context_takeover.
    int window_bits = 15;                       // 9 to 15.
};

struct WebSocketOptions {
    // In order of preference. If the server chooses none of them, the connection fails.
    std::vector<std::string> protocols = {};
    // Sent with the handshake. Fields that the handshake sets itself throw SyntaxError.
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string origin = {};  // "": no Origin, as a client that is no browser.
    // permessage-deflate (RFC 7692). `context_takeover` is for both sides, `window_bits` of this side's
    // compressor.
    ws::Compression compression = {};
    ServerCompression server_compression = {};
    // Of a received message, decompressed. A larger one fails the connection, and the server gets 1009.
    uint64_t message_bytes_max = 1'000'000;
    uint32_t fragments_max = 1024;  // Of a received message. More fail the connection: 1008.
    // Bytes that wait because the server does not read. A message that does not fit fails the connection;
    // a larger one passes if nothing waits.
    uint64_t send_queue_bytes_max = 1024 * 1024;
    // From the constructor to the open event, redirects included. 0: no limit of its own; each connection
    // still has 30 s to be made.
    std::chrono::milliseconds handshake_timeout{10'000};
    // Silence of the server before a ping; 0: never pings.
    std::chrono::milliseconds ping_interval = ws::default_ping_interval;
    // Silence after a ping that fails the connection.
    std::chrono::milliseconds ping_timeout = ws::default_ping_timeout;
    // How long close() waits for the server's close frame, and for the end of the connection after it.
    std::chrono::milliseconds close_timeout{5'000};
    ClientTls tls = {};
    // "http://user:password@host:port"; "": no proxy. Unset: the variables http_proxy, https_proxy,
    // all_proxy and no_proxy, which do not count for localhost, 127.0.0.0/8 and ::1.
    std::optional<std::string> proxy = {};
    std::vector<ResolveOverride> resolve = {};
    // Answers 301, 302, 303, 307 and 308 are followed so often; at most 10. 0: they fail the connection, as
    // in browsers. Never from wss to ws; Authorization and Cookie go to the same origin alone.
    int redirects_max = 0;
};

// A WebSocket. Handlers run on the loop's thread, never within a call of the application.
//
// A handler that throws closes its own socket: the server gets 1011, and the handlers of `error` and
// `close` are called.
//
// A socket that is destroyed while it is open sends a close frame with 1001; no handler is called.
class WebSocket {
public:
    enum ReadyState : uint8_t { CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3 };
    using ListenerId = uint64_t;

    // Connects to a URL of ws:, wss:, http:, https: (which mean ws and wss) or ws+unix:/path:/target.
    // SyntaxError: the URL is no such URL, has a fragment or a host name outside ASCII; a subprotocol is
    // no token or occurs twice; a header field cannot be sent. std::invalid_argument: an option is out of
    // its range. All other failures are events.
    WebSocket(ClientLoop& loop, std::string_view url, WebSocketOptions options = {});
    ~WebSocket();
    WebSocket(const WebSocket&) = delete;
    WebSocket& operator=(const WebSocket&) = delete;

    // Each takes a callable with the event as its argument, or without an argument; null removes it.
    // Where a handler stands among the listeners is decided when it is set first.
    // (Each holds nothing but the same pointer, so that they share its memory.)
    union {
        EventHandler<OpenEvent> onopen;
        EventHandler<MessageEvent> onmessage;
        EventHandler<ErrorEvent> onerror;
        EventHandler<CloseEvent> onclose;
    };

    // Listeners of one event run in the order in which they were added. `type`: "open", "message",
    // "error" or "close"; or "ping", "pong" or "drain", which browsers do not have. Another type, or a
    // callable that does not take the event of this type, throws std::invalid_argument.
    template <class F>
    ListenerId add_event_listener(std::string_view type, F listener) {
        return add_listener(type, detail::wrap_listener(std::move(listener)));
    }
    void remove_event_listener(ListenerId id);
    void remove_event_listener(std::string_view type, ListenerId id);

    // Queues a message; the end of the tick sends it. Throws InvalidStateError while CONNECTING. While
    // CLOSING or CLOSED sends nothing, and counts the bytes in buffered_amount(). Text must be UTF-8, which
    // is not checked here: the server closes the connection with 1007 if the text is something else.
    void send(ws::Message message);
    void send(const std::shared_ptr<const std::string>& text);
    void send(const std::shared_ptr<const std::vector<std::byte>>& bytes);

    // Starts the closing handshake; while CONNECTING fails the connection. Does nothing while CLOSING or
    // CLOSED. A code other than 1000 and 3000 to 4999 throws InvalidAccessError; a reason of more than 123
    // bytes, or one that is not UTF-8, throws SyntaxError. Without a code the close frame has none.
    void close();
    void close(uint16_t code, std::string_view reason = {});

    [[nodiscard]] ReadyState ready_state() const noexcept;
    // Bytes of messages that the kernel has not taken, text in UTF-8, without frame headers; and those of
    // messages that were never sent.
    [[nodiscard]] uint64_t buffered_amount() const noexcept;
    [[nodiscard]] const std::string& protocol() const noexcept;    // "" before OPEN, and for none.
    [[nodiscard]] const std::string& extensions() const noexcept;  // As the server wrote them.
    [[nodiscard]] const std::string& url() const noexcept;
    // "blob" or "arraybuffer", as in browsers; here it changes nothing, since bytes are bytes.
    [[nodiscard]] std::string_view binary_type() const noexcept;
    void binary_type(std::string_view type);  // Another value is ignored.

    // Beyond browsers. pause() stops receiving, so that TCP slows the server down; resume() goes on, and
    // nothing is lost. close() ends a pause. A paused socket answers no pings and sends none.
    void pause();
    void resume();
    // At most 125 bytes; the rest is cut. An empty payload measures the round trip. Sends nothing unless
    // OPEN, and nothing while the server does not read.
    void ping(std::string_view payload = {});
    // Of the newest ping that was answered, at most 65,534 ms; nullopt before the first answer.
    [[nodiscard]] std::optional<std::chrono::milliseconds> round_trip_time() const noexcept;
    // Resets the connection without a closing handshake; the close event has 1006.
    void terminate();

private:
    [[nodiscard]] client::SocketCore& core() const noexcept { return *onopen.core_; }
    [[nodiscard]] client::SocketCore& here() const;
    ListenerId add_listener(std::string_view type, detail::AnyListener listener);
};
static_assert(sizeof(WebSocket) == sizeof(void*));

}  // namespace starling
