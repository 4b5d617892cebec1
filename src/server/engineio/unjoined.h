// server/engineio/unjoined.h: the sessions of a worker that have been opened and not been used yet: how
// many there are, of which address, and which one is the oldest. Anybody can open a session; what that
// costs is bounded here.
//
// Owner: EngineWorker; an entry by its session. Thread: the worker's.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/slot_table.h"

namespace starling::server {

// What counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which one host may use
// every address.
struct ClientNetwork {
    uint64_t prefix = 0;
    bool v6 = false;
    friend auto operator<=>(const ClientNetwork&, const ClientNetwork&) = default;

    // Of http::Request::remote_address(). Everybody behind a Unix-domain socket is one.
    [[nodiscard]] static ClientNetwork of(std::string_view address);
};

class UnjoinedSessions {
    struct ByAge : base::ListLink {};
    struct ByNetwork : base::ListLink {};
    struct Network {
        base::ListLink sessions;  // The oldest first.
        size_t count = 0;
    };

public:
    // Counts until it is destroyed.
    class Entry : private ByAge, private ByNetwork {
    public:
        ~Entry();
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

        const base::SlotKey session;
        const uint64_t since_ms;

    private:
        friend class UnjoinedSessions;
        Entry(UnjoinedSessions& all, base::SlotKey key, ClientNetwork network, uint64_t now_ms);

        UnjoinedSessions& all_;
        const ClientNetwork network_;
    };

    [[nodiscard]] std::unique_ptr<Entry> add(base::SlotKey session, ClientNetwork network,
                                             uint64_t now_ms);

    [[nodiscard]] size_t size() const noexcept { return size_; }
    [[nodiscard]] size_t size_of(ClientNetwork network) const;
    // Null: no session is unjoined.
    [[nodiscard]] const Entry* oldest() const noexcept;
    [[nodiscard]] const Entry* oldest_of(ClientNetwork network) const;

private:
    base::ListLink by_age_;
    size_t size_ = 0;
    std::map<ClientNetwork, Network> networks_;  // Ordered: no keys can be chosen to collide.
};

}  // namespace starling::server
