// socketio/server.h: Socket.IO on one worker: namespaces, sockets, timers, and commands from all
// workers.
//
// Owner: the Socket.IO server, which has one for each worker. Thread: the worker's, unless a
//        comment says otherwise.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/exception_text.h"
#include "base/keyed_hash.h"
#include "base/lifetime.h"
#include "base/slot_table.h"
#include "socketio/adapter.h"
#include "socketio/codec/decoder.h"
#include "socketio/codec/encoder.h"
#include "socketio/command.h"
#include "socketio/connection.h"
#include "socketio/listeners.h"
#include "socketio/namespace.h"
#include "socketio/runtime.h"

namespace starling::socketio {

struct RestoredSession;

class Server {
public:
    Server(Adapter& adapter, Runtime& runtime, uint32_t index);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // ---- Any thread -----------------------------------------------------------------------------
    [[nodiscard]] base::Lifetime<Server>& lifetime() const noexcept { return lifetime_; }
    [[nodiscard]] Runtime& runtime() const noexcept { return runtime_; }
    [[nodiscard]] Adapter& adapter() const noexcept { return adapter_; }
    [[nodiscard]] bool alive(base::SlotKey key) const noexcept { return sockets_.alive(key); }
    [[nodiscard]] const Settings& settings() const noexcept { return adapter_.settings(); }
    [[nodiscard]] Observer* observer() const noexcept { return observer_; }  // Null: nobody looks.
    // Runs `call` on this worker with the socket, or, if the socket has gone, `gone` on any thread.
    void post_to(base::SlotKey key, std::function<void(Socket&)> call, size_t bytes,
                 std::function<void()> gone = nullptr);

    // ---- Clients --------------------------------------------------------------------------------
    // Finds or creates the namespace that a client asks for; null if no declaration accepts the
    // name.
    [[nodiscard]] Namespace* open_namespace(std::string_view name, const Json& auth);
    void connect(Connection& connection, const Packet& packet);
    void refuse(Connection& connection, std::string_view nsp, Runtime::Refusal why,
                const sio::Error& error);
    // Calls the disconnect listeners of a socket in state `gone`, and removes it from its rooms.
    // Sockets leave one at a time: if a handler of a leaving socket ends a second socket, the
    // second one leaves after the first, even if the second belongs to another client.
    void leave(const Socket& socket, std::string_view reason, bool was_connected);
    void left(Socket& socket);  // Frees the socket at the end of the call.
    void free(Socket& socket) noexcept;
    // ---- Sessions -------------------------------------------------------------------------------
    // The rooms or the data of the socket may have changed: in a cluster its session is saved at the
    // end of the tick.
    void session_changed(Socket& socket);
    void save_all_sessions();  // Again: they may be lost.
    // The offset of the newest event that this worker has delivered in the order of the log; "": none.
    // Clients take a text at the end of any event for an offset.
    [[nodiscard]] std::string newest_offset(std::string_view nsp) const;
    // Saves the session of a socket that leaves for `reason`, if the client may come back.
    void keep_for_return(const Socket& socket, std::string_view reason);
    [[nodiscard]] Socket* find(base::SlotKey key) const noexcept {
        STARLING_ASSERT(on_own_thread());
        Socket* const found = sockets_.find(key);
        return found && found->state() != Socket::State::freed ? found : nullptr;
    }
    // Null: the socket is gone, or the calling thread is not that of its worker.
    [[nodiscard]] static Socket* find_here(const sio::Socket& handle) { return handle.here(); }
    // The worker's index, also this core's index in the adapter.
    [[nodiscard]] uint32_t index() const noexcept { return index_; }
    [[nodiscard]] Socket::Pool& sockets() noexcept { return sockets_; }

