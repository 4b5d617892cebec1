// <starling/server.h>: the server: listeners, workers, routes, topics, timers.
//
//     starling::Server server({.listen = "0.0.0.0:8080", .workers = 2});
//     server.files("/", "web");
//     server.websocket("/echo", {.message = [](ws::Socket s, ws::Message m) { s.send(m); }});
//     return server.run();
#pragma once

#include <starling/async_callback.h>
#include <starling/events.h>
#include <starling/http.h>
#include <starling/log.h>
#include <starling/websocket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace starling::sio {  // Of <starling/socketio.h>, for who includes it.
class Server;
struct Options;
}  // namespace starling::sio

namespace starling {

// One address to listen on: "127.0.0.1:8080", "[::1]:8080", ":8080" (every IPv4 address), "[::]:8080"
// (every IPv6 address), "unix:/run/starling.sock". Port 0 takes a free one: see Server::addresses().
struct Listen {
    enum class Tls : uint8_t { automatic, on, off };  // automatic: on where there are certificates.
    std::string address;
    Tls tls = Tls::automatic;
    // Of the file of a Unix-domain socket, set before it accepts. Permission bits as of chmod(2), such as
    // 0660; 0: what the process's umask leaves. Names or numbers of user and group; "": the process's.
    uint32_t mode = 0;
    std::string owner = {}, group = {};
};

// A list of addresses that can also be written as one string.
class ListenList : public std::vector<Listen> {
public:
    ListenList() = default;
    ListenList(const char* address) : ListenList(std::string(address)) {}
    ListenList(std::string address) { push_back({std::move(address)}); }
    ListenList(std::initializer_list<Listen> list) : std::vector<Listen>(list) {}
};

struct Certificate {
    std::string certificate_chain_path;  // PEM, leaf first.
    std::string private_key_path;        // PEM.
};

struct HttpLimits {
    uint32_t head_bytes_max = 16 * 1024;
    uint32_t fields_max = 100;
    uint32_t target_bytes_max = 8 * 1024;
    uint64_t body_bytes_max = 1'000'000;
    std::chrono::milliseconds head_timeout{10'000};        // From the first byte; TLS included.
    std::chrono::milliseconds request_timeout{30'000};     // Head and body.
    std::chrono::milliseconds keep_alive_timeout{65'000};  // Between requests.
    // For a promised answer (Response::later()) to begin; then the client gets 500, and the log an error.
    std::chrono::milliseconds answer_timeout{30'000};
    uint64_t stream_queue_bytes_max = 1024 * 1024;  // Of a streamed answer; see Reply::write.
};

struct ServerOptions {
    ListenList listen = "127.0.0.1:8080";
    unsigned workers = 0;                        // Threads; 0: one per core.
    std::vector<Certificate> certificates = {};  // The first is for clients that name no host.
    // Cipher suites of TLS 1.2, in OpenSSL's format (openssl-ciphers(1)). TLS 1.3 has its own. The
    // default: forward secrecy and authenticated encryption alone.
    std::string tls_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
    HttpLimits http = {};
    uint64_t connections_max = 0;                       // 0: the descriptor limit minus 256.
    std::chrono::milliseconds stalled_timeout{10'000};  // A peer that takes nothing of its queue.
    std::chrono::milliseconds drain_timeout{30'000};    // After SIGTERM.
    // While run() runs, it has handlers for SIGTERM, SIGINT and SIGHUP, whatever threads there are.
    bool handle_signals = true;
    bool access_log = false;  // A line per request, at level info.
    // Query parameters whose values the access log does not show, compared without case. Those that
    // hold a login or a session (auth::Options::query_parameter, `sid`) are added by themselves.
    std::vector<std::string> access_log_masked = {"access_token", "api_key", "key",
                                                  "password",     "secret",  "token"};
    // Null: lines of level warn and above go to standard error; with `access_log`, of level info too.
    std::shared_ptr<log::Sink> log = nullptr;
};

// Counters since the start, summed over the workers; read at any time, exact once traffic rests.
struct ServerStats {
    uint64_t connections_open = 0, connections_accepted = 0, connections_refused = 0;
    uint64_t connections_stalled =
        0;  // Reset: the peer took nothing for ServerOptions::stalled_timeout.
    uint64_t requests = 0;
    uint64_t websockets_open = 0, websockets_opened = 0;  // With those below Socket.IO.
    // Clients of Socket.IO, over polling or WebSocket; each may be in several namespaces, or in none.
    uint64_t socketio_sessions_open = 0, socketio_sessions_opened = 0;
    uint64_t messages_received = 0, messages_sent = 0, messages_dropped = 0;
    uint64_t handler_exceptions = 0, protocol_errors = 0, accept_pauses = 0;
};

// Names a timer for Server::cancel.
struct Timer {
    uint64_t id = 0;
};

class Server {
public:
    explicit Server(ServerOptions options = {});
    ~Server();  // Stops at once, if it runs.
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // ---- Before run() or start() ----------------------------------------------------------------
    // Patterns: "/users/:id", "/files/*"; see docs/http.md. A second route of the same method and
    // shape throws std::invalid_argument.
    void get(std::string_view pattern, http::Handler handler) {
        route("GET", pattern, std::move(handler));
    }
    void get(std::string_view pattern, http::Route options) {
        route("GET", pattern, std::move(options));
    }
    void post(std::string_view pattern, http::Handler handler) {
        route("POST", pattern, std::move(handler));
    }
    void post(std::string_view pattern, http::Route options) {
        route("POST", pattern, std::move(options));
    }
    void put(std::string_view pattern, http::Handler handler) {
        route("PUT", pattern, std::move(handler));
    }
    void put(std::string_view pattern, http::Route options) {
        route("PUT", pattern, std::move(options));
    }
    void patch(std::string_view pattern, http::Handler handler) {
        route("PATCH", pattern, std::move(handler));
    }
    void patch(std::string_view pattern, http::Route options) {
        route("PATCH", pattern, std::move(options));
    }
    void del(std::string_view pattern, http::Handler handler) {
        route("DELETE", pattern, std::move(handler));
    }
    void del(std::string_view pattern, http::Route options) {
        route("DELETE", pattern, std::move(options));
    }
    void any(std::string_view pattern, http::Handler handler) {
        route("*", pattern, std::move(handler));
    }
    void any(std::string_view pattern, http::Route options) {
        route("*", pattern, std::move(options));
    }
    void route(std::string_view method, std::string_view pattern, http::Handler handler);
    // Throws std::invalid_argument unless it has either a handler or a body.
    void route(std::string_view method, std::string_view pattern, http::Route options);
    // Runs before whatever serves the paths beneath `prefix`: routes, static files, WebSocket upgrades,
    // server events, Socket.IO; and before 404 and 405. "/" is every path, "/admin" is "/admin" and all
    // that begins with "/admin/". In the order of the calls of use(). It sees the head of the request, before
    // the body is read: request.body() is empty where the request has one.
    void use(std::string_view prefix, http::Middleware middleware);
    // Serves the files beneath `root` at `prefix`; routes come first. A folder that cannot be opened is
    // found at the start: start() throws, run() logs it and returns 2.
    void files(std::string_view prefix, std::string root, http::StaticFileOptions options = {});
    void websocket(std::string_view pattern, ws::Route route);
    void cors(http::CorsOptions options);  // For every HTTP route.
    // Added to every HTTP answer that does not set them itself.
    void default_header(std::string_view name, std::string_view value);
    void on_reload(PlainCallback<void()> call);  // SIGHUP, on the thread of run().
    // Server events at /ws/, /sse/ and /api, see <starling/events.h>. The server owns the channels.
    // Throws std::invalid_argument for options at fault, std::logic_error the second time.
    events::Channels& events(events::Options options = {});
    // Socket.IO at /socket.io/, see <starling/socketio.h>, which the caller includes. The server owns
    // it. Throws std::invalid_argument for options at fault, and for a second one at the same path.
    sio::Server& socketio();
    sio::Server& socketio(sio::Options options);

    // ---- Life -----------------------------------------------------------------------------------
    // start(), then waits for stop() or SIGTERM, drains and returns 0. Returns 2 where it could not
    // start; the reason is logged.
    int run();
    // Listens and returns. Throws std::system_error or std::runtime_error, with nothing half-started.
    void start();
    // Any thread. Stops accepting, answers new requests with 503, closes sockets with 1001, spread
    // over a moment, and ends at the drain timeout at the latest. A second call ends at once.
    void stop();
    void wait();  // Until the stop that somebody asked for is complete.
    [[nodiscard]] bool stopping() const noexcept;
    // As bound, with real ports: valid after start().
    [[nodiscard]] std::vector<std::string> addresses() const;
    [[nodiscard]] uint16_t port() const;  // Of the first address; 0 for a Unix-domain socket.
    // Reads the certificate files again, each certificate by itself: new connections get those that can
    // be used. One that cannot stays as it was; then the result is false and `error` says why, with a
    // reason for each, separated by "; ".
    bool reload_certificates(std::string& error);

    // ---- Any thread, while it runs ----------------------------------------------------------------
    // Returns how many sockets of the calling worker took the message into their queues. Returns nothing on a
    // thread of the application's, where the call is posted. Before start() the message reaches no socket.
    std::optional<size_t> publish(std::string_view topic, ws::Message message);
    // The subscribers of `topic`, over all workers of this process. Those of other servers are not counted.
    [[nodiscard]] size_t subscribers(std::string_view topic) const;
    // Run on the first worker's thread; may be asked for before start().
    Timer every(std::chrono::milliseconds period, Callback<void()> call);
    Timer after(std::chrono::milliseconds delay, Callback<void()> call);
    void cancel(Timer timer);
    // Runs `call` on a worker's thread, after what runs there now and behind what was posted before: the
    // calling worker's own, on any other thread the first worker's; or that of `worker`, from 0 on
    // (std::out_of_range where there is none). Its exception is logged. False: the server has not
    // started or has stopped, or 64 MiB are on their way to the worker (a call counts as 1 KiB); then
    // `call` is dropped. A call that the worker does not come to before it ends is dropped, too.
    bool post(Callback<void()> call);
    bool post(unsigned worker, Callback<void()> call);
    // The same for a call with a result, or an exception. A call that is dropped gives BrokenPromise.
    //     const size_t count = co_await server.call(1, [&] { return counts[1]; });
    template <class F>
    [[nodiscard]] auto call(unsigned worker, F&& call)
        -> Future<std::invoke_result_t<std::decay_t<F>&>>;
    [[nodiscard]] unsigned workers() const noexcept;  // Since start(); 0 before.
    // In a coroutine: co_await server.sleep(1s). The coroutine that dies meanwhile leaves no timer.
    [[nodiscard]] detail::Sleep sleep(std::chrono::milliseconds time) const noexcept {
        return {time};
    }
    [[nodiscard]] ServerStats stats() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

template <class F>
auto Server::call(unsigned worker, F&& call) -> Future<std::invoke_result_t<std::decay_t<F>&>> {
    using Result = std::invoke_result_t<std::decay_t<F>&>;
    static_assert(!detail::is_task<Result>, "call() takes a plain function, no coroutine");
    static_assert(detail::survives_co_await<F>,
                  "g++ destroys what such a temporary lambda captures twice within a co_await "
                  "expression: give the lambda a name in a line before, and pass that");
    const auto promise = std::make_shared<Promise<Result>>();
    Future<Result> future = promise->future();
    post(worker,
         [promise, call = std::forward<F>(call)]() mutable { promise->set_result_of(call); });
    return future;
}

[[nodiscard]] std::string_view version() noexcept;  // "0.1.0"

}  // namespace starling
