// ws/client_handshake.h: the opening handshake, RFC 6455 section 4.1, client side. Pure functions,
// any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ws/extensions.h"
#include "ws/handshake.h"

namespace starling::ws {

// The request of a client. The views outlive the handshake. The caller guarantees that header
// values hold no CR, LF or NUL, and that the joined subprotocols satisfy subprotocols_are_valid().
struct ClientHandshake {
    std::string_view host;          // With the port unless it is the default port.
    std::string_view target = "/";  // Path and query.
    std::string_view origin;        // Empty: no Origin header.
    std::span<const std::string> subprotocols;
    DeflateOptions deflate;
    std::span<const HeaderField> extra;
};

// The value of Sec-WebSocket-Key for 16 random bytes, which must be new for every connection.
[[nodiscard]] std::array<char, 24> client_key(std::span<const std::byte, 16> random);

void append_request(std::string& out, const ClientHandshake& handshake, std::string_view key);

// Header values, in the format of HandshakeRequest.
struct HandshakeResponse {
    uint16_t status = 0;
    std::string_view upgrade;
    std::string_view connection;
    std::string_view accept;
    std::string_view protocol;
    std::string_view extensions;
};

struct ClientVerdict {
    std::string_view error;        // Not empty: fail the connection for this reason.
    std::string_view subprotocol;  // A view into the response.
    std::optional<DeflateParams> deflate;
};

// Makes the six checks at the end of section 4.1.
[[nodiscard]] ClientVerdict check_response(const HandshakeResponse& response,
                                           const ClientHandshake& handshake, std::string_view key);

}  // namespace starling::ws
