// server/admin_ui/shapes.h: sockets and events as the Admin UI wants to see them, cut to bounded
// sizes and without the credentials of the clients.
//
// Pure. Thread: the worker's of the socket.
#pragma once

#include <starling/socketio_value.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::socketio {
class Socket;
}

namespace starling::server {

using sio::Json;

// As JSON.stringify() writes a Date: "2026-11-30T04:05:06.007Z".
[[nodiscard]] std::string iso_time(int64_t unix_ms);

// At most 64 KiB of each socket are shown: of its rooms the first 200, of its data 16 KiB, of its
// header fields and its query 1 KiB each, and 16 KiB together. `secret_parameter`: the query
// parameter whose value is hidden, as are those of Authorization and Cookie; "": none. Brief: without
// header fields and query.
enum class Shown : bool { whole, brief };
[[nodiscard]] boost::json::object shown_socket(const socketio::Socket& socket,
                                               std::string_view secret_parameter,
                                               Shown how = Shown::whole);
// Of data and events, bytes are shown as their number, and what is nested deeper than 20 is left out.
// {} in place of null; data of more than 16 KiB is not shown.
[[nodiscard]] Json shown_data(const Json* data);
// `event`: the name and the arguments, in memory that ends. An event of more than `bytes_max` is
// shown with its size in place of its arguments.
[[nodiscard]] boost::json::array shown_event(const boost::json::array& event, size_t bytes,
                                             size_t bytes_max);
// Twelve digits, the same for all sockets of a connection. They tell nothing about the session's id,
// which is a secret.
[[nodiscard]] std::string shown_client(std::string_view sid);

}  // namespace starling::server
