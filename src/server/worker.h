// server/worker.h: one thread of a server: its loop, its listeners, its connections, its share of
// the hub. Workers share the Site (read-only) and the WorkerGroup. A publication is posted once to
// each other worker.
//
// Owner: Server. Thread: the worker's, which is the one that calls run(), except where a comment
//        says "any thread".
#pragma once

#include <starling/server.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cache_line.h"
#include "base/lifetime.h"
#include "base/slab.h"
#include "base/slot_table.h"
#include "http/date.h"
#include "http/reply_target.h"
#include "hub/hub.h"
#include "hub/slice_size.h"
#include "net/acceptor.h"
#include "net/loop.h"
#include "net/tls.h"
#include "peer/address_set.h"
#include "server/counters.h"
#include "server/downloads.h"
#include "server/inflows.h"
#include "server/peer_addresses.h"
#include "server/proxy_accepts.h"
#include "server/site.h"
#include "server/strand.h"
#include "server/worker_group.h"
#include "ws/deflate.h"

namespace starling::server {

class HttpConnection;
class Worker;

// The part of an Extension on one worker. Owner: the worker, until its connections are gone. It shares
// no cache line with another object.
class alignas(base::cache_line_bytes) WorkerPart {
public:
    virtual ~WorkerPart() = default;
    // Called when the loop has ended and its connections are not destroyed yet. Destroy here
    // everything else that uses the loop, such as timers and net::Watch.
    virtual void loop_ended() noexcept {}
    // As Extension::connections_ended(), for a part that belongs to no Extension because a handler has
    // asked for it.
    virtual void connections_are_gone() {}
    // Asked after connections_are_gone(). True: the worker waits, up to the drain timeout.
    [[nodiscard]] virtual bool needs_loop() noexcept { return false; }
    // Called at the end of Worker::run(), on the worker's thread.
    virtual void run_ended() noexcept {}
    // Worker::change_limits() was called.
    virtual void limits_changed(const Limits& limits) { (void)limits; }
};

// The parts of a WebSocket route that its connections on one worker share.
struct WsContext {
    WsContext(Worker& w, const WebSocketEndpoint& s) noexcept : WsContext(w, s, *s.handler) {}
    // With another handler than the one of the endpoint.
    WsContext(Worker& w, const WebSocketEndpoint& s, const WsHandler& h) noexcept
        : worker(w), site(s), handler_(h) {}
    [[nodiscard]] const ws::Route& route() const noexcept { return site.route; }
    [[nodiscard]] const WsHandler& handler() const noexcept { return handler_; }

    Worker& worker;
    const WebSocketEndpoint& site;

private:
    const WsHandler& handler_;
};

// By the place of the address in ServerOptions::listen. Null: the address has no certificate.
using TlsContexts = std::vector<std::shared_ptr<const net::TlsContext>>;

// What the connections of a listening socket have in common.
struct ListenerTraits {
    bool tls = false;
    size_t address = 0;  // Its place in ServerOptions::listen.
    Listen::Serves serves = Listen::Serves::everything;
    // The peers that begin with a PROXY header; null: nobody does.
    std::shared_ptr<const peer::AddressSet> proxies = nullptr;
};

class alignas(base::cache_line_bytes) Worker final : public http::ReplyTarget, private hub::Bus {
public:
    // The caller adds this worker to the end of group.workers.
    explicit Worker(WorkerGroup& group);
    ~Worker() override;

    // Call it before run(). With TLS, each connection uses the certificates that were set when it
    // was accepted, see use_certificates().
    void listen(net::Descriptor listening, ListenerTraits traits);
    // Before run(), or on the worker's thread before the end of run().
    void add_part(std::unique_ptr<WorkerPart> part) { parts_.push_back(std::move(part)); }
    // The first part of class P; null: none.
    template <class P>
    [[nodiscard]] P* find_part() const noexcept {
        for (const auto& part : parts_)
            if (P* const found = dynamic_cast<P*>(part.get())) return found;
        return nullptr;
    }
    void use_certificates(TlsContexts contexts);

