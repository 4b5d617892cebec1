// socketio/socket.h: one client in one namespace: the client's listeners, rooms and pending acks.
//
// Owner: the Connection; once the socket has left, the Server, which frees the socket when none of
// its methods is on the stack. Lies in the Server's table. Other code holds a sio::Socket (slot and
// generation). Thread: the worker's.
#pragma once

#include <starling/socketio.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/exception_text.h"
#include "base/slot_pool.h"
#include "base/slot_table.h"
#include "hub/hub.h"
#include "socketio/codec/encoder.h"
#include "socketio/listeners.h"
#include "socketio/socket_id.h"
#include "socketio/stream_place.h"
#include "socketio/target.h"

namespace starling::socketio {

class Connection;
class Server;
class Namespace;

class Socket final : public hub::Subscriber {
public:
    using Pool = base::SlotPool<Socket, Server>;
    struct Free {
        void operator()(Socket* socket) const noexcept;  // Server::free().
    };
    using Owned = std::unique_ptr<Socket, Free>;

    enum class State : uint8_t {
        joining,    // Middleware has not admitted the socket yet.
        connected,  // The client knows its id.
        gone,
        freed,  // What the application left with the socket is being destroyed.
    };

    Socket(uint32_t generation, Connection& connection, Namespace& nsp, SocketId&& id) noexcept;
    ~Socket() override;

    [[nodiscard]] sio::Socket handle() const noexcept;
    // The socket of a handle; null: it is gone. `what` calls it: throws as Socket::data() does on
    // other threads.
    [[nodiscard]] static Socket* of(const sio::Socket& handle, const char* what) {
        return handle.own(what);
    }
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return Pool::key_of(*this); }
    [[nodiscard]] uint32_t slot_generation() const noexcept { return generation_; }
    // Other threads also read id(), nsp() and user(), under the lock of Server::lifetime().
    [[nodiscard]] std::string id() const { return std::string(id_.text().view()); }
    [[nodiscard]] SocketId::Text id_text() const noexcept { return id_.text(); }
    [[nodiscard]] bool has_id(std::string_view text) const noexcept { return id_.is(text); }
    [[nodiscard]] uint64_t id_hash() const noexcept { return id_.hash(); }
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] Namespace& nsp() const noexcept { return nsp_; }
    [[nodiscard]] Connection& connection() const noexcept { return connection_; }
    [[nodiscard]] Server& server() const noexcept;

    // ---- From the client ------------------------------------------------------------------------
    void on_event(const Packet& packet);
    void on_ack(uint64_t id, const Json& data);
    // False: the packet exceeds a limit of the namespace, and the client was disconnected.
    [[nodiscard]] bool within_quota(size_t packet_bytes);

    // ---- To the client --------------------------------------------------------------------------
    void emit(std::string_view name, std::span<const sio::Value> values, const Flags& flags,
              sio::OnAnswer done = nullptr);
    void ack(uint64_t id, std::span<const sio::Value> values);
    void send(const Encoder& packet, const Flags& flags);
    void send(const Encoded& packet, const Flags& flags);
    void deliver(hub::Publication& publication) override;
    // Waits for the ack with that id until the deadline. False: too many acks are pending.
    [[nodiscard]] bool await(uint64_t id, uint64_t deadline_ms, sio::OnAnswer done);
    void ack_timed_out(uint64_t id);
    [[nodiscard]] bool watches_outgoing() const noexcept;  // Somebody wants notify_outgoing().
    void notify_outgoing(std::string_view text, bool text_is_binary,
                         std::span<const std::string> attachments);

    // ---- Membership -----------------------------------------------------------------------------
    void connected() noexcept { state_ = State::connected; }
    void rename(std::string_view id) { id_ = SocketId(id); }  // Call it before Namespace::add().
    void join(std::string_view room);
    void leave(std::string_view room);
    [[nodiscard]] std::vector<std::string> rooms() const;
    void disconnect(bool close);
    // Runs `call` like a listener: an exception ends the client's connection.
    template <class F>
    void run(std::string_view where, F&& call);
    // Makes the socket `gone`: no more packets reach its client. Server::leave() calls
    // finish_leaving() at once, or after another socket that is leaving.
    void closed(std::string_view reason);
    // Destroys what the application left with the socket. The caller frees the socket then.
    void give_up() noexcept;
    // Destroys the coroutines, calls the disconnect listeners and leaves all rooms, even if a
    // listener throws.
    void finish_leaving(std::string_view reason, bool was_connected);

    // ---- As sio::Socket says --------------------------------------------------------------------
    [[nodiscard]] Listeners& listeners() noexcept { return listeners_; }
    void on_any(sio::Socket::Any call, bool first);
    void off_any();
    void on_any_outgoing(sio::Socket::Any call);
    void off_any_outgoing();
    void use(sio::Socket::PacketMiddleware guard);
    [[nodiscard]] Json& data();
    void set_object(std::shared_ptr<void> object, const void* tag);
    // The suspended coroutines of this socket's handlers. Not for a gone socket.
    [[nodiscard]] detail::Scope& coroutines();
    [[nodiscard]] void* object(const void* tag) const noexcept;
    [[nodiscard]] sio::Handshake handshake() const;
    [[nodiscard]] const Json* data_if() const noexcept;

    // ---- As Server and Namespace use it ---------------------------------------------------------
    void set_auth(Json auth);
    [[nodiscard]] Json auth() const;
    void set_user(std::string user);
    [[nodiscard]] std::string_view user() const noexcept;
    void set_login_timer(uint64_t due_ms, uint64_t number);
    void set_private_id(std::string pid, bool recovered);
    [[nodiscard]] std::string_view private_id() const noexcept;
    [[nodiscard]] bool recovered() const noexcept;
    void set_begin(std::optional<StreamId> begin);
    [[nodiscard]] std::optional<StreamId> begin() const noexcept;
    // True: the socket has a session, which was not marked since the last mark_saved().
    [[nodiscard]] bool mark_unsaved() noexcept;
    // True: the session differs from the one that was saved last.
    [[nodiscard]] bool mark_saved(uint64_t print) noexcept;

    uint32_t mark = 0;  // Number of the Namespace's last collection that visited this socket.
    static constexpr uint32_t nowhere = UINT32_MAX;
    uint32_t index = nowhere;  // Position in the Namespace's list of sockets.

