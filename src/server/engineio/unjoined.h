// server/engineio/unjoined.h: the sessions of a worker that were opened and not used yet: their
// number, their addresses, the oldest one. Anybody can open a session; these counts bound what that
// costs the server.
//
// Owner: EngineWorker; each session owns its Entry. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "base/intrusive_list.h"
#include "base/slot_table.h"
#include "peer/client_network.h"

namespace starling::server {

class UnjoinedSessions {
    struct ByAge : base::ListLink {};
    struct ByNetwork : base::ListLink {};
    struct Network {
        base::ListLink sessions;  // Oldest first.
        size_t count = 0;
    };

public:
    // The session counts as unjoined until its Entry is destroyed.
    class Entry : private ByAge, private ByNetwork {
    public:
        ~Entry();
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

        const base::SlotKey session;
        const uint64_t since_ms;

    private:
        friend class UnjoinedSessions;
        Entry(UnjoinedSessions& all, base::SlotKey key, peer::ClientNetwork network,
              uint64_t now_ms);

        UnjoinedSessions& all_;
        const peer::ClientNetwork network_;
    };

    [[nodiscard]] std::unique_ptr<Entry> add(base::SlotKey session, peer::ClientNetwork network,
                                             uint64_t now_ms);

    [[nodiscard]] size_t size() const noexcept { return size_; }
    [[nodiscard]] size_t size_of(peer::ClientNetwork network) const;
    // Null: no session is unjoined.
    [[nodiscard]] const Entry* oldest() const noexcept;
    [[nodiscard]] const Entry* oldest_of(peer::ClientNetwork network) const;

private:
    base::ListLink by_age_;
    size_t size_ = 0;
    // A tree: clients cannot choose addresses that collide in it.
    std::map<peer::ClientNetwork, Network> networks_;
};

}  // namespace starling::server
