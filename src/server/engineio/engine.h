// server/engineio/engine.h: Engine.IO on a server, for the protocols above it: sessions of clients
// over long-polling and WebSocket, with one message stream in each direction.
//
// Engine: one per path; set up before the workers start, read-only from then on. EngineSession: one
// client. EngineHandler: the protocol above that client.
// Owner: each session owns its EngineHandler, the EngineWorker of its worker owns the session, the
//        worker owns the EngineWorker. Thread: a session, its handler and all their calls belong to
//        one worker.
#pragma once

#include <starling/http.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cache_line.h"
#include "base/slot_pool.h"
#include "base/slot_table.h"
#include "engineio/ids.h"
#include "engineio/request.h"
#include "engineio/session.h"
#include "hub/hub.h"
#include "server/engineio/options.h"
#include "server/engineio/session_websocket.h"
#include "server/engineio/unjoined.h"
#include "ws/origin.h"

namespace starling::server {

struct ConnectionFacts;
enum class RequestEnd : uint8_t;
class EngineWorker;
class EnginePoll;
class Exchange;
struct EngineQueue;
class EngineSession;
class EngineWsHandler;
class Figures;
class HttpConnection;
class Nodes;
struct RelayedRequest;
struct SessionHome;
struct Site;
struct WorkerGroup;
class Worker;
struct WsAdmission;

// Why a session ended. engineio::reason_text() returns the words of Node's server.
using EngineClose = engineio::Reason;

// The calls of a session to the protocol above it. Each may call any function of its session,
// close() included. An exception from one ends this session alone (forced_server_close).
class EngineHandler {
public:
    virtual ~EngineHandler() = default;
    // The open packet is already queued; what is sent from here on leaves together with it.
    virtual void on_open() = 0;
    // A message packet without its type '4'. Valid UTF-8; the view ends with the call.
    virtual void on_text(std::string_view text) = 0;
    virtual void on_binary(std::span<const std::byte> bytes) = 0;
    // The session has moved from polling to its WebSocket.
    virtual void on_upgrade() {}
    // The client has answered a ping: it has taken all packets that were sent before that ping.
    virtual void on_pong() {}
    // The timer of EngineSession::set_timer() has expired.
    virtual void on_timer() {}
    // Adds to what an operator sees of the session's WebSocket.
    virtual void describe(ConnectionFacts& facts) const { (void)facts; }
    // The last call. The handler and its session are freed after this call has returned.
    virtual void on_close(EngineClose reason) = 0;
};

// What the protocol above an Engine has on a worker, for the handlers of the sessions there.
//
// Owner: the protocol; it lives longer than the workers.
class EngineProtocolPart {
protected:
    virtual ~EngineProtocolPart() = default;
};

// Makes the handler of a new session, on the session's worker, before on_open(). The request is the
// one that opened the session; it ends with the call. Null refuses the session (403, code 4).
using EngineFactory = std::function<std::unique_ptr<EngineHandler>(EngineSession& session,
                                                                   const http::Request& request)>;

// After close() all calls are allowed and do nothing.
// Lies in the EngineWorker's table, from which host() and the slot of its key follow.
class EngineSession final {
public:
    using Pool = base::SlotPool<EngineSession, EngineWorker>;

    EngineSession(uint32_t generation, const EngineWorker& host, const engineio::SidSecret& secret,
                  engineio::Revision revision, engineio::Transport transport,
                  bool supports_binary) noexcept;
    EngineSession(const EngineSession&) = delete;
    EngineSession& operator=(const EngineSession&) = delete;
    ~EngineSession();

    // `packet` begins with the packet type of Engine.IO: "42[\"x\"]". `compress` matters on a
    // WebSocket that negotiated compression.
    void send_text(std::string_view packet, bool compress = true);
    void send_binary(std::span<const std::byte> bytes, bool compress = true);
    // Sends one packet to many sessions; it is encoded once for each worker. message.bytes is what
    // send_text() takes, or, if message.binary is set, what send_binary() takes.
    void deliver(hub::Publication& publication);

