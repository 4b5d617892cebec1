// socketio/client/socket.h: a client in one namespace: connecting, events in both directions, acks,
// buffered events, the queue of `retries`, connection state recovery. The behaviour is that of npm
// socket.io-client 4.8; the comments name the differences.
//
// Owner: the Manager, for its whole life. Thread: the owner's.
#pragma once

#include <starling/socketio_emit.h>

#include <boost/json/array.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "socketio/client/events.h"
#include "socketio/client/options.h"
#include "socketio/client/timers.h"
#include "socketio/codec/packet.h"

namespace starling::socketio::client {

class Manager;

enum class AckResult : uint8_t {
    answered,
    timed_out,
    disconnected,  // The socket disconnected before the answer came.
    dropped,       // The event was not sent: buffered_events_max events wait.
};
// Node's words: "operation has timed out" and so on; "" for `answered`. Lives for ever.
[[nodiscard]] std::string_view error_text(AckResult result) noexcept;

// Called once, except that a volatile event that was dropped may have no outcome: without a timeout
// its callback waits for the disconnection.
using AckCallback = std::function<void(AckResult result, Arguments args)>;

struct EmitFlags {
    bool is_volatile = false;  // Dropped unless the event can leave now.
    bool compress = true;
    std::optional<uint64_t> timeout_ms = std::nullopt;  // Of the ack; nullopt: the option's.
};

class Socket : public std::enable_shared_from_this<Socket> {
public:
    Socket(Manager& manager, std::string nsp, SocketOptions options, SocketEvents& events);
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    // Nothing happens if the socket is connected or connecting.
    void connect();
    void disconnect();

    // Sends an event, now or when the socket is connected. Throws std::invalid_argument for a
    // reserved name, and for values that cannot be encoded. False: it was dropped, because
    // buffered_events_max events wait.
    bool emit(std::string_view name, std::span<const sio::Value> values,
              const EmitFlags& flags = {}, AckCallback ack = {});

    [[nodiscard]] bool connected() const noexcept { return connected_; }
    [[nodiscard]] bool active() const noexcept { return active_; }  // Reconnects by itself.
    [[nodiscard]] bool recovered() const noexcept { return recovered_; }
    [[nodiscard]] const std::string& id() const noexcept { return id_; }  // "" if not connected.
    [[nodiscard]] const std::string& nsp() const noexcept { return nsp_; }
    [[nodiscard]] Manager& manager() const noexcept { return manager_; }
    [[nodiscard]] size_t pending_acks() const noexcept { return acks_.size(); }
    [[nodiscard]] size_t buffered_events() const noexcept { return buffer_.size() + queue_.size(); }

private:
    friend class Manager;
    friend class Reply;

    // A packet of a namespace that was not joined, or left, on this session is stale or an error.
    enum class Entry : uint8_t {
        none,         // No CONNECT packet was sent in this session, or it was refused.
        asked,        // CONNECT was sent; the answer has not come.
        entered,      // The answer came.
        asked_again,  // As asked; packets for the earlier entry may still come.
    };
    struct Ack {
        AckCallback callback;
        Timers::Id timer;
    };
    struct Buffered {
        boost::json::array args;
        std::optional<uint64_t> id;
        bool compress;
    };
    struct Early {
        boost::json::array args;
        std::optional<uint64_t> id;
    };
    struct Queued {
        uint64_t number;
        boost::json::array args;
        EmitFlags flags;
        AckCallback ack;
        uint32_t tries = 0;
        bool pending = false;
    };

    // Called by the manager.
    void drop();
    void manager_opened();
    void manager_failed(const Json& error);  // Before the session was open, or while it was.
    void manager_closed(std::string_view reason, const Json& details);
    // `bytes`: of the packet with its attachments. False: a parse error.
    [[nodiscard]] bool take(const Packet& packet, uint64_t bytes);
    void report(std::string_view name, Arguments args = {});

    void take_connect(const Packet& packet);
    [[nodiscard]] bool take_event(const Packet& packet, uint64_t bytes);
    void forget_early() noexcept;
    void deliver(Arguments view, std::optional<uint64_t> id);
    void take_ack(const Packet& packet);
    void take_connect_error(const Packet& packet);
    void ask_for_auth();
    void send_connect(const Json& auth);
    void enter(const Json& data);
    void leave();
    [[nodiscard]] bool is_asking() const noexcept {
        return entry_ == Entry::asked || entry_ == Entry::asked_again;
    }
    void closed(std::string_view reason, const Json& details);
    void answer(uint64_t id, uint32_t session, std::span<const sio::Value> values);

    // client/socket_emit.cpp
    bool emit_now(std::string_view name, std::span<const sio::Value> values, const EmitFlags& flags,
                  AckCallback ack);
    void register_ack(const EmitFlags& flags, AckCallback callback);
    [[nodiscard]] bool can_send() const noexcept;
    void settle_ack(uint64_t id, AckResult result, Arguments args);
    void time_out_ack(uint64_t id);
    void clear_acks();
    void send_buffered();
    bool enqueue(std::string_view name, std::span<const sio::Value> values, const EmitFlags& flags,
                 AckCallback ack);
    void drain_queue();
    void queue_answered(uint64_t number, AckResult result, Arguments args);

    Manager& manager_;
    SocketEvents& events_;
    const std::string nsp_;
    SocketOptions options_;
    std::string id_, pid_, offset_;
    std::map<uint64_t, Ack> acks_;
    std::deque<Buffered> buffer_;
    std::deque<Early> early_;  // Missed events of a recovered session, which come before CONNECT.
    uint64_t early_bytes_ = 0;
    std::deque<Queued> queue_;
    uint64_t next_ack_ = 0;
    uint64_t next_queued_ = 0;
    uint32_t auth_asked_ = 0;  // Counts the calls of SocketOptions::auth.
    uint32_t session_ = 0;  // Counts connections: an answer belongs to the connection of its event.
    Entry entry_ = Entry::none;
    bool auth_due_ = false;  // CONNECT waits for the reply of SocketOptions::auth.
    bool active_ = false;
    bool connected_ = false;
    bool recovered_ = false;
};

// Answers an event of the server. A copy may be kept and used at any time: the first call of any
// copy sends the answer, if the socket is still in the connection in which the event came. Node's
// client also sends answers that come later, which the server may take for those of other events.
class Reply {
public:
    Reply() = default;  // The server asked for no answer.
    Reply(const std::shared_ptr<Socket>& socket, uint64_t id);

    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
    void operator()(std::span<const sio::Value> values) const;

private:
    struct State {
        std::weak_ptr<Socket> socket;
        uint64_t id;
        uint32_t session;
        bool sent = false;
    };
    std::shared_ptr<State> state_;
};

}  // namespace starling::socketio::client