    void run();
    // Any thread. After the end of run() the call is dropped, because no thread would run it.
    template <class F>
    void post(F&& call) {
        if (!ended_.load(std::memory_order_relaxed)) loop_.post(std::forward<F>(call));
    }
    [[nodiscard]] uint32_t index() const noexcept { return index_; }  // In group().workers.
    // On the worker's thread. Stops accepting, and closes all connections spread over a moment
    // (`at_once`: now). run() ends when all connections are gone, or at the deadline.
    void stop(bool at_once);
    // On the worker's thread: tells the connections to go, evenly over the time. Accepts meanwhile.
    void drain(uint64_t over_ms);
    // On the worker's thread: accepts no more, because a successor does.
    void leave_listeners();
    // Code and reason with which a WebSocket is told to go.
    [[nodiscard]] std::pair<uint16_t, std::string_view> farewell() const noexcept;

    // Moves a connection to another worker, where HttpConnection::arrived() is called. The
    // connection calls this in its on_drained().
    void hand_over(net::Stream& stream, Worker& to);

    // A connection that no listener accepted is one of this worker's, until connection_closed().
    void take_place() noexcept {
        inbox_.placed.fetch_add(1, std::memory_order_relaxed);
        group_.connections.fetch_add(1, std::memory_order_relaxed);
    }
    // Each connection calls this once, in its on_closed().
    void connection_closed(const net::Stream& stream, net::CloseReason reason) noexcept;

    // Handles (ws::Socket, http::Reply) hold these.
    [[nodiscard]] base::Lifetime<Worker>& lifetime() noexcept { return lifetime_.part; }
    [[nodiscard]] http::Reply::Target& reply_lifetime() noexcept { return reply_lifetime_.part; }
    // From here on handles on other threads no longer reach this worker.
    void close_handles() noexcept;

    [[nodiscard]] net::Loop& loop() noexcept { return loop_; }
    [[nodiscard]] hub::Hub& hub() noexcept { return hub_; }
    // Delivers a publication of another node to the subscribers of all workers of this process.
    void deliver_to_all(const hub::Message& message);
    [[nodiscard]] WorkerGroup& group() noexcept { return group_; }
    [[nodiscard]] const Site& site() const noexcept { return group_.site; }
    [[nodiscard]] Counters& counters() noexcept { return counters_; }
    [[nodiscard]] uint64_t accept_pauses() const noexcept { return accept_pauses_.get(); }
    [[nodiscard]] bool stopping() const noexcept { return stopping_; }
    [[nodiscard]] bool has_ended() const noexcept { return ended_; }  // run() has ended.

    [[nodiscard]] const WsContext& websocket(size_t route) const { return *websockets_[route]; }
    [[nodiscard]] int64_t now_s() const noexcept;  // Wall clock.
    [[nodiscard]] std::string_view date() { return date_.at(now_s()); }
    [[nodiscard]] std::string& scratch() noexcept;  // Empty; valid during one call.
    [[nodiscard]] Downloads& downloads() noexcept { return downloads_; }
    [[nodiscard]] ws::Inflater& shared_inflater();
    [[nodiscard]] ws::Deflater& shared_deflater(uint8_t window_bits, int level);

    void log(log::Level level, std::string_view message, std::span<const log::Field> fields = {});
    // Logs that a page was refused for its origin. At most one line per second; its `count` is the
    // number of refusals.
    void log_refused_origin(const http::Request& request);
    // A handler of the application threw.
    void log_exception(std::string_view where, std::string_view what);

    // A peer's fault or a full queue ended a WebSocket: a line at debug for each, at most one per
    // second at warn.
    void log_fault(uint16_t code, std::string_view reason, std::string_view address);
    // A new connection of the client at `address`; `stream` carries it. If the connection counted
    // for another client before, it no longer does. 0: admitted; else the seconds for Retry-After.
    [[nodiscard]] uint64_t enter(std::string_view address, const net::Stream& stream);
    // The limits of what connections send; null: none is on.
    [[nodiscard]] Inflows* inflows() const noexcept { return inflows_.get(); }
    // Other limits of what connections send, also for those that exist. On the worker's thread.
    void change_limits(const Limits& limits);

    [[nodiscard]] PeerAddresses& addresses() noexcept { return addresses_; }
    // The address that was kept for the stream, else that of its peer.
    [[nodiscard]] std::string address_of(const net::Stream& stream) const;