    // True if a packet sent now leaves now: the WebSocket is not blocked, or a poll is pending.
    [[nodiscard]] bool writable() const noexcept;
    [[nodiscard]] size_t queued_bytes() const noexcept;  // Bytes that the kernel has not taken yet.
    // Closes the session after the packets sent before. Without a pending poll the session waits up
    // to 30 s for one. on_close() may be called before this returns.
    void close(EngineClose reason = EngineClose::forced_close);

    // Backpressure: nothing more is read from the client until resume(). A WebSocket is not read;
    // over polling the POST that arrives is taken, but answered by resume(), and the client sends
    // no other before that. Packets that were read already still reach the handler. The client's
    // heartbeats are not missed meanwhile.
    void pause();
    void resume();

    // Sends a ping now, unless one waits for its answer, or the client speaks revision 3;
    // EngineHandler::on_pong() follows the answer.
    void ping();

    // Counts one subscription of the client for Limits::joins. False: it is over the limit, and is
    // counted as such.
    [[nodiscard]] bool takes_join();

    // Marks the session as used. An unused session ends at EngineOptions::join_timeout, or earlier
    // if it is the oldest of too many. Later calls do nothing.
    void keep() noexcept;

    // The one timer of the handler, at most 250 ms late; replaces the timer set before.
    void set_timer(uint64_t delay_ms);
    void cancel_timer() noexcept;

    [[nodiscard]] engineio::Sid sid() const noexcept;  // A secret.
    [[nodiscard]] unsigned revision() const noexcept {
        return static_cast<unsigned>(core_.revision());
    }
    [[nodiscard]] bool on_websocket() const noexcept;
    void describe(ConnectionFacts& facts) const {
        if (user_) user_->describe(facts);
    }
    [[nodiscard]] bool is_open() const noexcept { return core_.may_send(); }
    [[nodiscard]] Worker& worker() const noexcept;
    // What Engine::use_part() gave to the session's worker.
    [[nodiscard]] EngineProtocolPart& protocol_part() const noexcept;
    // For calls from other threads: post to worker(); there Engine::find() returns the session or
    // null.
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return Pool::key_of(*this); }
    [[nodiscard]] uint32_t slot_generation() const noexcept { return generation_; }

private:
    friend class Engine;
    friend class EngineWorker;
    friend class EngineWsHandler;
    friend class EnginePoll;
    friend class RelayedSocket;
    friend struct ForeignAccess;
    using Actions = engineio::Session::Actions;
    using Event = engineio::Session::Event;

    // Called by the transports; defined in session.cpp and polling.cpp.
    [[nodiscard]] bool make_user(const EngineFactory& factory, const http::Request& request);
    void open();  // Sends the open packet, then calls on_open().
    // The same without the packet: the client has got that of another program.
    void open_taken_over(SessionWebSocket websocket);
    void on_get(const Exchange& exchange, const http::Request& request,
                const engineio::Query& query, http::Response& response);
    // False: `response` holds the refusal.
    [[nodiscard]] bool on_post_head(const Exchange& exchange, const engineio::Query& query,
                                    http::Response& response);
    // Takes the body of a POST whose head on_post_head() took.
    void on_post(const Exchange& exchange, const http::Request& request, http::Response& response);
    void request_ended(base::SlotKey request, RequestEnd how);
    void request_must_end(base::SlotKey request);
    // The same, if the client of the poll, the POST or the WebSocket is at another node.
    void end_if_relayed();
    void release(base::SlotKey request);
    void poll_left();
    void post_left(Event event);
    // False: the packet of a POST is over a limit.
    [[nodiscard]] bool takes_packet(const engineio::Packet& packet) const;
    void refuse_flood(http::Response& response);
    void answer_held_post();
    void websocket_opened(SessionWebSocket websocket);
    void websocket_ended(Event event);
    // Gives up the WebSocket and closes it.
    void close_websocket(uint16_t code);
    void untie() noexcept;  // Clears the pointers of both.
    void on_frame(std::span<const std::byte> bytes, bool binary);
    void on_due();
    void flush();
    // False: the queue stays until the node of the poll's client takes more.
    [[nodiscard]] bool poll_has_room() const;
    void drop(EngineClose reason);

