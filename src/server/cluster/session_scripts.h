// server/cluster/session_scripts.h: how the session of a client lies in Redis, and the scripts that keep
// it with one node.
//
//     sio:session:<pid>            the session, as @socket.io/redis-streams-adapter writes and reads it
//     {sio:session:<pid>}:owner    the node that has the client: its number, a mark, and the SHA-1 of
//                                  the session that this node wrote last
//
// A Node.js node knows the first key alone: it takes the session by GETDEL, and writes it by SET. So a
// session whose SHA-1 is not in the second key belongs to another node, and so does one that is not
// there although the second key names its SHA-1. A node that was frozen while its client went on
// elsewhere would overwrite the newer session; the scripts refuse that.
//
// The mark `+` says that the node took the session from Redis. Another node may still believe that it has
// the client, so the second key stays for a while when the client leaves for good. Otherwise the mark is
// `-`.
//
// Both keys are in one slot of a Redis Cluster. The first argument of each script is the node.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::server {

// The number of a node: hexadecimal digits.
inline constexpr size_t session_owner_bytes = 16;

// The keys of the session and of its owner. `begin`: of the first key; "sio:session:" is where a Node.js
// server finds the session.
[[nodiscard]] std::array<std::string, 2> session_keys(std::string_view begin, std::string_view pid);

// What the first three scripts answer about the session of a client of this node.
inline constexpr int64_t session_is_here = 1;
inline constexpr int64_t session_is_unknown = 0;  // Redis has neither key.
inline constexpr int64_t session_has_moved = -1;  // Another node has it. The script did nothing.

// Arguments: node, session, milliseconds. Writes a session that this node has, or that nobody has.
[[nodiscard]] std::string save_session_script();
// Arguments: node, milliseconds.
[[nodiscard]] std::string refresh_session_script();
// Arguments: node, milliseconds for which the owner of a taken session stays.
[[nodiscard]] std::string forget_session_script();
// Arguments: node, milliseconds. The answer is the session, and the number of the node that had the
// client, which is empty unless it is another node of starling. Null: there is no session.
[[nodiscard]] std::string take_session_script();

}  // namespace starling::server
