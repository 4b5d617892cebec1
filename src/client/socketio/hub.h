// client/socketio/hub.h: the Socket.IO clients of one ClientLoop: a host for each connection, shared by
// the sockets of several namespaces.
//
// Owner: the hub belongs to the LoopCore; a host to the hub and to its handles; a SioSocket to its host
//        and to its handles. Thread: the loop's.
#pragma once

#include <starling/socketio_client.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/loop_core.h"
#include "client/socketio/wire.h"
#include "socketio/client/manager.h"
#include "socketio/listeners.h"

namespace starling::client {

class SioHost;

// The last POST of a session that has ended, with the GET that the server answers behind it.
struct SioLeftover {
    std::unique_ptr<HttpLane> get, post;
    ClientLoop::Timer timer = 0;
};

// What all clients of a loop share.
struct SioHub final : LoopGuest {
    socketio::Arena arena;
    engineio::UpgradeMemory memory;
    socketio::Names names;  // Of events with listeners.
    std::vector<std::shared_ptr<SioHost>> hosts;
    std::map<std::string, std::weak_ptr<SioHost>> shared;  // By server and path.
    std::map<uint64_t, SioLeftover> leftovers;
    uint64_t last_leftover = 0;

    [[nodiscard]] static SioHub& of(LoopCore& loop);
    void server_stops() override;  // Disconnects all sockets.
};

// The application's side of a socket: its listeners.
class SioSocket final : public socketio::client::SocketEvents {
public:
    SioSocket(std::shared_ptr<SioHost> host, std::string_view nsp,
              const socketio::client::SocketOptions& options);

    void add(std::string_view name, sio::detail::Listener listener, bool once);
    void remove(std::string_view name);
    void remove_all() { listeners_.clear(); }
    void connect_soon();  // From the loop, so that listeners come first.
    void connect();
    void disconnect();
    void add_any(sio::ClientSocket::Any call) { any_.push_back(std::move(call)); }
    void remove_any() { any_.clear(); }
    void add_outgoing(sio::ClientSocket::Any call) { outgoing_.push_back(std::move(call)); }
    void remove_outgoing() { outgoing_.clear(); }

    [[nodiscard]] socketio::client::Socket& core() noexcept { return *core_; }
    [[nodiscard]] bool active() const noexcept { return connects_soon_ || core_->active(); }
    // Null after the end of the loop.
    [[nodiscard]] const std::shared_ptr<SioHost>& host() const noexcept { return host_; }
    void end();  // Listeners and their captures are freed.

    void emit(std::string_view name, std::span<const sio::Value> values,
              const socketio::client::EmitFlags& flags, socketio::client::AckCallback ack);
    void settle(const sio::OnAnswer& done, const sio::Answer& answer);

private:
    friend class SioHost;
    void on_own_event(std::string_view name, socketio::client::Arguments args) override;
    void on_event(socketio::client::Arguments args, const socketio::client::Reply& reply) override;
    void on_outgoing(socketio::client::Arguments args) override;
    bool wants_outgoing() const noexcept override { return !outgoing_.empty(); }
    void call(std::string_view name, socketio::client::Arguments args, const sio::Ack& ack);
    // Runs a call of the application; an exception disconnects this socket.
    template <class Call>
    void guarded(std::string_view name, Call&& call) noexcept;
    void threw(std::string_view name, std::string_view what);

    std::shared_ptr<SioHost> host_;
    std::shared_ptr<socketio::client::Socket> core_;
    socketio::Listeners listeners_;
    std::vector<sio::ClientSocket::Any> any_, outgoing_;
    bool connects_soon_ = false;
    bool told_of_drops_ = false;  // Since the last connect event.
};

// A connection: the Manager with its clock, its wires and its listeners.
class SioHost final : public socketio::client::Host,
                      public socketio::client::ManagerEvents,
                      public std::enable_shared_from_this<SioHost> {
public:
    SioHost(ClientLoop& loop, SioEndpoint endpoint,
            const socketio::client::ManagerOptions& options);
    ~SioHost();

    // Runs a call of the application or of the network, then sets the timer and frees what has ended.
    template <class Call>
    void enter(Call&& call) {
        const auto self = shared_from_this();
        const Depth depth(*this);
        call();
    }
    [[nodiscard]] std::shared_ptr<SioSocket> socket(std::string_view nsp,
                                                    const socketio::client::SocketOptions& options);
    [[nodiscard]] bool has(std::string_view nsp) const noexcept;
    void add(std::string_view name, sio::detail::Listener listener, bool once);
    void remove(std::string_view name);
    void remove_all() { listeners_.clear(); }
    void end();  // The loop ends, or nobody needs this host any more.

    [[nodiscard]] socketio::client::Manager& manager() noexcept { return manager_; }
    // Null after end(); then nothing else may be called.
    [[nodiscard]] LoopCore* loop() const noexcept { return core_; }
    [[nodiscard]] SioHub& hub() const noexcept { return *hub_; }

private:
    // The last one sets the timer, and has ended sessions freed when nothing of theirs is on the stack.
    class Depth {
    public:
        explicit Depth(SioHost& host) noexcept : host_(host) { ++host_.depth_; }
        ~Depth() {
            if (--host_.depth_ == 0 && host_.core_) host_.settle();
        }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;

    private:
        SioHost& host_;
    };

    void settle();
    void sweep();
    [[nodiscard]] bool may_go() const noexcept;
    uint64_t now_ms() const noexcept override;
    double random() override;
    std::unique_ptr<engineio::ClientWire> open_wire(engineio::ClientSession& session) override;
    socketio::Arena& arena() noexcept override { return hub().arena; }
    engineio::UpgradeMemory& upgrade_memory() noexcept override { return hub().memory; }
    void on_manager_event(std::string_view name, socketio::client::Arguments args) override;
    void set_timer();

    ClientLoop& loop_;
    LoopCore* core_;
    SioHub* hub_;
    SioEndpoint endpoint_;
    socketio::client::Manager manager_;
    socketio::Listeners listeners_;
    std::vector<std::shared_ptr<SioSocket>> sockets_;
    ClientLoop::Timer timer_ = 0;
    uint64_t timer_at_ms_ = UINT64_MAX;
    int depth_ = 0;
    bool sweeping_ = false;
};

}  // namespace starling::client
