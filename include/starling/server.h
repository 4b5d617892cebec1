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
#include <starling/io.h>
#include <starling/limits.h>
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

namespace starling::sio {  // Defined in <starling/socketio.h>.
class Server;
struct Options;
}  // namespace starling::sio

namespace starling::gateway {  // Defined in <starling/gateway.h>.
class Gateway;
struct Options;
}  // namespace starling::gateway

namespace starling {
class Server;
}  // namespace starling

namespace starling::admin {  // Defined in <starling/admin.h>.
class Admin;
struct Options;
Admin& serve(Server& server, Options options);
}  // namespace starling::admin

namespace starling {

class ClientLoop;  // Defined in <starling/client.h>.

struct Certificate {
    std::string certificate_chain_path;  // PEM, leaf first.
    std::string private_key_path;        // PEM.
};

// One address to listen on: "127.0.0.1:8080", "[::1]:8080", ":8080" (every IPv4 address),
// "[::]:8080" (every IPv6 address), "unix:/run/starling.sock". Port 0 takes a free port: see
// Server::addresses().
struct Listen {
    // automatic: on if there are certificates, of this address or of the server.
    enum class Tls : uint8_t { automatic, on, off };
    std::string address;
    Tls tls = Tls::automatic;
    // For the file of a Unix-domain socket, set before the socket accepts. `mode`: permission bits
    // as for chmod(2), such as 0660; 0: what the umask of the process leaves. `owner`, `group`: a
    // name or a number; "": that of the process.
    uint32_t mode = 0;
    std::string owner = {}, group = {};
    // `control`: this address serves only the gateway's control API, and no other address serves
    // it then.
    enum class Serves : uint8_t { everything, control };
    Serves serves = Serves::everything;
    // The proxies that connect to this address with the PROXY protocol, version 1 or 2: "10.0.0.0/8",
    // "::1", "unix". They name the client of each connection, which is then the peer of everything
    // else here. A connection from another address, or without the header, is closed. Empty: no
    // connection begins with the header.
    std::vector<std::string> proxy_protocol_from = {};
    // This address presents it in place of ServerOptions::certificates. Those of sites, see
    // HostOptions, go before it for their hosts. Empty paths: none. With Tls::off an error.
    Certificate certificate = {};
};

// A list of addresses, or one address as a string.
class ListenList : public std::vector<Listen> {
public:
    ListenList() = default;
    ListenList(const char* address) : ListenList(std::string(address)) {}
    ListenList(std::string address) { push_back({std::move(address)}); }
    ListenList(std::initializer_list<Listen> list) : std::vector<Listen>(list) {}
};

struct HttpLimits {
    uint32_t head_bytes_max = 16 * 1024;
    uint32_t fields_max = 100;
    uint32_t target_bytes_max = 8 * 1024;
    uint64_t body_bytes_max = 1'000'000;
    std::chrono::milliseconds head_timeout{10'000};        // From the first byte, TLS included.
    std::chrono::milliseconds request_timeout{30'000};     // For head and body.
    std::chrono::milliseconds keep_alive_timeout{65'000};  // Between two requests.
    // Until a promised answer (Response::later()) begins. Then the client gets 500, and the log an
    // error.
    std::chrono::milliseconds answer_timeout{30'000};
    uint64_t stream_queue_bytes_max = 1024 * 1024;  // Per streamed answer; see Reply::write.
};

// The field in which proxies name the client. A proxy must replace or append to this field in each
// request; all other fields are the client's own words.
enum class ClientAddressField : uint8_t {
    x_forwarded_for,
    forwarded,  // RFC 7239.
    x_real_ip,
    none,  // The client is the peer.
};

// A stop that leaves time to load balancers and clients. Each of the two may be 0.
struct Drain {
    // Server::draining() is true, and all else goes on.
    std::chrono::milliseconds announce{0};
    // Then the connections are closed evenly over this time, WebSockets with 1012; new ones are
    // refused at its end.
    std::chrono::milliseconds over{0};
};

// How the access log writes a request: a line of the log with fields; the formats of Apache's and
// nginx's logs, which have no level; or an object of JSON, whatever format the log has.
enum class AccessFormat : uint8_t { fields, common, combined, json };

struct ServerOptions {
    ListenList listen = "127.0.0.1:8080";
    unsigned workers = 0;  // Threads; 0: one per core.
    // The first certificate serves clients that name no host.
    std::vector<Certificate> certificates = {};
    // Cipher suites of TLS 1.2 in OpenSSL's format (openssl-ciphers(1)). TLS 1.3 has its own. The
    // default suites all have forward secrecy and authenticated encryption.
    std::string tls_ciphers = "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20";
    HttpLimits http = {};
    uint64_t connections_max = 0;  // 0: the descriptor limit minus 256.
    // A peer whose TCP acknowledges nothing of its queue for this time is reset.
    std::chrono::milliseconds stalled_timeout{10'000};
    std::chrono::milliseconds drain_timeout{30'000};  // After SIGTERM.
    // If one of its times is not 0, stop() drains first.
    Drain drain = {};
    // While run() runs, it handles SIGTERM, SIGINT and SIGHUP, on whatever thread they arrive.
    bool handle_signals = true;
    // SIGUSR1 and SIGUSR2 as well: the first opens the log files again, the second calls
    // on_upgrade().
    bool handle_user_signals = false;
    Io io = Io::automatic;  // Of the workers. Server::io() tells what it became.
    // Listening sockets of a service manager or of a predecessor, which stay the caller's: an address
    // of `listen` that one of them has is served on a copy of it.
    std::vector<int> inherited = {};
    bool inherited_files_stay = false;  // Files of inherited Unix-domain sockets are not removed.
    // The proxies in front: "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "unix" for peers on a
    // Unix-domain socket. A request from one of them has the address that `client_address_field`
    // names: the last hop that is no trusted proxy. http::Request::secure() is what they say in
    // X-Forwarded-Proto, or in `proto` if the field is Forwarded; with `none` no field counts.
    // Their user headers are believed too, see <starling/auth.h> and <starling/gateway.h>.
    std::vector<std::string> trusted_proxies = {};
    ClientAddressField client_address_field = ClientAddressField::x_forwarded_for;
    Limits limits = {};
    bool access_log = false;  // A line for each request, at level info.
    AccessFormat access_format = AccessFormat::fields;
    // Null: these lines go to `log`. The formats common and combined want a sink with
    // log::Format::raw.
    std::shared_ptr<log::Sink> access_sink = nullptr;
    // Query parameters whose values the access log masks; names compare without case. The
    // parameters that hold a login or a session (auth::Options::query_parameter, `sid`) are always
    // masked.
    std::vector<std::string> access_log_masked = {"access_token", "api_key", "key",
                                                  "password",     "secret",  "token"};
    // Null: lines at level warn and above go to standard error; with `access_log`, lines at level
    // info too.
    std::shared_ptr<log::Sink> log = nullptr;
};

// Nothing: `text` may stand in a list of addresses: ServerOptions::trusted_proxies, Limits::exempt,
// Listen::proxy_protocol_from. Otherwise what is wrong with it.
[[nodiscard]] std::optional<std::string> fault_of_address_range(std::string_view text);

// Counters since the start, summed over the workers. They may be read at any time; they are exact
// while there is no traffic.
struct ServerStats {
    uint64_t connections_open = 0, connections_accepted = 0, connections_refused = 0;
    uint64_t connections_stalled = 0;  // Reset because of ServerOptions::stalled_timeout.
    // Closed because a PROXY header is missing or malformed, or the peer may not send one.
    uint64_t proxy_headers_refused = 0;
    // Requests of trusted proxies whose fields name no address, or no scheme, where they should.
    uint64_t client_addresses_malformed = 0;
    // What ServerOptions::limits has refused. Connections: new ones, by rate and by number.
    uint64_t limited_connections = 0, limited_connections_open = 0;
    uint64_t limited_messages = 0;  // Dropped, or the reason of a close.
    uint64_t limited_joins = 0, limited_channel_publishes = 0, limited_key_publishes = 0;
    uint64_t requests = 0;
    // Includes WebSockets that carry Socket.IO.
    uint64_t websockets_open = 0, websockets_opened = 0;
    // Clients of Socket.IO over polling or WebSocket. A client may be in no namespace, or in
    // several.
    uint64_t socketio_sessions_open = 0, socketio_sessions_opened = 0;
    uint64_t messages_received = 0, messages_sent = 0, messages_dropped = 0;
    uint64_t handler_exceptions = 0, protocol_errors = 0, accept_pauses = 0;
    // Of the channels of server events: what is kept now. Evicted: dropped for lack of memory.
    uint64_t history_messages = 0, history_bytes = 0, history_evicted = 0;
    uint64_t presence_members = 0, presence_refused = 0;
};

// The subscribers of a topic on all nodes of a cluster.
struct TopicCount {
    uint64_t subscribers = 0;          // Of this node and those that answered.
    size_t missing = 0;                // Nodes with subscribers that did not answer.
    std::chrono::milliseconds age{0};  // Of the oldest number in the sum; about 1 s at most.
};

// Names a timer for Server::cancel().
struct Timer {
    uint64_t id = 0;
};

class Server {
public:
    explicit Server(ServerOptions options = {});
    ~Server();  // If the server runs, stops it at once.
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
    // Throws std::invalid_argument unless `options` has either a handler or a body.
    void route(std::string_view method, std::string_view pattern, http::Route options);
    // Adds a middleware for the paths beneath `prefix`: "/" is every path, "/admin" is "/admin" and
    // every path that begins with "/admin/". It runs before routes, static files, WebSocket
    // upgrades, server events and Socket.IO, and before 404 and 405. Several run in the order of
    // these calls. It gets the head of the request before the body is read, so request.body() is
    // empty if the request has a body.
    void use(std::string_view prefix, http::Middleware middleware);
    // Serves the files in `root` at `prefix`. Routes win over files. If the folder cannot be
    // opened, start() throws; run() logs the error and returns 2.
    void files(std::string_view prefix, std::string root, http::StaticFileOptions options = {});
    void websocket(std::string_view pattern, ws::Route route);
    void cors(http::CorsOptions options);  // Applies to every HTTP route.
    // Adds a field to every HTTP answer that does not set the field itself.
    void default_header(std::string_view name, std::string_view value);
    void on_reload(PlainCallback<void()> call);  // Called after SIGHUP, on the thread of run().
    // Called after SIGUSR2, on the thread of run(), see ServerOptions::handle_user_signals.
    void on_upgrade(PlainCallback<void()> call);
    // Called by start() when all addresses are bound and no worker runs: the place to give up
    // rights. What it throws ends the start.
    void on_bound(PlainCallback<void()> call);
    // Server events at /ws/, /sse/ and /api, see <starling/events.h>. The server owns the channels.
    // Throws std::invalid_argument for wrong options, and std::logic_error when called again.
    events::Channels& events(events::Options options = {});
    // The gateway between WebSocket clients and applications that speak HTTP, see
    // <starling/gateway.h>. The server owns it. Throws as events() does.
    gateway::Gateway& gateway(gateway::Options options);
    // Socket.IO at /socket.io/. The caller includes <starling/socketio.h>. The server owns the
    // result. Throws std::invalid_argument for wrong options, and for a second Socket.IO server at
    // the same path.
    sio::Server& socketio();
    sio::Server& socketio(sio::Options options);

    // ---- Start and stop -------------------------------------------------------------------------
    // Starts, waits for stop() or SIGTERM, drains and returns 0. Returns 2 if the server could not
    // start, and logs the reason.
    int run();
    // Listens and returns. Throws std::system_error or std::runtime_error; then nothing is started.
    void start();
    // Any thread. Stops accepting, answers new requests with 503, and closes WebSockets with 1001,
    // spread over a short time. Ends after the drain timeout at the latest. A second call ends the
    // server at once.
    void stop();
    // Any thread. Stops after the times of ServerOptions::drain or of `how`. A stop() meanwhile stops
    // without them.
    void drain();
    void drain(const Drain& how);
    [[nodiscard]] bool draining() const noexcept;  // Since the first drain() or stop().
    // Any thread, while the server runs: for a successor that has copies of listening_sockets(). This
    // server accepts no more; what is open goes on. Files of Unix-domain sockets stay. Each answer to
    // a request is the last one of its connection, and Socket.IO clients that poll are told to connect
    // again, because their next request may reach the successor.
    void stop_listening();
    // Any thread, once a successor accepts: stop_listening(), and a drain over Drain::over, for a second
    // at least. False: the server has not started, or a drain or a stop has begun before; nothing
    // is done then.
    [[nodiscard]] bool hand_over();
    // Any thread. Since stop_listening() or hand_over().
    [[nodiscard]] bool handed_over() const noexcept;
    [[nodiscard]] std::vector<int> listening_sockets() const;
    void wait();  // Returns when a stop that was asked for is complete.
    [[nodiscard]] bool stopping() const noexcept;
    // The addresses with their actual ports. Valid after start().
    [[nodiscard]] std::vector<std::string> addresses() const;
    [[nodiscard]] uint16_t port() const;  // The port of the first address; 0: a Unix-domain socket.
    // Reads the certificate files again, each certificate on its own. New connections get the
    // certificates that can be used. A certificate that cannot be used stays as it was; then
    // std::runtime_error is thrown, with a reason for each, separated by "; ".
    void reload_certificates();

    // ---- Changes of a running server ------------------------------------------------------------
    // Any thread. What is open goes on.
    // Other certificates for new connections. Throws std::runtime_error if one of them cannot be
    // used, or if the server has none: then nothing changes.
    void reload_certificates(std::vector<Certificate> files);
    // Throws std::invalid_argument for a range in Limits::exempt that is none; std::logic_error
    // before start().
    void change_limits(const Limits& limits);
    // The times and the limit of streamed answers hold from now on, the other limits for
    // connections that are accepted from now on; a lower `body_bytes_max` for the next request of
    // each connection. Throws std::logic_error before start().
    void change_http(const HttpLimits& limits);
    // Counts for the next request of each connection; a connection of a former proxy stays counted
    // in `limits` for the client that it named last. Throws std::invalid_argument for a range that
    // is none; std::logic_error before start().
    void change_trusted_proxies(const std::vector<std::string>& proxies);
    // For a stop or a drain that begins from now on: ServerOptions::drain and drain_timeout.
    void change_drain(const Drain& drain, std::chrono::milliseconds timeout);
    // Other ws::Route::origins for the WebSocket path `pattern`; not of a HostSite, which changes its
    // own. False: there is no such path. Throws std::invalid_argument for an origin that is none.
    bool change_origins(std::string_view pattern, std::vector<std::string> origins);

    // ---- Any thread, while the server runs ------------------------------------------------------
    // Sends `message` to every subscriber of `topic`, in a cluster also to those of the other nodes.
    // Returns how many sockets of the calling worker took it into their queues; if more than 1,000
    // of them subscribe, how many will be offered it. On a thread that is not a worker's, the call
    // is posted: returns nullopt. Before start() the message reaches no socket.
    std::optional<size_t> publish(std::string_view topic, ws::Message message);
    // The number of subscribers of `topic` on all workers of this process.
    [[nodiscard]] size_t subscribers(std::string_view topic) const;
    // The same on all nodes of a cluster. `done` is called once: without a cluster at once, in a
    // cluster at once or later on the calling worker, or for another thread on the first worker. If
    // the worker ends before, `done` is dropped, and the Future gets BrokenPromise.
    void count_subscribers(std::string_view topic, PlainCallback<void(TopicCount)> done) const;
    [[nodiscard]] Future<TopicCount> count_subscribers(std::string_view topic) const;
    // Timers run on the thread of the first worker. They may be set before start().
    Timer every(std::chrono::milliseconds period, Callback<void()> call);
    Timer after(std::chrono::milliseconds delay, Callback<void()> call);
    void cancel(Timer timer);
    // Runs `call` on a worker's thread, after the call that runs there now and the calls that were
    // posted before. The first form uses the calling worker; on another thread, the first worker.
    // The second form uses the worker of that number, counted from 0; std::out_of_range: there is
    // no such worker. An exception of `call` is logged. False: `call` was dropped, because the
    // server has not started or has stopped, or because 64 MiB are on their way to the worker (a
    // call counts as 1 KiB). If the worker ends first, `call` is dropped too.
    bool post(Callback<void()> call);
    bool post(unsigned worker, Callback<void()> call);
    // Like post(), and the Future gets the value that `call` returns, or the exception that leaves
    // `call`. If the call is dropped, the Future gets BrokenPromise.
    //     const size_t count = co_await server.call(1, [&] { return counts[1]; });
    template <class F>
    [[nodiscard]] auto call(unsigned worker, F&& call)
        -> Future<std::invoke_result_t<std::decay_t<F>&>>;
    [[nodiscard]] unsigned workers() const noexcept;  // 0 before start().
    // What start() has chosen, never `automatic`; before start(), epoll. Not while start() runs on
    // another thread. A refused io_uring is a warning in the log.
    [[nodiscard]] Io io() const noexcept;
    // In a coroutine: co_await server.sleep(1s). If the coroutine is destroyed meanwhile, its timer
    // is cancelled.
    [[nodiscard]] detail::Sleep sleep(std::chrono::milliseconds time) const noexcept {
        return {time};
    }
    [[nodiscard]] ServerStats stats() const;

    // ---- A worker's thread, in a handler ----------------------------------------------------------
    // The loop of the calling worker for clients: a WebSocket or a Socket.IO client that is made on it
    // runs on the worker's thread, like the handlers of the server. Made at the first call; lives as
    // long as the server. On a thread that is no worker of this server, and after the end of the
    // worker, throws std::logic_error; so do run(), start() and stop() of the loop.
    //
    // A server that stops keeps these clients until its own connections are gone. Then it closes their
    // WebSockets with 1001 and their Socket.IO sockets as disconnect() does, makes no connection for
    // them any more, and waits for the closing handshakes up to the drain timeout. At the end of the
    // worker the clients that are left end without events.
    [[nodiscard]] ClientLoop& client_loop();

private:
    friend admin::Admin& admin::serve(Server& server, admin::Options options);
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
