// engineio/request.h: checks an HTTP request or a WebSocket upgrade to the path of Engine.IO before
// it reaches a session, and writes the errors 0 to 5 and the text of the open packet. The order of
// the checks is that of engine.io 6.6. Pure functions, any thread.
#pragma once

#include <starling/heartbeat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engineio/packet.h"

namespace starling::engineio {

enum class Transport : uint8_t { polling, websocket };

// Fields of the query string, decoded and borrowed from the request. An absent field is empty.
struct Query {
    std::string_view eio;
    std::string_view transport;
    std::string_view sid;
    std::string_view b64;
    std::optional<std::string_view> j;  // JSONP if present, even if empty.
};

enum class Method : uint8_t { get, post, other };

// The protocols and transports that the server allows.
struct Policy {
    bool polling = true;
    bool websocket = true;
    bool allow_upgrades = true;
    bool allow_eio3 = false;
};

// The facts that verify() needs about the session that `sid` names.
struct SessionFacts {
    Transport transport = Transport::polling;
    Revision revision = Revision::eio4;
};

enum class Error : uint8_t {
    unknown_transport,
    unknown_sid,
    bad_handshake_method,
    bad_request,
    forbidden,  // Only the application refuses with this: its own message, HTTP 403.
    unsupported_version,
};

// EIO4 if the field EIO is "4", else EIO3: clients before Engine.IO 2 did not always send the
// field.
[[nodiscard]] Revision revision_of(const Query& query) noexcept;

// True if answers to polls may be binary: the client asked for neither base64 nor JSONP. Matters in
// EIO3 only.
[[nodiscard]] bool supports_binary(const Query& query) noexcept;

// Returns nothing if the request may go on: to its session if it has a sid, else to a new session,
// which the application may still refuse (`forbidden`). `session` is the one that `query.sid`
// names, null if there is none; without a sid it is ignored. `upgrade`: the request is a
// well-formed WebSocket upgrade. A refused request changes nothing in the session.
[[nodiscard]] std::optional<Error> verify(const Query& query, Method method, bool upgrade,
                                          const Policy& policy,
                                          const SessionFacts* session) noexcept;

[[nodiscard]] std::string_view error_message(Error error) noexcept;  // The text lives for ever.
[[nodiscard]] uint16_t error_status(Error error) noexcept;           // 403 or 400.

// The JSON body of an error: {"code":0,"message":"Transport unknown"}. `message` replaces the usual
// text unless empty. A refused upgrade is answered with the bare message instead, and status 400.
[[nodiscard]] std::string error_body(Error error, std::string_view message = {});

struct OpenPacket {
    std::string_view sid;
    bool upgrade_to_websocket = false;
    uint32_t ping_interval_ms = static_cast<uint32_t>(sio::default_ping_interval.count());
    uint32_t ping_timeout_ms = static_cast<uint32_t>(sio::default_ping_timeout.count());
    uint64_t max_payload_bytes = 1'000'000;
};
// The data of the open packet, without its type: {"sid","upgrades","pingInterval","pingTimeout",
// "maxPayload"}. The sid needs no escaping: it is base64url.
[[nodiscard]] std::string open_data(const OpenPacket& open);

// True if a session on `transport` may upgrade to a WebSocket.
[[nodiscard]] constexpr bool may_upgrade(Transport transport, const Policy& policy) noexcept {
    return transport == Transport::polling && policy.allow_upgrades && policy.websocket;
}

}  // namespace starling::engineio
