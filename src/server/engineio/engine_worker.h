// server/engineio/engine_worker.h: the Engine.IO sessions of one worker: their table, their timers.
//
// Owner: the worker. Thread: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/gathered.h"
#include "base/slot_table.h"
#include "net/slot_timers.h"
#include "net/timers.h"
#include "server/connection.h"
#include "server/engineio/engine.h"
#include "server/engineio/exchange.h"
#include "server/engineio/foreign.h"
#include "server/random_pool.h"
#include "server/refused_handshakes.h"
#include "server/worker.h"

namespace starling::server {

class RelayPart;

// Masks the number of the node in a session id, see engineio/ids.h.
[[nodiscard]] uint64_t node_mask(const Nodes& nodes, std::string_view local) noexcept;

class EngineWorker final : public WorkerPart, public RequestWatcher {
public:
    EngineWorker(Engine& e, Worker& w);
    ~EngineWorker() override;

    // The limits of what the sessions send by POST; null: none is on.
    [[nodiscard]] Inflows* inflows() const noexcept { return inflows_.get(); }
    // The server stops: ends the sessions that have neither a pending poll nor a WebSocket. Another
    // session ends when its poll or its WebSocket is told to go away, or is lost. Those whose poll or
    // WebSocket is of a client at another node end one after the other.
    void server_stops();
    // The server stops, and not all of these have ended.
    [[nodiscard]] bool is_busy() const noexcept;
    // A successor has the listeners: closes the sessions that poll.
    void successor_serves();
    // The server stops, and the worker has no connection left: ends the sessions whose poll was
    // answered since server_stops(). Their clients cannot poll again.
    void connections_ended();
    // Implements RequestWatcher; the subject of a request is its session.
    void request_ended(base::SlotKey session, base::SlotKey request, RequestEnd how) override {
        if (EngineSession* const found = find(session)) found->request_ended(request, how);
    }
    void request_must_end(base::SlotKey session, base::SlotKey request) override {
        if (EngineSession* const found = find(session)) found->request_must_end(request);
    }
    void loop_ended() noexcept override {
        relay_ = nullptr;
        foreign_ = nullptr;
    }

    // ---- Other nodes ----------------------------------------------------------------------------
    void use_nodes(Nodes& nodes);
    [[nodiscard]] RelayPart* relay() const noexcept { return relay_; }  // Null: no cluster.
    // Before the workers run. Sessions of revision 4 get ids that other programs ask for.
    void use_foreign(ForeignSessions& sessions) noexcept { foreign_ = &sessions; }
    // Null: no other program shares sessions with this one.
    [[nodiscard]] ForeignSessions* foreign() const noexcept { return foreign_; }
    [[nodiscard]] engineio::Sid sid_of(uint32_t slot,
                                       const engineio::SidSecret& secret) const noexcept;
    // Nothing: the request has ended.
    [[nodiscard]] std::optional<Exchange> find_exchange(base::SlotKey request) const noexcept;
    // Answers the request now, as its node stops; the session goes on.
    void release(base::SlotKey session, base::SlotKey request) const {
        if (EngineSession* const found = find(session)) found->release(request);
    }
    // Sends what waits in the session to its poll, if there is one.
    void flush(base::SlotKey session);
    // Ends the session, not within this call.
    void drop_soon(base::SlotKey session);

    void limits_changed(const Limits& limits) override { Inflows::change(inflows_, limits); }

    // Makes a session without a handler and puts it into the table. May end unused sessions to make
    // room.
    [[nodiscard]] EngineSession& make(const engineio::Query& query, engineio::Transport transport,
                                      std::string_view address);
    // Ends the oldest unused session. False: there is none.
    bool make_room();
    // Logs a line at level debug, and at most once a second one at warn, with the count of faults
    // since the last such line.
    void log_fault(std::string_view what, std::string_view reason, std::string_view address);
    [[nodiscard]] EngineSession* find(std::string_view sid) const noexcept;
    [[nodiscard]] EngineSession* find(base::SlotKey key) const noexcept {
        EngineSession* const found = sessions_.find(key);
        return found && !has_ended(*found) ? found : nullptr;
    }

    [[nodiscard]] size_t sessions() const noexcept { return open_; }
    RefusedHandshakes refused_polls;  // Requests that were to begin a session.
    uint64_t websockets = 0;          // Open now; a WebSocket that is probed as well.

    // Called by sessions.
    void set_deadline(const EngineSession& session, uint64_t due_ms) noexcept;
    void cancel_deadline(const EngineSession& session) noexcept {
        deadlines_.cancel(session.slot_key().slot);
    }
    [[nodiscard]] bool has_deadline(const EngineSession& session) const noexcept {
        return deadlines_.is_set(session.slot_key().slot);
    }
    void call_exactly(EngineSession& session, uint64_t due_ms);
    void flush_soon(EngineSession& session);
    // Frees the session once none of its functions is on the call stack. Needs no memory.
    void ended(EngineSession& session) noexcept;

    Engine& engine;
    Worker& worker;
    EngineProtocolPart* protocol_part = nullptr;  // Null: the handlers use none.

private:
    [[nodiscard]] static bool has_ended(const EngineSession& session) noexcept;
    [[nodiscard]] engineio::SidSecret draw_secret(engineio::Revision revision);
    void advance();
    void end_relayed_over(uint64_t over_ms);
    void end_relayed();
    void end_unjoined(const UnjoinedSessions::Entry& entry) const;
    void flush_all();
    void count_end() noexcept;
    void free_dead() noexcept;
    void free(EngineSession& session) noexcept;

    Nodes* nodes_ = nullptr;  // Null: no cluster.
    RelayPart* relay_ = nullptr;
    ForeignSessions* foreign_ = nullptr;
    net::SlotTimers deadlines_;  // Of a session that has ended: when advance() frees it.
    net::TimerId timer_ = 0;     // Runs while there are sessions, dead ones too.
    UnjoinedSessions unjoined_;
    std::unique_ptr<Inflows> inflows_;
    EngineSession::Pool sessions_{*this};  // Those that have ended as well, until they are freed.
    size_t open_ = 0;                      // Sessions that have not ended.
    base::Gathered<base::SlotKey> flushes_;
    bool flush_posted_ = false;           // A call of flush_all() is posted.
    base::Gathered<base::SlotKey> dead_;  // Sessions that have ended, for the posted free_dead().
    RandomPool random_;
    // The end of the sessions of other nodes' clients, which have no connection here that is told to go:
    // evenly by their slots.
    struct RelayedEnd {
        net::TimerId timer = 0;  // 0: none is under way.
        uint64_t began_ms = 0, over_ms = 0;
        uint32_t slots = 0, slot = 0;
    };
    RelayedEnd relayed_end_;
    bool is_draining_ = false;
    uint64_t warned_ms_ = 0;  // Time of the last warning; 0: none.
    uint64_t faults_ = 0;     // Faults since that warning.
};

}  // namespace starling::server
