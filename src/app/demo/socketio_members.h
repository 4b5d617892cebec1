// app/demo/socketio_members.h: who is in the Socket.IO chat, in the order of their coming, as the page is
// told of them:
//
//     {"version": 7, "count": 2, "members": [{"id": "...", "name": "Ada"}, ...]}
//
// Each change makes a list with a higher version: workers tell of their changes at the same time, and
// of two lists that arrive in any order the page keeps the newer one.
//
// Owner: the chat. Thread: any.
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

namespace starling::app {

inline constexpr size_t socketio_listed_max = 200;  // Members in a list; `count` counts them all.

class SocketIoMembers {
public:
    // Null where nothing changed: the id is there already, or is not there.
    [[nodiscard]] sio::Json join(std::string_view id, std::string_view name);
    [[nodiscard]] sio::Json rename(std::string_view id, std::string_view name);
    [[nodiscard]] sio::Json leave(std::string_view id);
    [[nodiscard]] std::optional<std::string> name(std::string_view id) const;

private:
    struct Member {
        std::string id, name;
    };
    [[nodiscard]] sio::Json changed();  // mutex_ is held.

    mutable std::mutex mutex_;
    std::list<Member> members_;
    std::unordered_map<std::string, std::list<Member>::iterator> by_id_;
    uint64_t version_ = 0;
};

}  // namespace starling::app
