// cluster/native/wire.h: the bytes that nodes of the native mode send. docs/cluster-native.md has the
// tables. Numbers are little-endian or variable (7 bits in each byte, the lowest first).
//
// A reader checks a message as far as its own fields go. What it returns is valid as long as the
// bytes. Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/native/own_rooms.h"
#include "cluster/native/types.h"

namespace starling::cluster::native {

inline constexpr uint8_t wire_mark = 0xB5;  // No JSON, and no MessagePack map.
inline constexpr uint8_t wire_version = 1;
inline constexpr size_t head_bytes = 12;        // Mark, version, kind, flags, sender.
inline constexpr size_t batch_head_bytes = 68;  // With the head.

// A channel of Redis.
struct Channel {
    enum class Kind : uint8_t { all, group, node };
    Kind kind = Kind::all;
    uint64_t number = 0;  // Of the group; the id of the node.
    friend bool operator==(const Channel&, const Channel&) = default;
};
// "<prefix>:all", "<prefix>:group:3", "<prefix>:node:00c0ffee00c0ffee".
[[nodiscard]] std::string channel_name(std::string_view prefix, const Channel& channel);
[[nodiscard]] std::string to_text(NodeId id);  // 16 hexadecimal digits.
[[nodiscard]] constexpr uint64_t group_of(NodeId id, uint32_t groups) noexcept {
    return mix64(id) % groups;
}

enum class WireKind : uint8_t {
    beat = 1,    // A Status. To the group, and now and then to all.
    gossip = 2,  // A Status and changes of rooms. To all.
    batch = 3,   // Items in order, a confirmation, or both. To one node.
    silent = 4,  // Ids of nodes that are silent. To all.
    bye = 5,     // The sender ends. To all.
};

// What a node says about itself.
struct Status {
    uint64_t number = 0;   // Counts the sender's messages of the kinds beat and gossip.
    uint64_t version = 0;  // Of the sender's rooms.
    uint64_t digest = 0;
    uint64_t rooms = 0;
    uint64_t members = 0;
    uint32_t groups = 1;  // Below 65,536.
    uint16_t settings_check = 0;
    bool floods = false;   // It holds too many rooms to announce them: it gets everything.
    bool confirm = false;  // It waits until everyone has confirmed this version.
    std::string_view name;
};

struct BatchHead {
    static constexpr uint64_t seq_max = UINT64_MAX / 2;  // No stream gets so far.
    NodeId to = 0;
    uint32_t epoch = 0;   // Of the sender's stream to `to`; grows when the stream begins again.
    uint32_t back = 0;    // seq - back is the oldest batch that the sender still has.
    uint64_t seq = 0;     // From 1, at most seq_max. 0: no items.
    uint64_t before = 0;  // Publications in this stream before this batch.
    uint32_t acked_epoch = 0;   // The stream from `to` that the next three speak of.
    uint32_t acked_ahead = 0;   // Bit i: acked_next + 1 + i is here as well.
    uint64_t acked_next = 0;    // All batches below are here.
    uint64_t seen_version = 0;  // The newest version of the rooms of `to` that the sender heard of.
};

struct Wire {
    WireKind kind = WireKind::beat;
    NodeId from = 0;
    Status status;              // beat, gossip
    uint64_t from_version = 0;  // gossip: the version before the first change.
    BatchHead head;             // batch
    std::string_view body;      // gossip: changes; batch: items; silent: ids.
};

// nullopt: no message of this version, or a wrong one.
[[nodiscard]] std::optional<Wire> read_wire(std::string_view bytes) noexcept;
// Of the bodies of gossip and silent, and of the rooms of a snapshot.
[[nodiscard]] inline size_t word_count(std::string_view body) noexcept { return body.size() / 8; }
[[nodiscard]] uint64_t word_at(std::string_view body, size_t i) noexcept;
void write_words(std::span<const uint64_t> words, std::string& out);  // Appends.

// These replace `out`.
void write_beat(NodeId from, const Status& status, std::string& out);
void write_gossip(NodeId from, const Status& status, uint64_t from_version,
                  std::span<const Change> changes, std::string& out);
void write_silent(NodeId from, std::span<const NodeId> nodes, std::string& out);
void write_bye(NodeId from, std::string& out);
// Fills the first batch_head_bytes of `out`, which are there already.
void write_batch_head(NodeId from, const BatchHead& head, std::string& out) noexcept;

enum class ItemKind : uint8_t {
    publication = 1,
    question = 2,
    answer = 3,
    count = 4,  // How many members has a room?
    counted = 5,
    status = 6,         // To a node that was not known.
    sync = 7,           // What changed in your rooms since this version?
    snapshot = 8,       // A part of all rooms.
    more_snapshot = 9,  // The next part, please.
};

struct Item {
    ItemKind kind = ItemKind::publication;
    bool direct = false;       // publication, question: whether or not its rooms are held.
    bool last = false;         // answer
    uint64_t id = 0;           // question, answer, count, counted
    uint64_t number = 0;       // count: the room; counted: its members
    uint64_t version = 0;      // sync, snapshot, more_snapshot
    uint64_t offset = 0;       // snapshot, more_snapshot: in rooms.
    uint64_t total = 0;        // snapshot: rooms in all parts.
    Status status;             // status
    std::string_view rooms;    // publication, question: for next_room().
    std::string_view payload;  // publication, question, answer; snapshot: rooms.
};

// Takes an item off the front of `body`. nullopt: it is wrong, and so is the rest.
[[nodiscard]] std::optional<Item> next_item(std::string_view& body) noexcept;
// Takes a room off the front. nullopt: there is none any more. Only for Item::rooms.
[[nodiscard]] std::optional<std::string_view> next_room(std::string_view& rooms) noexcept;

// Appends the item. False: a room's name is too long, or there are too many rooms, and nothing was
// appended.
[[nodiscard]] bool write_item(const Item& item, std::span<const std::string_view> rooms,
                              std::string& out);

}  // namespace starling::cluster::native
