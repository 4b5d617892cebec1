// engineio/client_request.h: the target of a client's request: a poll, a POST or a WebSocket
// (engine.io-protocol, "Query parameters"). Only the client role uses this file. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "engineio/packet.h"
#include "engineio/request.h"

namespace starling::engineio {

struct ClientTarget {
    std::string_view path = "/engine.io/";
    std::string_view query = {};  // The application's fields, encoded: "a=1&b=2"; "" for none.
    Revision revision = Revision::eio4;
    Transport transport = Transport::polling;
    std::string_view sid = {};  // "" before the open packet.
    // Differs between requests, so that no cache answers a poll; "": no such field.
    std::string_view cache_buster = {};
};

// "/socket.io/?EIO=4&transport=polling&t=...&sid=...".
[[nodiscard]] std::string client_target(const ClientTarget& target);

// Appends `name=value` to `query`, with '&' in front unless `query` is empty. Both are encoded.
void append_query_field(std::string& query, std::string_view name, std::string_view value);

}  // namespace starling::engineio