    // Any thread. Like post(), for a call that holds `bytes` until it has run. False: too many
    // bytes are waiting for this worker, or run() has ended; the call is dropped and counted.
    template <class F>
    [[nodiscard]] bool post_bounded(size_t bytes, F&& call);
    // The share of the limit that post_bounded() takes, for callers that post in another way.
    // Nothing: the limit is reached.
    class PostedBytes;
    // Any thread. Like post_bounded(), for a call of the application, whose size is unknown.
    template <class F>
    bool post_call(F&& call) {
        return post_bounded(call_bytes, std::forward<F>(call));
    }
    [[nodiscard]] std::optional<PostedBytes> post_bytes(size_t bytes) noexcept;
    [[nodiscard]] uint64_t posted_dropped() const noexcept { return inbox_.dropped.load(); }
    // Any thread: connections of this worker, and those that are on their way to it.
    [[nodiscard]] uint64_t placed() const noexcept {
        return inbox_.placed.load(std::memory_order_relaxed);
    }

    // The connections to which a Reply may refer.
    [[nodiscard]] base::SlotTable<HttpConnection>& replies() noexcept { return replies_; }
    // Memory for the objects of connections that stay.
    [[nodiscard]] base::Slabs& slabs() noexcept { return slabs_; }

    // Implements http::ReplyTarget. Any thread.
    void reply_send(http::ReplyKey key, http::Response&& response) override;
    bool reply_write(http::ReplyKey key, std::string_view bytes) override;
    void reply_end(http::ReplyKey key) override;
    bool reply_closed(http::ReplyKey key) const override;
    void reply_dropped(http::ReplyKey key) noexcept override;
    void body_pause(http::ReplyKey key, bool paused) override;

private:
    void publish(const hub::Message& message) override;
    void subscribers_changed(const base::HashedText& topic, int change) override;
    void slices_begin() override;
    void post_slice();
    void deliver_slice();
    void post_to_others(const hub::Message& message);
    // `entered`: the client for which the connection counts; "": for none.
    void arrived(net::Detached stream, std::string entered);
    void accepted(net::Descriptor fd, const ListenerTraits& traits);
    class Place;
    [[nodiscard]] Worker& least_loaded() noexcept;
    void begin(net::Descriptor fd, const ListenerTraits& traits, Place place);
    void leave_places(uint64_t count) noexcept;
    void await_proxy_header(net::Descriptor fd, const ListenerTraits& traits);
    void proxy_header_refused(std::string_view why, std::string_view peer);
    // `relayed_address`: the client that the PROXY header names; "": none.
    void open(net::Descriptor fd, const ListenerTraits& traits, std::string relayed_address);
    void stop_listening();
    // True: the limits of addresses admit the connection; `counts`: as an open one. False: it was
    // refused.
    [[nodiscard]] bool admit(const net::Descriptor& fd, const ListenerTraits& traits,
                             const std::string& address, bool& counts);
    [[nodiscard]] uint64_t count(const SharedLimits::Verdict& verdict);
    void leave(uint32_t slot) noexcept;
    void give_place_back() noexcept;
    void log_cut_off(const net::Stream& stream);
    void log_overload(uint64_t& logged_ms, std::string_view message, uint64_t count);
    void close_some();
    bool tell(uint32_t slot);
    void close_told();
    void drain_some(uint64_t over_ms);
    void end_drain();
    void force_close();
    [[nodiscard]] bool is_busy();
    void connections_ended();
    template <class F>
    void on_reply(http::ReplyKey key, F&& call);

    static constexpr size_t call_bytes = 1024;
    static constexpr uint64_t close_round_ms = 10;

    template <class T>
    struct OwnLifetime {
        OwnLifetime(T& worker, const net::Loop& loop) : part(base::Lifetime<T>::of(worker, &loop)) {
            part.open();
        }
        ~OwnLifetime() { part.end(); }
        base::Lifetime<T>& part;
    };

