// client/loop_core.h: what the sockets of one ClientLoop share: the net::Loop, the dialer, codecs without
// context takeover, masking keys, and the count of what is left to do.
//
// The net::Loop is the LoopCore's own, or that of a server's worker. On a worker, end() is called when
// the loop has ended; the LoopCore may be destroyed after the loop.
//
// Owner: the ClientLoop. Thread: the loop's, but for post() and stop().
#pragma once

#include <starling/client.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/intrusive_list.h"
#include "client/dialing.h"
#include "client/terms.h"
#include "client/watches.h"
#include "net/dialer.h"
#include "net/loop.h"
#include "ws/deflate.h"

namespace starling::client {

// Something on a loop that has to know of the loop's end. Owner: anyone.
class LoopGuest : public base::ListLink {
public:
    // The server stops; the guest gives up what it keeps up by itself. Makes no other guest.
    virtual void server_stops() {}
    // The loop is gone when this call returns.
    virtual void loop_ends() noexcept {}

protected:
    ~LoopGuest() = default;
};

class LoopCore {
public:
    // Gets the text of an exception that no socket can report.
    using Tell = std::function<void(std::string_view what)>;

    explicit LoopCore(Io io);
    // On the loop of a server's worker, on its thread. `tell`: until on_exception() names another one.
    LoopCore(net::Loop& of_worker, Tell tell);
    ~LoopCore();
    LoopCore(const LoopCore&) = delete;
    LoopCore& operator=(const LoopCore&) = delete;

    void run();
    void start();
    void stop();
    void post(std::function<void()> call);
    ClientLoop::Timer add_timer(uint64_t ms, bool repeat, std::function<void()> call);
    bool cancel(ClientLoop::Timer timer);
    [[nodiscard]] Watches& watches();
    bool forget_timer(ClientLoop::Timer timer) noexcept;  // As cancel(), for a caller on the loop.
    void on_exception(Tell call) { tell_ = std::move(call); }
    void tell_exception(std::string_view what) noexcept;

    // Throws std::logic_error if the loop runs on another thread, or has ended.
    void check_thread() const;
    [[nodiscard]] bool is_elsewhere() const noexcept;
    [[nodiscard]] static LoopCore& of(ClientLoop& loop) noexcept { return *loop.core_; }
    // A ClientLoop on the loop of a server's worker, as the constructor says.
    [[nodiscard]] static ClientLoop on(net::Loop& of_worker, Tell tell) {
        return ClientLoop(std::make_unique<LoopCore>(of_worker, std::move(tell)));
    }

    // The list of the sockets that are not CLOSED.
    [[nodiscard]] base::ListLink& sockets() noexcept { return sockets_; }
    void add(LoopGuest& guest) noexcept { guest.insert_before(guests_); }

    // ---- On a worker ----------------------------------------------------------------------------
    // The server stops: closes all sockets, and makes no connection from here on. May be called again.
    void server_stops();
    // Why no connection is made any more; "" while connections are made.
    [[nodiscard]] std::string_view refusal() const noexcept {
        return server_stops_ ? "the server stops" : "";
    }
    // A socket is not CLOSED.
    [[nodiscard]] bool has_sockets() const noexcept { return sockets_.linked(); }
    // Ends all sockets without events, and frees what uses the net::Loop. On the loop's thread, or when
    // that thread has ended.
    void end() noexcept;

    [[nodiscard]] net::Loop& net() noexcept { return net_; }
    [[nodiscard]] net::Dialer& dialer();
    // In place of the system's; before the first connection.
    void resolve_with(std::unique_ptr<net::Resolver> resolver);
    [[nodiscard]] TlsContexts& tls_contexts() noexcept { return tls_contexts_; }
    [[nodiscard]] SharedTerms& terms() noexcept { return terms_; }
    [[nodiscard]] ws::Inflater& shared_inflater();
    [[nodiscard]] ws::Deflater& shared_deflater(uint8_t window_bits, int level);
    [[nodiscard]] uint32_t masking_key() {
        if (keys_left_ == 0) fill_keys();
        return std::exchange(keys_[--keys_left_], 0);
    }
    static void fill_random(std::span<std::byte> to);
    [[nodiscard]] static double random_fraction();  // 0 <= result < 1.
    // What the Socket.IO clients of this loop share; see client/socketio/hub.h. Freed before the loop.
    [[nodiscard]] std::shared_ptr<void>& socketio_hub() noexcept { return socketio_hub_; }

private:
    void fill_keys();
    [[nodiscard]] bool has_work();
    void run_until(bool idle_ends);
    void join();
    void require_own(const char* function) const;
    template <class F>
    void guarded(F&& call) noexcept;

    const std::unique_ptr<net::Loop> own_;  // Null on a worker. First: the members below use it.
    net::Loop& net_;
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<net::Dialer> dialer_;
    TlsContexts tls_contexts_;
    SharedTerms terms_;
    base::ListLink sockets_, guests_;
    std::unordered_set<ClientLoop::Timer> timers_;
    Watches watches_{net_};
    std::unique_ptr<ws::Inflater> inflater_;
    std::map<std::pair<uint8_t, int>, std::unique_ptr<ws::Deflater>> deflaters_;
    std::array<uint32_t, 1024> keys_{};
    size_t keys_left_ = 0;
    Tell tell_;
    std::thread thread_;  // Of start().
    // The thread that runs the loop; none: std::thread::id().
    std::atomic<std::thread::id> runs_on_{};
    std::atomic<uint64_t> posted_{0};  // Calls that have not run.
    std::atomic<bool> stopping_{false};
    std::atomic<bool> ended_{false};  // After end().
    bool server_stops_ = false;
    std::shared_ptr<void> socketio_hub_;
};

}  // namespace starling::client