    // ---- Commands -------------------------------------------------------------------------------
    void perform(const Command& command);
    // Called once per request: after the reports of all workers, or at the deadline.
    using Done = std::function<void(bool complete, Report& all)>;
    // Sees each report as it comes, and how many workers have not reported their count.
    using OnReport = std::function<void(const Report& one, size_t workers_left)>;
    // Sends the command to all workers. `done` is never called before this method returns.
    void ask(const std::shared_ptr<Command>& command, uint64_t timeout_ms, Done done,
             OnReport watch = {});
    // `event`: its name, which is a string, and its arguments. True: somebody listens to it.
    [[nodiscard]] static bool listens(const NamespaceSetup& setup, const boost::json::array& event);
    // Calls the handlers of on_server_side() here. `acked` gets the values of the first ack, on any
    // thread; empty: no ack is wanted.
    using Acked = std::function<void(boost::json::array values)>;
    void tell_listeners(const NamespaceSetup& setup, const boost::json::array& event, Acked acked);
    void deliver_report(Report one);  // Any thread.
    // Delivers the packets of the recovery log that this worker has not delivered yet.
    void drain_history();
    void post_drain();  // Any thread: posts one call of drain_history() for many packets.

    // ---- Time -----------------------------------------------------------------------------------
    enum class Timer : uint8_t { ack, request, login, sessions };
    // Identifies a timer, pending or fired. A default value identifies no timer.
    struct TimerId {
        uint64_t when_ms = 0;
        uint64_t number = 0;
        friend auto operator<=>(const TimerId&, const TimerId&) = default;
    };
    // Cancel every timer that is no longer needed, so that no timer remains for an answered request
    // or a gone socket.
    TimerId at(uint64_t when_ms, Timer kind, base::SlotKey key, uint64_t number);
    void cancel(TimerId timer) { timers_.erase(timer); }
    [[nodiscard]] size_t timers() const noexcept { return timers_.size(); }
    void run(uint64_t now_ms);

    // ---- Callbacks ------------------------------------------------------------------------------
    // Calls `call` later, from the event loop: a callback that sends the next request must not run
    // inside the first request.
    void call_later(std::function<void()> call);
    // True while listeners of outgoing packets run. Packets that these listeners send are not
    // reported to them.
    [[nodiscard]] bool tells_outgoing() const noexcept { return telling_outgoing_; }
    template <class F>
    void tell_outgoing(F&& call);

    // ---- Figures --------------------------------------------------------------------------------
    // `publications`: broadcasts, counted by the first worker. `deliveries`: sockets of this worker
    // that took one.
    [[nodiscard]] hub::Hub::Traffic& traffic() noexcept { return traffic_; }
    // Calls call(namespace, room, members) for each room here, but those of single sockets.
    void each_room(const std::function<void(std::string_view nsp, std::string_view room,
                                            size_t members)>& call) const;
    // Calls call(namespace) for each namespace that this worker has opened.
    template <class F>
    void each_namespace(F&& call) const {
        for (const auto& named : namespaces_) call(static_cast<const Namespace&>(*named.second));
    }

    // ---- Tools ----------------------------------------------------------------------------------
    [[nodiscard]] Encoder& encoder() noexcept {
        STARLING_ASSERT(on_own_thread());
        return encoder_;
    }
    [[nodiscard]] Arena& arena() noexcept {
        STARLING_ASSERT(on_own_thread());
        return arena_;
    }
    [[nodiscard]] Names& names() noexcept { return names_; }
    [[nodiscard]] std::string new_id();
    // Held while calls into Socket.IO may be on the stack. Gone sockets are freed when the last
    // scope ends.
    class CallScope;
    // Runs a call of the application whose exception must not stop the caller. False: the call
    // threw; the exception was logged.
    template <class F>
    bool log_if_throws(std::string_view where, F&& call);
    // Writes a log line, at most one of each kind per second.
    void warn(std::string_view message, std::span<const log::Field> fields);

private:
    static constexpr size_t namespaces_kept_max = 10'000;

    struct Request {
        size_t workers_left;
        size_t expected = 0;
        Done done = {};
        OnReport watch = {};
        Report all = {};
        size_t answered = 0;
        TimerId timer = {};
    };
    struct Due {
        Timer kind;
        base::SlotKey key;
        uint64_t number;
    };

    struct Leaving {
        base::SlotKey key;
        std::string reason;
        bool was_connected;
    };

