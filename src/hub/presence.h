// hub/presence.h: presence: the members of each channel, on all workers and nodes.
//
// A member is a connection, or with Form::users a user with all connections of that user, who joins
// with the first of them and leaves with the last one. A connection without a user counts as a user
// of its own.
//
// Each node claims the members that are connected to it. A member is there while a node claims it.
//
// Owner: hub::PresenceNodes. Thread: one at a time. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/keyed_hash.h"

namespace starling::hub {

struct PresenceMember {
    std::string client;  // The id of the connection; with Form::users the one that joined first.
    std::string user;    // "": no login.
    std::string info;    // JSON without line ends; "": none.

    friend bool operator==(const PresenceMember&, const PresenceMember&) = default;
};

// A member joined or left.
struct PresenceChange {
    std::string channel;
    PresenceMember member;
    bool joined = false;
    uint64_t serial = 0;  // In the order of the changes of all channels, from 1.
};

struct PresenceList {
    std::vector<PresenceMember> members = {};  // In the order in which they joined.
    size_t users = 0;                          // All members, also those beyond the limit.
    size_t connections = 0;
    uint64_t serial = 0;  // Of the newest change that this list contains.
    size_t missing = 0;   // Nodes that may have members and did not say so.
    // In a cluster: what each other node says is at most that old. None: there is no cluster.
    std::optional<uint64_t> age_ms = std::nullopt;
};

// What a node says about a member.
struct PresenceClaim {
    std::string key;  // "u" and the user, or "c" and the connection.
    PresenceMember member;
    size_t connections = 0;  // On that node. 0: none any more.
    // Of a member that left: the one other node that claimed it then. 0: none or several, or unknown.
    uint64_t heir = 0;
};

struct PresenceStats {
    uint64_t channels = 0, members = 0, bytes = 0;
    uint64_t refused = 0;  // Connections that found a channel or the table full, since the start.
};

class Presence {
public:
    enum class Form : uint8_t { connections, users };
    struct Limits {
        size_t members_max;  // Of a channel.
        uint64_t bytes_max;  // Of all channels.
    };

    explicit Presence(const Limits& limits) noexcept;
    ~Presence();
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;

    struct Entered {
        bool full = false;  // A limit was reached: the connection is no member.
        std::optional<PresenceChange> change = std::nullopt;
    };
    // A channel has one form for its whole life. A connection enters a channel once. Throws
    // std::bad_alloc, and then the connection is no member.
    Entered enter(std::string_view channel, Form form, PresenceMember member);
    [[nodiscard]] static std::string key_of(Form form, std::string_view client,
                                            std::string_view user);
    using NodeId = uint64_t;
    static constexpr NodeId here = 0;
    // What another node claims replaces what it claimed about that member before. Throws
    // std::bad_alloc, and then the earlier claim holds.
    Entered claim(std::string_view channel, NodeId node, const PresenceClaim& claim);
    [[nodiscard]] std::vector<PresenceClaim> claims_of(std::string_view channel, NodeId node) const;
    // One of them. With no connections: there is none.
    [[nodiscard]] PresenceClaim claim_of(std::string_view channel, NodeId node,
                                         std::string_view key) const;
    // What leave() needs, made while there is memory for it: leaving takes none.
    struct Leaving {
        std::string channel, key;
    };
    // The other nodes that claim the member, if this is the last connection of it here. Throws
    // std::bad_alloc.
    [[nodiscard]] std::vector<NodeId> heirs_of(const Leaving& leaving) const;
    // For a connection that has entered.
    std::optional<PresenceChange> leave(Leaving&& leaving) noexcept;
    [[nodiscard]] PresenceList list(std::string_view channel, size_t limit) const;
    [[nodiscard]] const PresenceStats& stats() const noexcept { return stats_; }

private:
    struct Held;
    struct Place;
    struct Channel;
    using Channels = std::unordered_map<std::string, std::unique_ptr<Channel>, base::KeyedTextHash,
                                        std::equal_to<>>;

    [[nodiscard]] Held* find(std::string_view channel, std::string_view key, NodeId node) const;
    Entered add(std::string_view channel, NodeId node, PresenceClaim claim);
    std::optional<PresenceChange> remove(std::string&& channel, std::string_view key,
                                         NodeId node) noexcept;

    const Limits limits_;
    uint64_t serial_ = 0;
    PresenceStats stats_;
    Channels channels_;
};

}  // namespace starling::hub
