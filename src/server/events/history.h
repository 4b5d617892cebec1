// server/events/history.h: the history and the presence that all workers of a server share, each
// under a lock of its own.
//
// Only channels that have a history or presence take these locks: the history for each event and
// each new listener, the presence when a member comes or goes.
//
// Owner: server::Events. Thread: any.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "hub/history.h"
#include "hub/presence.h"

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

class SharedPresence {
public:
    // `tell` passes a change on to all workers. It runs under the lock, so that each worker gets the
    // changes in their order.
    SharedPresence(const hub::Presence::Limits& limits,
                   std::function<void(const hub::PresenceChange&)> tell)
        : tell_(std::move(tell)), presence_(limits) {}

    hub::Presence::Entered enter(std::string_view channel, hub::Presence::Form form,
                                 hub::PresenceMember member);
    std::optional<hub::PresenceChange> leave(std::string_view channel, hub::Presence::Form form,
                                             std::string_view client, std::string_view user);
    [[nodiscard]] hub::PresenceList list(std::string_view channel, size_t limit) const;
    [[nodiscard]] hub::PresenceStats stats() const;

private:
    const std::function<void(const hub::PresenceChange&)> tell_;
    mutable std::mutex mutex_;
    hub::Presence presence_;
};

}  // namespace starling::server
