// server/engineio/engine.h: Engine.IO on a server, as seen from what is built on top of it: sessions of
// clients over long-polling and WebSocket, one message stream each way.
//
// Engine: one per path; set up before the workers start, read-only from then on. EngineSession: one
// client. EngineHandler: what is above that client.
// Owner: EngineHandler by its session, sessions by the EngineWorker of their worker, hosts by the worker.
// Thread: a session, its user and all their calls belong to one worker.
#pragma once

#include <starling/http.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/slot_table.h"
#include "base/tied.h"
#include "engineio/ids.h"
#include "engineio/request.h"
#include "engineio/session.h"
#include "hub/hub.h"
#include "net/timer_wheel.h"
#include "server/engineio/options.h"
#include "server/engineio/unjoined.h"
#include "ws/origin.h"

namespace starling::server {

enum class RequestEnd : uint8_t;
class EngineWorker;
class EnginePoll;
struct EngineQueue;
class EngineSession;
class EngineSocket;
class HttpConnection;
struct Site;
struct WorkerGroup;
class Worker;
struct WsAdmission;

// Why a session ended; engineio::reason_text() has the words that Node's server uses.
using EngineClose = engineio::Reason;

// May call anything of its session from any of these, close() included. A call that throws ends the
// session (forced_server_close) and nothing else.
class EngineHandler {
public:
    virtual ~EngineHandler() = default;
    // The open packet is queued; what is sent from here on leaves together with it.
    virtual void on_open() = 0;
    // A message packet, its type '4' removed. Valid UTF-8; the view ends with the call.
    virtual void on_text(std::string_view text) = 0;
    virtual void on_binary(std::span<const std::byte> bytes) = 0;
    // The moment of EngineSession::set_timer().
    virtual void on_timer() {}
    // The last call. The user and its session are freed soon after, not before it returns.
    virtual void on_close(EngineClose reason) = 0;
};

// Makes the user of a new session, on the session's worker, before on_open(). The request is the one
// that opened the session and ends with the call. Null refuses the session (403, code 4).
using EngineFactory = std::function<std::unique_ptr<EngineHandler>(EngineSession& session,
                                                                   const http::Request& request)>;

// After close() every call is allowed and does nothing.
class EngineSession final : private net::TimerEntry,
                            private base::Tied<EngineSession, EngineSocket> {
public:
    EngineSession(EngineWorker& host, base::SlotKey key, const engineio::Sid& sid,
                  engineio::Revision revision, engineio::Transport transport, bool supports_binary);
    EngineSession(const EngineSession&) = delete;
    EngineSession& operator=(const EngineSession&) = delete;
    ~EngineSession();

    // `packet` begins with the engine's packet type: "42[\"x\"]".
    // `compress`: on a WebSocket that agreed to it.
    void send_text(std::string_view packet, bool compress = true);
    void send_binary(std::span<const std::byte> bytes, bool compress = true);
    // The same packet for many sessions, encoded once for each worker: message.bytes is as for
    // send_text(), or, with message.binary, as for send_binary().
    void deliver(hub::Publication& publication);

    // What is sent now leaves now: a WebSocket that is not blocked, or a poll that waits.
    [[nodiscard]] bool writable() const noexcept;
    [[nodiscard]] size_t queued_bytes() const noexcept;  // Not yet taken by the kernel.
    // What was sent before leaves first; where no poll waits for it, one has 30 s to come. on_close()
    // may come before this returns.
    void close(EngineClose reason = EngineClose::forced_close);

    // The session is in use: without this it ends at EngineOptions::join_timeout, or before that where it
    // is the oldest of too many. Later calls do nothing.
    void keep() noexcept;

    // One timer of the user's, coarse (250 ms late at most); replaces the one set before.
    void set_timer(uint64_t delay_ms);
    void cancel_timer() noexcept { timer_due_ms_ = 0; }

    [[nodiscard]] std::string_view sid() const noexcept { return sid_.view(); }  // A secret.
    [[nodiscard]] unsigned revision() const noexcept { return unsigned(core_.revision()); }
    [[nodiscard]] bool on_websocket() const noexcept;
    [[nodiscard]] bool is_open() const noexcept { return core_.may_send(); }
    [[nodiscard]] Worker& worker() const noexcept;
    // For calls from other threads: posted to worker(), Engine::find() gives the session or null.
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return key_; }

private:
    friend class Engine;
    friend class EngineWorker;
    friend class EngineSocket;
    friend class base::Tied<EngineSession, EngineSocket>;
    friend class base::Tied<EngineSocket, EngineSession>;
    friend class EnginePoll;
    using Actions = engineio::Session::Actions;
    using Event = engineio::Session::Event;

