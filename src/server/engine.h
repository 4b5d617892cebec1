// server/engine.h: Engine.IO on a server, as seen from what is built on top of it: sessions of
// clients over long-polling and WebSocket, one message stream each way.
//
// Engine: one per path; set up before the workers start, read-only from then on. EngineSession: one
// client. EngineUser: what is above that client.
// Owner: EngineUser by its session, sessions by the EngineHost of their worker, hosts by the worker.
// Thread: a session, its user and all their calls belong to one worker.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/slot_table.h"
#include "hub/hub.h"
#include "server/engine_options.h"

namespace starling::server {

class EngineHost;
class EngineSession;
struct Site;
struct Team;
class Worker;

// Why a session ended; text_of() gives the words that Node's server uses.
enum class EngineClose : uint8_t {
    transport_error,
    transport_close,
    forced_close,
    ping_timeout,
    parse_error,
    server_shutting_down,
    forced_server_close,
};
[[nodiscard]] std::string_view text_of(EngineClose reason) noexcept;

// May call anything of its session from any of these, close() included. A call that throws ends the
// session (forced_server_close) and nothing else.
class EngineUser {
public:
    virtual ~EngineUser() = default;
    // The open packet is queued; what is sent from here on leaves together with it.
    virtual void on_open() = 0;
    // A message packet, its type '4' removed. Valid UTF-8; the view ends with the call.
    virtual void on_text(std::string_view text) = 0;
    virtual void on_binary(std::span<const std::byte> bytes) = 0;
    // The send queue is empty again after the peer had been slow.
    virtual void on_drain() {}
    // The moment of EngineSession::set_timer().
    virtual void on_timer() {}
    // The last call. The user and its session are freed soon after, not before it returns.
    virtual void on_close(EngineClose reason) = 0;
};

// After close() every call is allowed and does nothing.
class EngineSession {
public:
    // `packet` begins with the engine's packet type: "42[\"x\"]".
    void send_text(std::string_view packet);
    void send_binary(std::span<const std::byte> bytes);
    // The same packet for many sessions, encoded once for each worker: message.bytes is as for
    // send_text(), or, with message.binary, as for send_binary().
    void deliver(hub::Publication& publication);

    // What is sent now leaves now: a WebSocket that is not blocked, or a poll that waits.
    [[nodiscard]] bool writable() const noexcept;
    [[nodiscard]] size_t queued_bytes() const noexcept;  // Not yet taken by the kernel.
    // What was sent before leaves first. on_close() may come before this returns.
    void close(EngineClose reason = EngineClose::forced_close);

    // One timer of the user's, coarse (250 ms late at most); replaces the one set before.
    void set_timer(uint64_t delay_ms);
    void cancel_timer() noexcept;

    [[nodiscard]] std::string_view sid() const noexcept;  // 20 characters, secret.
    [[nodiscard]] unsigned revision() const noexcept;     // 3 or 4.
    [[nodiscard]] bool on_websocket() const noexcept;
    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] Worker& worker() const noexcept;
    // For calls from other threads: posted to worker(), Engine::find() gives the session or null.
    [[nodiscard]] base::SlotKey slot_key() const noexcept;

private:
    friend class EngineHost;
};

// Makes the user of a new session, on the session's worker, before on_open(). The request is the one
// that opened the session and ends with the call. Null refuses the session (403, code 4).
using EngineFactory = std::function<std::unique_ptr<EngineUser>(EngineSession& session,
                                                                const http::Request& request)>;

class Engine {
public:
    Engine(EngineOptions options, EngineFactory factory);  // Throws std::invalid_argument.
    ~Engine();

    void mount(Site& site);   // Its routes. It outlives the site's use.
    void attach(Team& team);  // The workers are there; none runs yet.

    // Worker's thread. Null once the session is gone.
    [[nodiscard]] EngineSession* find(Worker& worker, base::SlotKey key) const noexcept;
    // Any thread.
    [[nodiscard]] uint64_t sessions() const noexcept;

    [[nodiscard]] const EngineOptions& options() const noexcept { return options_; }

private:
    const EngineOptions options_;
    const EngineFactory factory_;
};

}  // namespace starling::server