    void act(const Actions& actions, const engineio::Packet* packet = nullptr);
    void act_and_end(const Actions& actions);
    void send_answers(const Actions& actions);
    template <class F>
    void attempt(F&& part) noexcept;
    void take(engineio::Link link, const engineio::Packet& packet);
    void give(const engineio::Packet& packet);
    void send_now(std::string_view packet, bool compress = true);
    void enqueue(base::SharedBytes bytes, bool binary);
    void send_binary_frame(std::span<const std::byte> bytes, bool compress = true);
    void flush_websocket();
    [[nodiscard]] size_t unsent_reply_bytes() const noexcept;
    [[nodiscard]] bool fits_beside_reply(size_t bytes);
    [[nodiscard]] bool on_own_thread() const noexcept;
    void log_fault(engineio::Fault fault, std::string_view address) const;
    // Answers the pending poll with the queue if `with_queue`, then with `last` unless empty.
    void answer_poll(bool with_queue, std::string_view last);
    void end();
    void schedule();
    [[nodiscard]] uint64_t now_ms() const noexcept;
    [[nodiscard]] engineio::Moment now() const noexcept;
    [[nodiscard]] bool has_timer() const noexcept { return extras_ && extras_->timer_due_low; }
    [[nodiscard]] uint64_t timer_due_ms() const noexcept;  // If there is a timer.
    template <class F>
    void call(F&& call_user);
    void user_threw(std::string_view what);

    // State that a session needs while it polls, until it is used, or while its handler has a
    // timer.
    struct Extras {
        std::unique_ptr<EnginePoll> poll;    // The pending poll.
        std::unique_ptr<EngineQueue> queue;  // Null while empty.
        base::SlotKey post;  // The POST whose body is arriving, a key of an Exchange.
        // The poll answered last, a key of an Exchange, until its answer has left.
        base::SlotKey answered;
        uint32_t timer_due_low = 0;  // Milliseconds modulo 2^32; 0: the handler has no timer.
        bool post_jsonp = false;     // The POST in `post` is a JSONP form.
        bool post_held = false;      // The packets of that POST were taken; resume() answers it.
        std::unique_ptr<UnjoinedSessions::Entry> unjoined;  // Null: the session is used.
    };
    [[nodiscard]] Extras& extras();
    void release_extras() noexcept;  // Frees the extras if they hold nothing.
    [[nodiscard]] base::SlotKey post() const noexcept {
        return extras_ ? extras_->post : base::SlotKey{};
    }

    [[nodiscard]] EnginePoll* poll() const noexcept {
        return extras_ ? extras_->poll.get() : nullptr;
    }
    [[nodiscard]] EngineQueue* queue() const noexcept {
        return extras_ ? extras_->queue.get() : nullptr;
    }
    [[nodiscard]] EngineWorker& host() const noexcept { return Pool::owner_of(*this); }

    SessionWebSocket websocket_;  // The transport, or being probed.
    engineio::Session core_;
    const uint32_t generation_;
    engineio::SidSecret secret_;
    bool supports_binary_;
    bool flush_due_ = false;  // The session is in the list of flushes of its EngineWorker.
    std::unique_ptr<EngineHandler> user_;
    std::unique_ptr<Extras> extras_;  // Null for most sessions: over WebSocket, and used.
};
static_assert(sizeof(EngineSession) <= 64, "part of what an idle client costs");

class Engine {
public:
    Engine(EngineOptions options, EngineFactory factory);  // Throws std::invalid_argument.
    ~Engine();

    void mount(Site& site);  // Adds the routes. The engine must live longer than the workers.
    void attach(WorkerGroup& group);  // Call it when the workers exist and none runs yet.
    // Call it after attach(), if the handlers use EngineSession::protocol_part().
    void use_part(size_t worker, EngineProtocolPart& part) const noexcept;