    // Destroyed last: handlers that run while the loop is destroyed use handles.
    OwnLifetime<Worker> lifetime_;
    OwnLifetime<http::ReplyTarget> reply_lifetime_;
    // The order matters: members that connections use in their destructors come before the loop,
    // which owns the connections.
    WorkerGroup& group_;
    const uint32_t index_;
    std::atomic<bool> ended_{false};
    // What other threads write, beside Loop's own queue.
    struct alignas(base::cache_line_bytes) Inbox {
        std::atomic<uint64_t> reply_bytes{0};    // Posted by reply_write(), not yet handled.
        std::atomic<uint64_t> message_bytes{0};  // Posted by post_bytes(), not yet handled.
        std::atomic<uint64_t> dropped{0};        // Calls that found no room.
        std::atomic<uint64_t> placed{0};
    } inbox_;
    // Until here other threads read. What follows is the worker's own; other threads read only counters.
    Counters counters_;
    Counter accept_pauses_;
    base::Slabs slabs_;
    base::SlotTable<HttpConnection> replies_;
    hub::Hub hub_;
    hub::SliceSize slice_size_;
    bool slice_posted_ = false;
    TlsContexts tls_contexts_;
    std::vector<std::unique_ptr<WsContext>> websockets_;
    PeerAddresses addresses_;
    // The clients for which streams count, by slot; empty unless open connections are limited.
    std::unordered_map<uint32_t, std::string> entered_;
    std::unique_ptr<Inflows> inflows_;
    http::DateText date_;
    std::string scratch_;
    Downloads downloads_;
    std::unique_ptr<ws::Inflater> shared_inflater_;
    std::map<std::pair<uint8_t, int>, std::unique_ptr<ws::Deflater>> shared_deflaters_;
    std::vector<std::unique_ptr<WorkerPart>> parts_;
    const std::shared_ptr<WorkerStrand> strand_;
    net::Loop loop_;
    std::vector<std::unique_ptr<net::Acceptor>> listeners_;
    size_t next_look_ = index_;                    // In group().workers, for least_loaded().
    std::unique_ptr<ProxyAccepts> proxy_accepts_;  // Null: no connection has needed it.
    uint64_t faults_logged_ms_ = 0, faults_ = 0;
    // ---- Stopping -------------------------------------------------------------------------------
    bool stopping_ = false;
    bool restarts_ = false;  // A drain, not only a stop.
    uint32_t close_from_slot_ = 0, drain_slots_ = 0;
    uint64_t drain_ends_ms_ = 0;
    net::TimerId drain_timer_ = 0;     // 0: none.
    std::vector<base::SlotKey> told_;  // The connections that the last round told to go away.
    uint64_t refusals_logged_ms_ = 0, pauses_logged_ms_ = 0, cuts_logged_ms_ = 0;  // 0: not yet.
    uint64_t limited_logged_ms_ = 0;                                               // 0: not yet.
    uint64_t proxy_headers_logged_ms_ = 0;                                         // 0: not yet.
    uint64_t origins_logged_ms_ = 0;                                               // 0: not yet.
    uint64_t origins_refused_ = 0;  // Refusals since the last line about them.
    uint32_t closed_per_round_ = 0;
    uint64_t deadline_ms_ = 0;
};

// A share of Inbox::message_bytes, given back when the call that holds it has run or is dropped.
class Worker::PostedBytes {
public:
    PostedBytes(std::atomic<uint64_t>& sum, size_t bytes) noexcept : sum_(&sum), bytes_(bytes) {}
    PostedBytes(PostedBytes&& other) noexcept
        : sum_(std::exchange(other.sum_, nullptr)), bytes_(other.bytes_) {}
    PostedBytes& operator=(PostedBytes&&) = delete;
    ~PostedBytes() {
        if (sum_) sum_->fetch_sub(bytes_, std::memory_order_relaxed);
    }

private:
    std::atomic<uint64_t>* sum_;
    size_t bytes_;
};

template <class F>
bool Worker::post_bounded(size_t bytes, F&& call) {
    if (ended_.load(std::memory_order_relaxed)) return false;
    auto room = post_bytes(bytes);
    if (!room) return false;
    post([call = std::forward<F>(call), room = std::move(*room)]() mutable { call(); });
    return true;
}

template <class Call, class Dropped>
void WorkerGroup::post_all(size_t bytes, const Worker* except, const Call& call,
                           const Dropped& dropped) {
    for (const auto& each : workers) {
        Worker* const worker = each.get();
        if (worker == except) continue;
        if (!worker->post_bounded(bytes, [worker, call] { call(*worker); })) dropped(*worker);
    }
}

}  // namespace starling::server
