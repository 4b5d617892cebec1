// cluster/node_codec.h: the messages of the newer adapters, {type, data, uid, nsp} with types 1 to
// 13: the sharded adapter of @socket.io/redis-adapter 8.3, and @socket.io/redis-streams-adapter 0.2
// and 0.3. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cluster/classic_codec.h"
#include "cluster/message.h"
#include "cluster/writer.h"

namespace starling::cluster {

// A message on a channel: JSON or MessagePack.
[[nodiscard]] Decoded read_node_message(std::string_view body, const Limits& limits, Arena& arena);

// Replaces `out`. False: `message` holds a value that is too deep, or of a kind that only the
// classic adapter has. Without `format`: JSON, or MessagePack if there are bytes in the message, as
// the sharded adapter does. The streams adapter writes MessagePack to channels, always.
[[nodiscard]] bool write_node_message(const Message& message, std::string& out);
[[nodiscard]] bool write_node_message(const Message& message, Format format, std::string& out);

// The fields of an entry in a stream, in their order.
using Entry = std::vector<std::pair<std::string, std::string>>;

// An entry has the fields uid, nsp, type (decimal), and data: JSON, else MessagePack in base64.
[[nodiscard]] Decoded read_entry(const Entry& entry, const Limits& limits, Arena& arena);
// Replaces `out`. False: as above.
[[nodiscard]] bool write_entry(const Message& message, Entry& out);

// True: the streams adapter 0.3 sends the message to a channel, and not to the stream, because it
// has no meaning for a node that reads it later: questions and answers.
[[nodiscard]] bool is_ephemeral(Kind kind, bool has_request_id) noexcept;

// The session of a client that may come back on another node: the value of the key
// "sio:session:<pid>". Base64 of MessagePack {sid, pid, rooms, data}. A starling node adds `nsp`, and
// `user` if the client has one: a session belongs to one namespace and to one user. It adds `begin`,
// the place in the stream from which on the client may have missed something. Node.js says none of
// these, and ignores them.
struct Session {
    std::string sid;
    std::string pid;
    std::vector<std::string> rooms;
    Json data;
    std::string nsp = {};
    std::string user = {};
    std::string begin = {};
};
[[nodiscard]] base::Result<Session, Refusal> read_session(std::string_view value,
                                                          const Limits& limits, Arena& arena);
// False: `data` is too deep. `nsp`, `user` and `begin` are left out if they are empty.
[[nodiscard]] bool write_session(const Session& session, std::string& out);

// True: a client in `rooms` gets what is sent to `target`.
[[nodiscard]] bool is_for(const std::vector<std::string>& rooms, const Target& target) noexcept;

}  // namespace starling::cluster
