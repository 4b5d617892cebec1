// socketio/client/manager.h: the client's connection to one server, which the sockets of several
// namespaces share: opening, decoding, reconnection. The behaviour is that of npm socket.io-client
// 4.8; the comments name the differences.
//
// The owner reports to the sessions through their wires, calls run() at deadline_ms(), which every
// call may change, and calls sweep() at the end of a tick.
//
// Owner: the client's loop, which frees it only while none of its calls is on the stack. Thread:
//        the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/backoff.h"
#include "engineio/client_session.h"
#include "socketio/client/events.h"
#include "socketio/client/options.h"
#include "socketio/client/socket.h"
#include "socketio/client/timers.h"
#include "socketio/codec/decoder.h"
#include "socketio/codec/encoder.h"

namespace starling::socketio::client {

class Manager {
public:
    enum class State : uint8_t { closed, opening, open };

    Manager(const ManagerOptions& options, Host& host, ManagerEvents& events);
    ~Manager();
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    // The socket of a namespace. A new one gets `options` and `events`. With auto_connect the socket
    // connects.
    Socket& socket(std::string_view nsp, const SocketOptions& options, SocketEvents& events);

    void open();   // Nothing happens while a session is open or being opened.
    void close();  // Ends the session and the attempts to reconnect.
    // Frees sessions, timers, buffered events and the callbacks of acks, and reports nothing. While
    // none of the manager's calls is on the stack; afterwards nothing may be called.
    void drop();

    // Until resume() no event is delivered. A session that is opened meanwhile pauses when it is open:
    // its sockets connect after resume().
    void pause();
    void resume();
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    // Bytes of what was emitted in the present session and has not left. What waits for a connection
    // is not counted.
    [[nodiscard]] uint64_t buffered_bytes() const noexcept;
    // From now on the event "drain" comes also over a WebSocket.
    void watch_drain();

    void run(uint64_t now_ms);
    [[nodiscard]] uint64_t deadline_ms() const noexcept;  // UINT64_MAX: nothing is due.
    void sweep();                                         // Frees the sessions that have ended.
    [[nodiscard]] bool wants_sweep() const noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool reconnecting() const noexcept { return reconnecting_; }
    // Null: no session, or one that has ended.
    [[nodiscard]] engineio::ClientSession* session() const noexcept;
    [[nodiscard]] size_t sessions() const noexcept;  // Also those that have ended, until sweep().
    // Nothing is under way: no session, no attempt, no timer. A loop may end.
    [[nodiscard]] bool idle() const noexcept;

private:
    friend class Socket;
    class Connection;

    void open_session(bool is_attempt);
    void retire();
    void session_opened(Connection& connection);
    void session_message(Connection& connection, bool binary, std::string_view data);
    void session_failed(const engineio::ClientDetails& details);
    void open_failed(const Json& error);
    void close_for_good();
    void closed(std::string_view reason, const Json& details);
    void parse_error(std::string_view why);
    void reconnect();
    void attempt();
    void cleanup();
    void report(std::string_view name, Arguments args = {});
    void report_to_all(std::string_view name, Arguments args);  // Names of 1.x.
    template <class Call>
    void each_socket(Call&& call);
    void left(const Socket& socket);
    void send(const Encoder& encoder, bool compress);
    void send_event(const Encoder& encoder, bool compress);  // Or an ack: "drain" follows.
    [[nodiscard]] bool can_send() const noexcept;
    [[nodiscard]] bool is_eio3() const noexcept;

    ManagerOptions options_;
    Host& host_;
    ManagerEvents& events_;
    base::Backoff backoff_;
    Timers timers_;
    Timers::Id open_timer_, reconnect_timer_;
    Encoder encoder_;
    Decoder decoder_;
    uint64_t packet_bytes_ = 0;                     // Of the unfinished packet.
    std::vector<std::shared_ptr<Socket>> sockets_;  // In the order of their creation.
    std::unique_ptr<Connection> connection_;
    std::vector<std::unique_ptr<Connection>> retired_;
    State state_ = State::closed;
    bool reconnecting_ = false;
    bool skip_reconnect_ = false;
    bool is_attempt_ = false;  // The session being opened is an attempt to reconnect.
    bool paused_ = false;
    bool closing_ = false;  // closed() is reporting.
    bool watches_drain_ = false;
    bool drain_due_ = false;  // Since the last "drain", events were sent.
};

}  // namespace starling::socketio::client
