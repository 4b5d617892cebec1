// app/demo/socketio_members.h: the members of the Socket.IO chat in join order, and the messages
// that tell pages about them. A newcomer gets the whole list, then changes:
//
//     online   {"version": 7, "count": 2, "members": [{"id": "...", "name": "Ada"}, ...]}
//     changes  {"version": 8, "count": 1, "set": [{"id": "...", "name": "Ada L."}], "left": ["..."]}
//
// In a cluster each node has such a list of its own, of the members of all nodes. Each member has an
// owner, the node that it is connected to; app/demo/socketio_nodes.h tells the nodes of each other.
//
// Changes are collected: however often members join, leave and rename, each member gets one message
// of the differences per interval, whose size is that of the changes.
//
// Owner: the chat. Thread: any. Time is an argument, in milliseconds of a monotonic clock.
#pragma once

#include <starling/socketio_value.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace starling::app {

inline constexpr size_t socketio_listed_max = 200;  // Members in a list; `count` counts all.
// Shortest time between two broadcasts that one member is typing.
inline constexpr int64_t socketio_typing_interval_ms = 500;

class SocketIoMembers {
public:
    // True: this is the first change since take_changes(); call take_changes() after the interval.
    // A second join() of an id changes nothing; neither does rename() or leave() of an unknown id.
    [[nodiscard]] bool join(std::string_view id, std::string_view name);
    [[nodiscard]] bool rename(std::string_view id, std::string_view name);
    [[nodiscard]] bool leave(std::string_view id);

    // The same for a member of another node, "" being this one. If another owner has the id already,
    // the member has moved: the new owner and name count.
    [[nodiscard]] bool join_at(std::string_view owner, std::string_view id, std::string_view name);
    // Nothing happens if the member has moved to another owner since.
    [[nodiscard]] bool leave_from(std::string_view owner, std::string_view id);
    // Members of other nodes that have no place in the lists of those nodes; `count` counts them.
    [[nodiscard]] bool set_unlisted(size_t count);
    // Counts the changes of the members of this node.
    [[nodiscard]] uint64_t own_version() const;
    // The members of this node: {"version": own_version(), "count": 1, "members": [...]}.
    [[nodiscard]] sio::Json own_list() const;

    // The list as the last take_changes() left it. A newcomer gets it, and then the same changes as
    // every member.
    [[nodiscard]] sio::Json list() const;
    // The changes since the last call, to be sent to every member; null: the list is unchanged.
    [[nodiscard]] sio::Json take_changes();

    [[nodiscard]] std::optional<std::string> name(std::string_view id) const;
    // True: broadcast now that the member types, or has stopped typing. False: the last broadcast is
    // less than the interval ago, typing that ends was never broadcast, or `id` is unknown.
    [[nodiscard]] bool may_tell_typing(std::string_view id, bool typing, int64_t now_ms);

private:
    struct Member {
        std::string id, name, owner;
        bool typing = false;  // The state that was last broadcast.
        int64_t typing_due_ms = INT64_MIN;
    };
    struct Told {
        std::string id, name;
    };
    // Call these with mutex_ held.
    [[nodiscard]] bool changed(std::string_view owner);
    [[nodiscard]] size_t count() const noexcept { return members_.size() + unlisted_; }

    mutable std::mutex mutex_;
    std::list<Member> members_;
    std::unordered_map<std::string, std::list<Member>::iterator> by_id_;
    bool has_changed_ = false;  // Since the last take_changes().
    size_t own_count_ = 0, unlisted_ = 0;
    uint64_t own_version_ = 0;

    std::vector<Told> told_;
    size_t told_count_ = 0;
    uint64_t version_ = 0;
};

}  // namespace starling::app
