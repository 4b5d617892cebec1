// server/admin/rooms.h: the topics, rooms and channels of all workers, with their members.
//
// Thread: that of the admin listener.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::server {

class Admin;

struct FoundRoom {
    std::string kind, nsp, name;
    size_t members = 0;
};

struct RoomQuery {
    static constexpr size_t limit_max = 1000;
    // Of one worker. With more, the smallest of what a worker has are left out.
    static constexpr size_t kept_max = 20'000;

    std::string kind, prefix;  // "": all.
    size_t limit = 100;
    bool whole = false;  // `prefix` is the whole name.
};

struct RoomPage {
    std::vector<FoundRoom> rooms;  // Those with the most members first.
    size_t total = 0;              // How many match.
    bool complete = true;          // False: a worker did not answer, or had too many.
};

void find_rooms(Admin& admin, RoomQuery query, std::function<void(const RoomPage&)> done);

}  // namespace starling::server
