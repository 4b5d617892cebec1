// engineio/request.h: what an HTTP request or a WebSocket upgrade to the path of Engine.IO has to
// be before a session sees it, the errors 0 to 5, and the text of the open packet. Checks come in
// the order of engine.io 6.6. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engineio/packet.h"

namespace starling::engineio {

enum class Transport : uint8_t { polling, websocket };

// Fields of the query, decoded; a field that is absent is empty. Borrowed from the request.
struct Query {
    std::string_view eio;
    std::string_view transport;
    std::string_view sid;
    std::string_view b64;
    std::optional<std::string_view> j;  // Present, even empty: JSONP.
};

enum class Method : uint8_t { get, post, other };

// What the server allows.
struct Policy {
    bool polling = true;
    bool websocket = true;
    bool allow_upgrades = true;
    bool allow_eio3 = false;
};

// Of the session that `sid` names.
struct SessionFacts {
    Transport transport = Transport::polling;
    Revision revision = Revision::eio4;
};

enum class Error : uint8_t {
    unknown_transport,
    unknown_sid,
    bad_handshake_method,
    bad_request,
    forbidden,  // Said by the application alone, with a message of its own and HTTP 403.
    unsupported_version,
};

// EIO is "4", or else it is revision 3: clients before 2.x of Engine.IO did not always say.
[[nodiscard]] Revision revision_of(const Query& query) noexcept;

// May answers to polls be binary? (EIO3: neither base64 nor JSONP was asked for.)
[[nodiscard]] bool supports_binary(const Query& query) noexcept;

// Nothing: the request may go on, to its session where a sid is given, else to a new one (after the
// application had its say: `forbidden`). `session`: what `query.sid` names, null for nothing; not
// looked at without a sid. `upgrade`: a request to become a WebSocket, well-formed as such.
// A refused request changes nothing in the session.
[[nodiscard]] std::optional<Error> verify(const Query& query, Method method, bool upgrade,
                                          const Policy& policy,
                                          const SessionFacts* session) noexcept;

[[nodiscard]] std::string_view error_message(Error error) noexcept;  // Lives for ever.
[[nodiscard]] uint16_t error_status(Error error) noexcept;           // 403 or 400.

// {"code":0,"message":"Transport unknown"}; `message` in place of the usual one if not empty. The
// answer to a refused upgrade is the bare message instead, with 400.
[[nodiscard]] std::string error_body(Error error, std::string_view message = {});

struct OpenPacket {
    std::string_view sid;
    bool upgrade_to_websocket = false;
    uint32_t ping_interval_ms = 25'000;
    uint32_t ping_timeout_ms = 20'000;
    uint64_t max_payload_bytes = 1'000'000;
};
// The data of the packet, without its type: {"sid","upgrades","pingInterval","pingTimeout",
// "maxPayload"}. The sid is ours: it needs no escaping.
[[nodiscard]] std::string open_data(const OpenPacket& open);

// Does polling lead to a WebSocket under this policy?
[[nodiscard]] constexpr bool may_upgrade(Transport transport, const Policy& policy) noexcept {
    return transport == Transport::polling && policy.allow_upgrades && policy.websocket;
}

}  // namespace starling::engineio
