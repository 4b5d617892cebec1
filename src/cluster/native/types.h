// cluster/native/types.h: the words of the native mode: nodes, rooms, limits, counters. Values; any
// thread. docs/cluster-native.md is the design.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"

namespace starling::cluster::native {

// Random, drawn at the start of a process. A process that starts again is another node. Never 0.
using NodeId = uint64_t;
// A room's name as a number; the lowest bit is 0, and the number is never 0.
using RoomHash = uint64_t;
// Milliseconds of this node's monotonic clock. Never compared with those of another node.
using Millis = uint64_t;

[[nodiscard]] inline RoomHash room_hash(base::HashKey key, std::string_view room) noexcept {
    const RoomHash hash = base::siphash13(key, room) & ~static_cast<RoomHash>(1);
    return hash == 0 ? 2 : hash;
}

// A mixing of 64 bits (Stafford's variant 13 of the finalizer of MurmurHash3), for digests and for
// random numbers from a seed.
[[nodiscard]] constexpr uint64_t mix64(uint64_t value) noexcept {
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
}

struct Options {
    NodeId id = 0;       // Random.
    std::string name{};  // For people and logs: at most 64 bytes. May be the same after a restart.
    base::HashKey hash_key{};  // Secret, and the same on all nodes of the cluster.
    uint64_t seed = 0;         // Random, and not the same on all nodes.
    // Nodes tell each other four times a second that they are there. With `groups` 1, all tell all.
    // Above about 128 nodes: a group for every 32 nodes. The same on all nodes.
    uint32_t groups = 1;
    // Of what must be the same on all nodes, such as hash_key: tells that it is not.
    uint16_t settings_check = 0;

    Millis beat_ms = 250;
    Millis away_after_ms = 750;       // Silence after which a node is away.
    Millis forget_after_ms = 60'000;  // Time after which an away node is forgotten.
    Millis gossip_ms_min = 10;        // Pause between two publications of changed rooms; at least
                                      // 1 ms for each node of the cluster.
    Millis ack_ms = 100;              // Longest time in which a batch is confirmed.
    Millis resend_ms = 500;           // Time after which an unconfirmed batch is sent again.
    Millis question_ms = 5'000;       // Longest wait for an answer of a node that is there.
    Millis count_ms = 1'000;          // Age at which a count is asked for again.

    Millis bye_ms = 1'000;  // Time in which the last batches of a node that ends arrive.

    size_t nodes_max = 1'024;
    size_t table_entries_max = 4'000'000;  // Pairs of a room and a node that holds it.
    size_t own_rooms_max = 262'144;        // Rooms of this node that the others learn one by one.
    size_t log_changes_max =
        65'536;  // Newest changes of the own rooms, for nodes that missed some.
    size_t batch_bytes_max = 262'144;  // A batch is closed when it is that long.
    size_t publication_bytes_max = 16'777'216;
    size_t queue_bytes_max = 67'108'864;       // Waiting or unconfirmed, of all nodes.
    size_t node_queue_bytes_max = 33'554'432;  // The same, of one node.
    size_t burst_bytes_max = 1'048'576;        // Sent to one node in one tick.
    size_t held_bytes_max = 16'777'216;        // Arrived before what precedes it.
    size_t fences_max = 65'536;                // Not passed yet, of this node.
    size_t questions_max = 10'000;             // Unanswered, of this node.
    size_t counts_max = 1'024;                 // Rooms whose count is remembered.
};

// Limits of the wire, the same on all nodes.
inline constexpr size_t name_bytes_max = 64;     // Of a node's name.
inline constexpr size_t room_bytes_max = 1'024;  // Of a room's name.
inline constexpr size_t rooms_max = 16'384;      // In one list.

struct Target {
    std::span<const std::string_view> rooms{};
    // Nodes that get it whether or not they are known to hold one of the rooms. For rooms that are
    // never announced, such as that of a single socket whose id names its node.
    std::span<const NodeId> nodes{};
    bool everyone = false;  // All nodes, whatever they hold.
};

// Counted since the start.
struct Stats {
    uint64_t published = 0;  // publish() and ask(), whatever number of nodes got it.
    uint64_t copies = 0;     // Publications put into batches, for each node that gets one.
    uint64_t flooded = 0;    // Of these: to a node whose rooms are not known.
    uint64_t batches = 0;    // Batches sent.
    uint64_t resent = 0;     // Of these: again.
    uint64_t bytes_sent = 0;
    uint64_t messages_received = 0;
    uint64_t delivered = 0;       // Publications of others for rooms that are held here.
    uint64_t unwanted = 0;        // Publications of others for rooms that are not.
    uint64_t duplicates = 0;      // Batches that had arrived before.
    uint64_t held = 0;            // Batches that arrived before what precedes them.
    uint64_t dropped = 0;         // Publications that a full queue dropped, and `forgotten`.
    uint64_t forgotten = 0;       // Publications for a node that was away for too long.
    uint64_t lost = 0;            // Publications of others that their queues dropped: gaps.
    uint64_t malformed = 0;       // Messages without a meaning.
    uint64_t refused = 0;         // Beyond a limit: publications, questions, nodes.
    uint64_t impostors = 0;       // Messages of another process with this node's id.
    uint64_t syncs = 0;           // Times that the rooms of a node were asked for.
    uint64_t snapshots = 0;       // Times that they arrived as a whole.
    uint64_t mismatches = 0;      // Digests that differed at the same version.
    uint64_t other_settings = 0;  // Messages of nodes with another `groups` or `settings_check`.
    uint64_t late_answers = 0;    // Answers to questions that were over.
};

enum class NodeChange : uint8_t {
    here,    // A new node.
    away,    // It is silent. What is sent to it waits, within limits; questions do not wait.
    back,    // It was away.
    leaves,  // It said good-bye: as away, for the moment until it is gone.
    gone,    // It has left, or was away too long: forgotten.
};

// What a question got.
struct Outcome {
    size_t answered = 0;
    std::vector<NodeId> missing;  // Away, or they became it, or the time was over.
};

struct Count {
    uint64_t members = 0;  // Here and on the nodes that answered.
    size_t missing = 0;    // Nodes that hold the room, and did not answer.
    Millis age_ms = 0;     // Of the oldest part; of this node's own part: 0.
    bool known = false;    // False: only this node's own part is known yet.
};

struct Holders {
    std::vector<NodeId> nodes;  // Others that are there.
    std::vector<NodeId> away;   // Others that are not, but may come back.
    size_t uncertain = 0;       // Nodes whose rooms are not known; they may hold it as well.
    Millis age_ms = 0;  // Time since the oldest confirmation among the nodes that are there.
};

}  // namespace starling::cluster::native
