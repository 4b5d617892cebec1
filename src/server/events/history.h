// server/events/history.h: the history that all workers of a server share, under a lock of its own.
//
// Only channels that have a history take the lock, for each event and each new listener.
//
// Owner: server::Events. Thread: any.
#pragma once

#include <functional>
#include <mutex>
#include <string_view>

#include "hub/history.h"

namespace starling::server {

// The history of a server whose channels are on this node alone. Answers at once, on the thread
// that asks and not under the lock.
class SharedHistory final : public hub::History {
public:
    SharedHistory(std::string_view epoch, uint64_t bytes_max) : memory_(epoch, bytes_max) {}

    void append(std::string_view channel, const hub::HistoryRule& rule, std::string_view text,
                uint64_t now_ms, const std::function<void(hub::KeptPtr)>& done) override;
    void read(const hub::HistoryQuery& query, uint64_t now_ms,
              const std::function<void(hub::HistoryPage)>& done) override;
    void expire(uint64_t now_ms);
    [[nodiscard]] hub::HistoryStats stats() const;

private:
    mutable std::mutex mutex_;
    hub::MemoryHistory memory_;
};

}  // namespace starling::server
