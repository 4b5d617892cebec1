// app/demo/socketio_nodes.h: the other nodes of the Socket.IO chat in a cluster, and which members they
// have. The nodes tell each other, by server-side events:
//
//     chat members  (node, {"version": 7, "count": 2, "members": [{"id": "...", "name": "Ada"}, ...]})
//                   the node's own members, after each change
//     chat beat     (node, version)   twice a second: the node is there, and its list has this version
//     chat ask      (node)            that node is to tell its members: its list is not known here
//
// So a list that was lost on the way is asked for, and the members of a node that is silent, because it
// is dead or frozen, leave after a while. `node` is a random name that a process takes at its start.
//
// Owner: the chat. Thread: any. Time is an argument, in milliseconds of a monotonic clock.
#pragma once

#include "app/demo/socketio_members.h"

#include <starling/socketio_value.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

inline constexpr int64_t chat_beat_ms = 500;
inline constexpr int64_t chat_silence_ms_max = 2500;
inline constexpr size_t chat_nodes_max = 100;

class SocketIoNodes {
public:
    // `members` gets the members of other nodes. It outlives this object.
    explicit SocketIoNodes(SocketIoMembers& members) noexcept : members_(members) {}

    // "chat members". Returns, as the methods of SocketIoMembers do, whether the changes must be told. A
    // list that is malformed or older than the known one is ignored.
    [[nodiscard]] bool listed(std::string_view node, const sio::Json& list, int64_t now_ms);
    // "chat beat". True: ask the node for its members.
    [[nodiscard]] bool beat(std::string_view node, uint64_t version, int64_t now_ms);
    // Forgets the nodes that have been silent for too long. Returns what listed() does.
    [[nodiscard]] bool forget_silent(int64_t now_ms);

private:
    struct Node {
        uint64_t version = 0;
        int64_t heard_ms = 0;
        bool known = false;  // Its members are.
        size_t unlisted = 0;
        std::vector<std::string> ids;
    };
    // Call these with mutex_ held. Null: there are too many nodes.
    Node* find(std::string_view name);
    [[nodiscard]] bool count_unlisted();

    std::mutex mutex_;
    SocketIoMembers& members_;
    std::map<std::string, Node, std::less<>> nodes_;
};

}  // namespace starling::app
