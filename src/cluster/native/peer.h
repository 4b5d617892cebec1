// cluster/native/peer.h: what a node knows of another one.
//
// Owner: the Node. Thread: the owner's.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/native/room_table.h"
#include "cluster/native/streams.h"
#include "cluster/native/types.h"

namespace starling::cluster::native {

struct Peer {
    Peer(NodeId node, Pool& pool, const Options& options, uint32_t epoch)
        : id(node),
          group(group_of(node, options.groups)),
          out(pool, options, epoch),
          in(pool, options) {}

    // Everything that is published goes to it, because its rooms are not known, or not all of them.
    [[nodiscard]] bool gets_everything() const noexcept {
        return floods || too_many || is_broken || !has_status || known_version < heard_version ||
               incoming != RoomTable::none;
    }

    const NodeId id;
    const uint64_t group;
    std::string name;
    OutStream out;
    InStream in;

    // ---- Is it there? -----------------------------------------------------------------------------
    Millis heard_at = 0;
    Millis away_at = 0;
    bool is_away = false;
    bool is_accused = false;  // A node of its group says that it is silent.
    bool is_leaving = false;  // It said good-bye. What it sent before may still arrive.
    bool is_awaited = false;  // Not heard since the link to Redis is up.
    Millis returned_at = 0;   // When it was heard then,
    Millis resend_at = 0;     // and when to look at what was sent to it before; 0: not.

    // ---- Its rooms --------------------------------------------------------------------------------
    bool has_status = false;
    bool floods = false;     // It says that it holds too many to announce.
    bool too_many = false;   // The table here has no room for them.
    bool is_broken = false;  // What is known is wrong: all is to be sent again.
    RoomTable::Index index = RoomTable::none;
    uint64_t status_number = 0;
    uint64_t known_version = 0;
    uint64_t known_digest = 0;
    uint64_t heard_version = 0;  // The newest that anyone spoke of.
    uint64_t rooms = 0, members = 0;
    Millis confirmed_at = 0;  // When it last said that what is known is all.
    Millis sync_at = 0;       // When to ask for what is missing; 0: undecided.
    // A snapshot that arrives in parts.
    RoomTable::Index incoming = RoomTable::none;
    uint64_t incoming_version = 0, incoming_rooms = 0, incoming_digest = 0;

    // ---- What it knows of this node -----------------------------------------------------------------
    uint64_t seen_version =
        0;  // It publishes according to this version of the own rooms, or floods.

    // ---- Work -------------------------------------------------------------------------------------
    Millis ack_at = 0;        // When to confirm what arrived; 0: nothing to confirm.
    bool is_active = false;   // In Node::active_.
    bool is_flooded = false;  // In Node::flooded_.
    uint64_t mark = 0;        // Of the last publication that it got.
};

}  // namespace starling::cluster::native
