// app/demo/socketio_members.h: the members of the Socket.IO chat, in the order of their coming, as the
// page is told of them. A newcomer gets the list that everybody has, and from then on changes of it:
//
//     online   {"version": 7, "count": 2, "members": [{"id": "...", "name": "Ada"}, ...]}
//     changes  {"version": 8, "count": 1, "set": [{"id": "...", "name": "Ada L."}], "left": ["..."]}
//
// Changes are collected: however often members come, go and rename, everybody gets each difference
// once in a while. So a change costs each member one line, and not the whole list.
//
// Owner: the chat. Thread: any. Time is an argument, in milliseconds of a clock that only goes forward.
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

inline constexpr size_t socketio_listed_max = 200;  // Members in a list; `count` counts them all.
// Between two broadcasts that a member begins to type, or types on.
inline constexpr int64_t socketio_typing_interval_ms = 500;

class SocketIoMembers {
public:
    // True: these are the first changes since take_changes(), which is now to be called in a while.
    // An id that joins twice, or renames or leaves without being there, changes nothing.
    [[nodiscard]] bool join(std::string_view id, std::string_view name);
    [[nodiscard]] bool rename(std::string_view id, std::string_view name);
    [[nodiscard]] bool leave(std::string_view id);

    // The list as every member knows it: for a newcomer, which gets the next changes as every member does.
    [[nodiscard]] sio::Json list() const;
    // The changes since the last call, for every member; null: the list is as it was.
    [[nodiscard]] sio::Json take_changes();

    [[nodiscard]] std::optional<std::string> name(std::string_view id) const;
    // May all be told now that this member types, or no longer does? Repetitions may not.
    [[nodiscard]] bool may_tell_typing(std::string_view id, bool typing, int64_t now_ms);

private:
    struct Member {
        std::string id, name;
        bool typing = false;  // As was last told to all.
        int64_t typing_due_ms = INT64_MIN;
    };
    struct Told {
        std::string id, name;
    };
    [[nodiscard]] bool changed();  // mutex_ is held.

    mutable std::mutex mutex_;
    std::list<Member> members_;
    std::unordered_map<std::string, std::list<Member>::iterator> by_id_;
    bool has_changed_ = false;  // Since take_changes().

    std::vector<Told> told_;
    size_t told_count_ = 0;
    uint64_t version_ = 0;
};

}  // namespace starling::app