    // From the transports; engine_session.cpp, engine_polling.cpp.
    [[nodiscard]] bool make_user(const EngineFactory& factory, const http::Request& request);
    void open();  // The open packet, then the user.
    void on_get(HttpConnection& connection, const http::Request& request,
                const engineio::Query& query, http::Response& response);
    // False: the response refuses the request.
    [[nodiscard]] bool on_post_head(HttpConnection& connection, const engineio::Query& query,
                                    http::Response& response);
    void on_post(HttpConnection& connection, const http::Request& request,
                 http::Response& response);  // Behind its head.
    void request_ended(base::SlotKey request, RequestEnd how);
    void request_must_end(base::SlotKey request);
    void poll_left();
    void post_left(Event event);
    void socket_opened(EngineSocket& socket);
    void socket_ended(Event event);
    void on_frame(std::span<const std::byte> bytes, bool binary);
    void on_due();
    void flush();
    void drop(EngineClose reason);

    void act(const Actions& actions, const engineio::Packet* packet = nullptr);
    void give(const engineio::Packet& packet);
    void send_now(std::string_view packet, bool compress = true);
    void enqueue(base::SharedBytes bytes, bool binary);
    void send_binary_frame(std::span<const std::byte> bytes, bool compress = true);
    void flush_websocket();
    [[nodiscard]] size_t unsent_reply_bytes() const noexcept;
    void log_fault(engineio::Fault fault, std::string_view address) const;
    // With a poll that waits: the queue, with `last` behind it where that is not empty.
    void answer_poll(bool with_queue, std::string_view last);
    void end();
    void schedule();
    [[nodiscard]] uint64_t now_ms() const noexcept;
    // The WebSocket that is the transport, or on probation; null: none.
    [[nodiscard]] inline EngineSocket* socket() const noexcept;  // In websocket.h.
    template <class F>
    void call(F&& call_user);
    void user_threw(std::string_view what);

    // What a session needs while it polls, or until it is in use.
    struct Extras {
        base::SlotKey post;       // The POST whose body is on its way, by Worker::replies().
        base::SlotKey answered;   // The poll that was answered last, by Worker::replies().
        bool post_jsonp = false;  // The POST is a form of JSONP.
        std::unique_ptr<UnjoinedSessions::Entry> unjoined;  // Null: the session is in use.
    };
    [[nodiscard]] Extras& extras();
    void release_extras() noexcept;  // Where they hold nothing any more.
    [[nodiscard]] base::SlotKey post() const noexcept {
        return extras_ ? extras_->post : base::SlotKey{};
    }

    EngineWorker& host_;
    engineio::Session core_;
    engineio::Sid sid_;
    bool supports_binary_;
    bool flush_due_ = false;  // In the host's list.
    base::SlotKey key_;
    uint64_t timer_due_ms_ = 0;  // 0: none.
    std::unique_ptr<EngineHandler> user_;
    std::unique_ptr<EnginePoll> poll_;    // The GET that waits.
    std::unique_ptr<EngineQueue> queue_;  // Null while empty.
    std::unique_ptr<Extras> extras_;      // Null for most sessions: over WebSocket, in use.
};
static_assert(sizeof(EngineSession) <= 152, "part of the 1 KB that an idle client may cost");

class Engine {
public:
    Engine(EngineOptions options, EngineFactory factory);  // Throws std::invalid_argument.
    ~Engine();

    void mount(Site& site);           // Its routes. The engine outlives the workers.
    void attach(WorkerGroup& group);  // The workers are there; none runs yet.

    // Worker's thread. Null once the session is gone.
    [[nodiscard]] EngineSession* find(const Worker& worker, base::SlotKey key) const noexcept;
    // As in Extension.
    void server_stops(const Worker& worker);
    void connections_ended(const Worker& worker);
    // Any thread: over all workers.
    [[nodiscard]] uint64_t sessions() const noexcept { return sessions_.load(); }
    // Since the start. A session counts once it has sent its open packet.
    [[nodiscard]] uint64_t sessions_opened() const noexcept { return sessions_opened_.load(); }

    [[nodiscard]] const EngineOptions& options() const noexcept { return options_; }

private:
    class EngineRoute;
    struct Checked;
    friend class EngineWorker;
    friend class EngineWsHandler;
    friend class EnginePoll;
    friend class EngineSession;

    [[nodiscard]] EngineWorker& host(const Worker& worker) const noexcept;
    void answer(HttpConnection& connection, const http::Request& request, http::Response& response);
    void answer_new(HttpConnection& connection, const http::Request& request,
                    const engineio::Query& query, http::Response& response);
    [[nodiscard]] bool begin(HttpConnection& connection, const http::Request& request,
                             http::Response& response);
    void admit(WsAdmission& admission);
    [[nodiscard]] bool passes(Worker& worker, const http::Request& request, const Checked& checked,
                              http::Response& response) const;
    [[nodiscard]] bool allows_origin(const http::Request& request) const;
    // Null, with the message of the refusal, where the application does not want it.
    [[nodiscard]] EngineSession* make_session(Worker& worker, const http::Request& request,
                                              const engineio::Query& query,
                                              engineio::Transport transport, std::string& refusal);
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
    std::vector<EngineWorker*> hosts_;  // By the workers' indices; each is its worker's.
    std::atomic<uint64_t> sessions_{0}, sessions_opened_{0};
    uint64_t sessions_max_ = UINT64_MAX;  // As many as there may be connections.
    size_t unjoined_max_ = SIZE_MAX;      // On each worker.
};

}  // namespace starling::server
