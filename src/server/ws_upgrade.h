// server/ws_upgrade.h: accepts or refuses a request to switch to WebSocket (RFC 6455 section 4.2),
// by the rules of the protocol, then of the endpoint, then of its WsHandler.
#pragma once

#include <starling/http.h>
#include <starling/websocket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/parser.h"
#include "server/ws_connection.h"

namespace starling::server {

class HttpConnection;

struct UpgradeOutcome {
    int status = 101;
    std::string reason;       // The reason of a refusal.
    std::string field_lines;  // More "Name: value" lines of the answer.
    // Of the 101 response.
    std::array<char, 28> accept = {};
    std::string subprotocol, extensions;       // "": none.
    std::optional<http::Response> refusal;     // The handler's whole answer.
    std::unique_ptr<WsConnection> connection;  // Null: refused, or not decided yet.
    bool later = false;                        // The handler has not decided yet.
    bool foreign_origin = false;               // Refused: the page is of another site.
};

[[nodiscard]] UpgradeOutcome decide_upgrade(const WsContext& context,
                                            const http::RequestParser& parser,
                                            const http::Request& request,
                                            HttpConnection& connection);

}  // namespace starling::server
