// client/loop_core.h: what the sockets of one ClientLoop share: the net::Loop, the dialer, codecs without
// context takeover, masking keys, and the count of what is left to do.
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

class LoopCore {
public:
    LoopCore();
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
    void on_exception(std::function<void(std::string_view)> call) { tell_ = std::move(call); }
    void tell_exception(std::string_view what) noexcept;

    // Throws std::logic_error if the loop runs on another thread.
    void check_thread() const;
    [[nodiscard]] bool is_elsewhere() const noexcept;
    [[nodiscard]] static LoopCore& of(ClientLoop& loop) noexcept { return *loop.core_; }

    // The list of the sockets that are not CLOSED.
    [[nodiscard]] base::ListLink& sockets() noexcept { return sockets_; }

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
    // What the Socket.IO clients of this loop share; see client/socketio/hub.h. Freed before the loop.
    [[nodiscard]] std::shared_ptr<void>& socketio_hub() noexcept { return socketio_hub_; }

private:
    void fill_keys();
    [[nodiscard]] bool has_work();
    void run_until(bool idle_ends);
    void join();

    net::Loop net_;
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<net::Dialer> dialer_;
    TlsContexts tls_contexts_;
    SharedTerms terms_;
    base::ListLink sockets_;
    std::unordered_set<ClientLoop::Timer> timers_;
    Watches watches_{net_};
    std::unique_ptr<ws::Inflater> inflater_;
    std::map<std::pair<uint8_t, int>, std::unique_ptr<ws::Deflater>> deflaters_;
    std::array<uint32_t, 1024> keys_{};
    size_t keys_left_ = 0;
    std::function<void(std::string_view)> tell_;
    std::thread thread_;  // Of start().
    // The thread that runs the loop; none: std::thread::id().
    std::atomic<std::thread::id> runs_on_{};
    std::atomic<uint64_t> posted_{0};  // Calls that have not run.
    std::atomic<bool> stopping_{false};
    std::shared_ptr<void> socketio_hub_;
};

}  // namespace starling::client