private:
    struct PendingAck {
        uint64_t id;
        uint64_t due_ms, timer;  // Identify a timer of the Server.
        sio::OnAnswer done;
    };
    struct Extras;  // Rarely used members.
    [[nodiscard]] Extras& extras();
    void threw(std::string_view where, std::string_view what);
    void end_coroutines() noexcept;
    [[nodiscard]] bool has_outgoing_listeners() const noexcept;
    [[nodiscard]] bool guarded(std::string_view name, std::span<const Json> args);
    void dispatch(std::string_view name, std::span<const Json> args, const sio::Ack& ack);
    void call_listeners(std::string_view name, std::span<const Json> args, const sio::Ack& ack);
    void local_event(std::string_view name, std::string_view text);
    void answer_later(sio::OnAnswer done, sio::Answer::Status status) const;
    void argument_mismatch(std::string_view name, const sio::detail::ArgumentMismatch& why,
                           const sio::Ack& ack) const;
    // Ends all pending acks as disconnected. False: a callback threw.
    bool cancel_timers();
    [[nodiscard]] std::optional<PendingAck> take_ack(uint64_t id);

    Connection& connection_;
    Namespace& nsp_;
    SocketId id_;
    // Small members lie in the padding at the end of listeners_.
    [[no_unique_address]] Listeners listeners_;
    State state_ = State::joining;
    const uint32_t generation_;
    std::unique_ptr<Extras> extras_;
};

template <class F>
void Socket::run(std::string_view where, F&& call) {
    try {
        call();
    } catch (...) {
        threw(where, base::describe_current_exception());
    }
}

static_assert(sizeof(Socket) <= 80, "part of what an idle Socket.IO client costs");

}  // namespace starling::socketio