    // On the worker's thread. Null if the session has ended.
    [[nodiscard]] EngineSession* find(const Worker& worker, base::SlotKey key) const noexcept;
    // Extension calls the functions of the same names.
    void server_stops(const Worker& worker) const;
    void successor_serves(const Worker& worker) const;
    void connections_ended(const Worker& worker) const;
    [[nodiscard]] bool is_busy(const Worker& worker) const noexcept;
    // Any thread. Open sessions on all workers.
    [[nodiscard]] uint64_t sessions() const noexcept { return sessions_.load(); }
    // Sessions opened since the start; a session counts once it has sent its open packet.
    [[nodiscard]] uint64_t sessions_opened() const noexcept { return sessions_opened_.load(); }

    // A request that another node has relayed to `worker`, on its thread. Fills or promises the
    // request's response.
    void answer_relayed(Worker& worker, RelayedRequest& relayed, const http::Request& request);
    // The session to which a client at another node upgrades; null: the upgrade is refused.
    [[nodiscard]] EngineSession* find_to_upgrade(Worker& worker,
                                                 const http::Request& request) const;
    [[nodiscard]] bool serves(std::string_view path) const noexcept;

    // The sessions of one worker, on its thread.
    void add_figures(const Worker& worker, Figures& figures) const;

    [[nodiscard]] const EngineOptions& options() const noexcept { return options_; }
    // When the engine is attached.
    [[nodiscard]] EngineWorker& host(const Worker& worker) const noexcept;

private:
    class EngineRoute;
    struct Checked;
    friend class EngineWorker;
    friend class EngineWsHandler;
    friend class EnginePoll;
    friend class EngineSession;
    friend struct ForeignAccess;

    void answer(HttpConnection& connection, const http::Request& request, http::Response& response);
    void answer_new(HttpConnection& connection, const http::Request& request,
                    const engineio::Query& query, http::Response& response);
    void answer_known(const Exchange& exchange, const Checked& checked,
                      const http::Request& request, http::Response& response) const;
    // Where a session of another node is; nothing: it is of this node, or of none that is there.
    [[nodiscard]] std::optional<SessionHome> home_of(std::string_view sid) const;
    [[nodiscard]] bool begin(HttpConnection& connection, const http::Request& request,
                             http::Response& response);
    void admit(WsAdmission& admission);
    [[nodiscard]] bool passes(Worker& worker, const http::Request& request, const Checked& checked,
                              http::Response& response) const;
    [[nodiscard]] bool allows_origin(const http::Request& request) const;
    // True: `response` is the whole answer, to a preflight.
    [[nodiscard]] bool apply_cors(const http::Request& request, http::Response& response) const;
    struct Refused {
        std::string message;
        bool busy = false;  // There are too many sessions.
    };
    // Null if the session is refused.
    [[nodiscard]] EngineSession* make_session(Worker& worker, const http::Request& request,
                                              const engineio::Query& query,
                                              engineio::Transport transport, Refused& refused);
    void refuse(Worker& worker, const http::Request& request, http::Response& response,
                engineio::Error error, std::string_view message = {}) const;
    void refuse_upgrade(WsAdmission& admission, engineio::Error error,
                        std::string_view message = {}) const;
    void report(Worker& worker, const http::Request& request, engineio::Error error,
                std::string_view message) const;
    void call_header_hooks(const http::Request& request, http::Response& response,
                           bool initial) const;

    const EngineOptions options_;
    const EngineFactory factory_;
    const engineio::Policy policy_;
    const engineio::SessionOptions session_options_;
    const uint32_t join_timeout_ms_;  // 0: none.
    ws::OriginPolicy origins_;
    std::vector<EngineWorker*> hosts_;    // By worker index. Each worker owns its EngineWorker.
    Nodes* nodes_ = nullptr;              // Null: no cluster.
    uint64_t sessions_max_ = UINT64_MAX;  // Equal to the limit of connections.
    size_t unjoined_max_ = SIZE_MAX;      // Limit of unused sessions on each worker.
    // Written for each session, not on a line that messages read.
    alignas(base::cache_line_bytes) std::atomic<uint64_t> sessions_{0}, sessions_opened_{0};
};

}  // namespace starling::server
