// socketio/quota.h: the limits of the namespaces that have one name or pattern (an element of
// sio::Options::namespace_limits), and the counts of what they have refused.
//
// Owner: the Adapter. Thread: any; the limits do not change, the counts are atomics.
#pragma once

#include <starling/socketio_options.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/cache_line.h"
#include "limits/bucket.h"

namespace starling::socketio {

class Quota {
public:
    explicit Quota(sio::NamespaceLimits of) : limits(std::move(of)), messages(limits.messages) {}

    // A client asks to connect. False: the namespaces are full.
    [[nodiscard]] bool enter() noexcept {
        const uint64_t before = clients.fetch_add(1, std::memory_order_relaxed);
        if (limits.connections_max == 0 || before < limits.connections_max) return true;
        leave();
        count(refused_connections);
        return false;
    }
    // A client that has entered is gone.
    void leave() noexcept { clients.fetch_sub(1, std::memory_order_relaxed); }

    static void count(std::atomic<uint64_t>& counter) noexcept {
        counter.fetch_add(1, std::memory_order_relaxed);
    }

    const sio::NamespaceLimits limits;
    const limits::BucketRate messages;
    // Each message reads what is above; each connection writes from here on.
    alignas(base::cache_line_bytes) std::atomic<uint64_t> clients{
        0};  // Those that middleware decides about, too.
    std::atomic<uint64_t> refused_connections{0}, refused_messages{0}, refused_bytes{0},
        refused_rooms{0};
};

// A client has entered, and leaves unless it is kept.
class QuotaPlace {
public:
    explicit QuotaPlace(Quota* quota) noexcept : quota_(quota) {}
    QuotaPlace(const QuotaPlace&) = delete;
    QuotaPlace& operator=(const QuotaPlace&) = delete;
    ~QuotaPlace() {
        if (quota_) quota_->leave();
    }
    void keep() noexcept { quota_ = nullptr; }

private:
    Quota* quota_;
};

}  // namespace starling::socketio
