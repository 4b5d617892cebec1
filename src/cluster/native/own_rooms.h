// cluster/native/own_rooms.h: the rooms that this node holds, and the log of changes from which the
// other nodes learn them.
//
// A version is a number of changes since the start. A change is a room's hash; its lowest bit is 1 if
// the room is no longer held. The digest of a version is the same for everyone who has the same set.
//
// Owner: the Node. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cluster/native/hash_table.h"
#include "cluster/native/types.h"

namespace starling::cluster::native {

using Change = uint64_t;

[[nodiscard]] constexpr bool is_leave(Change change) noexcept { return (change & 1) != 0; }
[[nodiscard]] constexpr RoomHash room_of(Change change) noexcept {
    return change & ~static_cast<Change>(1);
}
// A set's digest is the XOR of these.
[[nodiscard]] constexpr uint64_t digest_of(RoomHash room) noexcept { return mix64(room + 1); }

// All rooms at one version.
struct Snapshot {
    uint64_t version = 0;
    std::vector<RoomHash> rooms;
};

class OwnRooms {
public:
    OwnRooms(uint64_t seed, size_t log_changes_max) : log_max_(log_changes_max), rooms_(seed) {}

    // A member of the room more, or fewer. Two rooms with the same hash are one room here: it is held
    // until the last member of both has left.
    void joined(RoomHash room);
    void left(RoomHash room);
    [[nodiscard]] uint64_t members(RoomHash room) const noexcept {
        const Own* const own = rooms_.find(room);
        return own ? own->members : 0;
    }

    [[nodiscard]] bool has_changes() const noexcept { return !touched_.empty(); }
    // Gives the changes since the last call their versions. A room that was joined and left in
    // between is no change.
    void commit();

    // Of what is committed.
    [[nodiscard]] uint64_t version() const noexcept { return log_first_ + log_.size(); }
    [[nodiscard]] uint64_t digest() const noexcept { return digest_; }
    [[nodiscard]] size_t size() const noexcept { return announced_; }
    [[nodiscard]] uint64_t all_members() const noexcept { return all_members_; }

    // The changes after `version`; has_changes_since() says whether the log has them all.
    [[nodiscard]] bool has_changes_since(uint64_t version) const noexcept {
        return version >= log_first_ && version <= this->version();
    }
    [[nodiscard]] std::span<const Change> changes_since(uint64_t version) const noexcept {
        return std::span(log_).subspan(version - log_first_);
    }
    // One copy for all who ask, made again when the log no longer reaches back to it.
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot();
    void forget_snapshot() noexcept { snapshot_.reset(); }
    [[nodiscard]] size_t bytes() const noexcept {
        return rooms_.bytes() + (log_.capacity() + touched_.capacity()) * sizeof(uint64_t);
    }

private:
    struct Own {
        uint32_t members = 0;
        bool announced = false;
        bool touched = false;
    };

    void touch(RoomHash room, Own& own);
    void trim();

    size_t log_max_;
    HashTable<Own> rooms_;
    std::vector<RoomHash> touched_;
    std::vector<Change> log_;
    uint64_t log_first_ = 0;  // The version before the first change in log_.
    uint64_t digest_ = 0;
    size_t announced_ = 0;
    uint64_t all_members_ = 0;
    std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace starling::cluster::native
