#include "cluster/native/own_rooms.h"

namespace starling::cluster::native {

void OwnRooms::joined(RoomHash room) {
    Own& own = rooms_.insert(room);
    ++all_members_;
    if (++own.members == 1) touch(room, own);
}

void OwnRooms::left(RoomHash room) {
    Own* const own = rooms_.find(room);
    if (!own || own->members == 0) return;
    --all_members_;
    if (--own->members == 0) touch(room, *own);
}

void OwnRooms::touch(RoomHash room, Own& own) {
    if (own.touched) return;
    own.touched = true;
    touched_.push_back(room);
}

void OwnRooms::commit() {
    for (const RoomHash room : touched_) {
        Own* const own = rooms_.find(room);
        own->touched = false;
        const bool is_held = own->members > 0;
        if (is_held != own->announced) {
            own->announced = is_held;
            log_.push_back(room | (is_held ? 0 : 1));
            digest_ ^= digest_of(room);
            announced_ += is_held ? 1 : static_cast<size_t>(-1);
        }
        if (!is_held) rooms_.erase(room);
    }
    touched_.clear();
    trim();
}

// Twice as many changes as are promised, so that moving them is rare.
void OwnRooms::trim() {
    if (log_.size() <= 2 * log_max_) return;
    const size_t over = log_.size() - log_max_;
    log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(over));
    log_first_ += over;
}

std::shared_ptr<const Snapshot> OwnRooms::snapshot() {
    if (snapshot_ && has_changes_since(snapshot_->version)) return snapshot_;
    auto made = std::make_shared<Snapshot>();
    made->version = version();
    made->rooms.reserve(announced_);
    rooms_.for_each([&](RoomHash room, const Own& own) {
        if (own.announced) made->rooms.push_back(room);
    });
    snapshot_ = std::move(made);
    return snapshot_;
}

}  // namespace starling::cluster::native
