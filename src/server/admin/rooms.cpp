#include "server/admin/rooms.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "server/admin/admin.h"
#include "server/extension.h"
#include "server/worker.h"

namespace starling::server {
namespace {

constexpr std::chrono::milliseconds answer_max{2000};
constexpr size_t answer_bytes = 256 * 1024;

struct Part {
    std::vector<FoundRoom> rooms;
    bool complete = true;
};

// On the worker's thread.
Part rooms_of(Worker& worker, const RoomQuery& query) {
    Part part;
    const auto wants = [&query](std::string_view kind) {
        return query.kind.empty() || query.kind == kind;
    };
    const auto add = [&](const RoomFacts& room) {
        if (!wants(room.kind)) return;
        if (query.whole ? room.name != query.prefix : !room.name.starts_with(query.prefix)) return;
        if (part.rooms.size() >= RoomQuery::kept_max) {
            part.complete = false;
            return;
        }
        part.rooms.push_back(
            {std::string(room.kind), std::string(room.nsp), std::string(room.name), room.members});
    };
    if (wants("topic"))
        worker.hub().each_topic([&](std::string_view topic, size_t members) {
            add({"topic", {}, topic, members});
        });
    for (Extension* const extension : worker.group().extensions)
        if (wants(extension->room_kind())) extension->each_room(worker, add);
    return part;
}

// Sums what the workers say. On the thread of the admin listener.
struct Sum {
    using Key = std::tuple<std::string, std::string, std::string>;

    Sum(RoomQuery q, std::function<void(const RoomPage&)> d)
        : query(std::move(q)), done(std::move(d)) {}

    void take(Part part) {
        complete = complete && part.complete;
        for (FoundRoom& room : part.rooms)
            members[{std::move(room.kind), std::move(room.nsp), std::move(room.name)}] +=
                room.members;
        if (--missing == 0) finish();
    }
    void finish() {
        const auto first = std::exchange(done, nullptr);
        if (!first) return;
        RoomPage page;
        page.total = members.size();
        page.complete = complete && missing == 0;
        page.rooms.reserve(members.size());
        for (const auto& [key, count] : members)
            page.rooms.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), count});
        std::ranges::sort(page.rooms, [](const FoundRoom& a, const FoundRoom& b) {
            return std::tie(b.members, a.kind, a.nsp, a.name) <
                   std::tie(a.members, b.kind, b.nsp, b.name);
        });
        if (page.rooms.size() > query.limit) page.rooms.resize(query.limit);
        first(page);
    }

    const RoomQuery query;
    std::function<void(const RoomPage&)> done;
    std::map<Key, size_t> members;
    size_t missing = 0;
    bool complete = true;
};

}  // namespace

void find_rooms(Admin& admin, RoomQuery query, std::function<void(const RoomPage&)> done) {
    const auto sum = std::make_shared<Sum>(std::move(query), std::move(done));
    sum->missing = admin.group().workers.size();
    for (const auto& each : admin.group().workers) {
        Worker& worker = *each;
        const bool posted = worker.post_bounded(answer_bytes, [&admin, &worker, sum] {
            const auto part = std::make_shared<Part>(rooms_of(worker, sum->query));
            admin.home().post([sum, part] { sum->take(std::move(*part)); });
        });
        if (!posted) sum->complete = false;
    }
    admin.home().after(answer_max, [sum] { sum->finish(); });
}

}  // namespace starling::server