    [[nodiscard]] bool on_own_thread() const noexcept { return !base::running || runtime_.here(); }
    struct PendingConnection;
    void make_socket(const PendingConnection& who);
    [[nodiscard]] std::optional<History::Return> find_saved_session(const Connection& connection,
                                                                    const std::string& nsp,
                                                                    const Json& auth,
                                                                    std::string_view user);
    // False: the client has no session to ask for, or there is no cluster to ask.
    [[nodiscard]] bool claim_session(const Socket& socket, unsigned tries = 10);
    void claimed(base::SlotKey key, std::optional<RestoredSession> found, unsigned tries);
    // Nothing: the client starts anew, or, if the session is saved `again`, asks once more.
    [[nodiscard]] std::optional<History::Return> take_back(base::SlotKey key, RestoredSession found,
                                                           bool& again);
    [[nodiscard]] SavedSession session_of(const Socket& socket) const;
    // The entry of the stream up to which this worker has delivered.
    [[nodiscard]] std::optional<StreamId> delivered(uint32_t stream) const;
    void save_sessions();
    void refresh_sessions();
    [[nodiscard]] uint64_t refresh_step_ms() const noexcept;
    Socket& create(const PendingConnection& who, std::string_view id);
    void enter(Socket& socket, std::optional<History::Return> back);
    void run_middleware(base::SlotKey key, size_t from);
    void decided(base::SlotKey key, size_t guard, std::optional<sio::Error> error);
    void admit(Socket& socket);
    void perform_in(const Command& command, Namespace& nsp, Report& report);
    void perform_on(const Command& command, Namespace& nsp, Socket& socket, Report& report);
    void reply(const Command& command, Report report);
    void server_event(const Command& command);
    void report(Report one);
    [[nodiscard]] uint64_t open_request(const Command& command, uint64_t deadline_ms, Done done,
                                        OnReport watch);
    void finish(uint64_t id, bool complete);
    void fire(const Due& due);
    void close_if_empty(Namespace& nsp);
    void free_left() noexcept;

    base::Lifetime<Server>& lifetime_;
    Adapter& adapter_;
    Runtime& runtime_;
    Observer* const observer_;
    const uint32_t index_;  // Index of the worker, and of this core in the adapter.
    Names names_;
    RecentListeners recent_listeners_;
    Arena arena_;
    Encoder encoder_;
    hub::Hub::Traffic traffic_;
    Socket::Pool sockets_{*this};
    size_t freed_ = 0;  // Sockets, since the last sockets_.trim().
    std::unordered_map<std::string, std::unique_ptr<Namespace>, base::KeyedTextHash,
                       std::equal_to<>>
        namespaces_;
    std::map<TimerId, Due> timers_;
    uint64_t last_timer_ = 0;
    uint64_t wake_ms_ = 0;  // When run() is due; 0: never.
    std::unordered_map<uint64_t, Request> requests_;
    uint64_t last_request_ = 0;
    bool asking_ = false;
    bool telling_outgoing_ = false;
    uint64_t history_cursor_ = 1;
    bool draining_ = false;
    std::vector<StreamId> delivered_;  // By stream; 0-0: nothing yet.
    std::atomic<bool> drain_posted_{false};
    std::deque<Leaving> leaving_;  // The handlers of the first entry are running.
    std::vector<Socket::Owned> left_;
    std::vector<std::unique_ptr<Namespace>> left_namespaces_;
    std::vector<std::vector<Socket*>> spare_targets_;
    uint32_t depth_ = 0;
    uint64_t warned_ms_ = 0, warnings_ = 0;
    std::vector<base::SlotKey> unsaved_;  // Their sessions are saved at the end of the tick.
    bool refreshing_ = false;             // A timer for refresh_sessions() is set.
    uint32_t refresh_turn_ = 0;
};

class Server::CallScope {
public:
    explicit CallScope(Server& server) noexcept : server_(server) {
        STARLING_ASSERT(server.on_own_thread());
        ++server.depth_;
    }
    ~CallScope() {
        // The destructor of what a socket holds may call Socket.IO: that is an inner scope.
        if (server_.depth_ == 1) server_.free_left();
        --server_.depth_;
    }
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

private:
    Server& server_;
};

template <class F>
void Server::tell_outgoing(F&& call) {
    struct Scope {
        explicit Scope(bool& f) noexcept : flag(f), before(std::exchange(f, true)) {}
        ~Scope() { flag = before; }
        bool& flag;
        const bool before;
    };
    const Scope scope(telling_outgoing_);
    call();
}

template <class F>
bool Server::log_if_throws(std::string_view where, F&& call) {
    try {
        call();
        return true;
    } catch (...) {
        runtime_.log_exception(where, base::describe_current_exception());
    }
    return false;
}

}  // namespace starling::socketio
