// server/gateway/sio_text.h: writes the facts that Socket.IO keeps about a client, and its events,
// as text for the application.
//
// Pure functions, any thread.
#pragma once

#include <starling/http.h>
#include <starling/socketio_value.h>

#include <string>
#include <string_view>
#include <vector>

namespace starling::server {

// JSON, with bytes as {"base64":"..."}. Numbers are written as JavaScript writes them.
[[nodiscard]] std::string json_text(const sio::Json& value);
// {"event":NAME,"data":[ARGS]} of an event's array; its first item is a string or a number.
[[nodiscard]] std::string event_json(const sio::Json& array);

// The header fields of socketio::ConnectInfo::head(). `head` must live longer than the
// result.
[[nodiscard]] std::vector<http::Field> header_fields(std::string_view head);

}  // namespace starling::server
