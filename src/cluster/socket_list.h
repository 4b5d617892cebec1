// cluster/socket_list.h: reads a message that may have a list of sockets, [{id, handshake, rooms,
// data}], which a fetch gets as its answer. An answer may have thousands of sockets, so they are made
// while the message is parsed, without a Json of the list. The sender may be hostile. Pure functions;
// any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "cluster/fields.h"
#include "cluster/message.h"

namespace starling::cluster {

// Which member "sockets" is meant: that of the message, or that of its member "data".
enum class SocketsAt : uint8_t { message, data };

struct SocketList {
    std::vector<RemoteSocket> sockets = {};
    Fault fault =
        std::nullopt;  // Why the list has no meaning; its first socket with a fault counts.
};

// As read_body() does. A list whose first item is an object goes to `list`, and is an empty list in the
// value. Of members with one name the last counts, except for the names of headers and of query
// parameters: a name that is there twice is there twice in the list, too.
[[nodiscard]] std::optional<Json> read_body(std::string_view body, SocketsAt where,
                                            const Limits& limits, Arena& arena, SocketList& list);

// Moves the sockets of `list` to `sockets`. `value`: the member "sockets" of what read_body() returned.
[[nodiscard]] Fault take_sockets(const Json* value, SocketList& list,
                                 std::vector<RemoteSocket>& sockets);

}  // namespace starling::cluster
