// ws/client_handshake.h: the opening handshake, RFC 6455 section 4.1, the client's side. Pure, any
// thread.
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

// What the user asks for; views outlive the handshake. The caller vouches for what it puts into
// headers: no CR, LF or NUL; subprotocols that subprotocols_are_valid() when joined.
struct ClientHandshake {
    std::string_view host;          // With the port where it is not the default.
    std::string_view target = "/";  // Path and query.
    std::string_view origin;        // Empty: no such header.
    std::span<const std::string> subprotocols;
    DeflateOptions deflate;
    std::span<const HeaderField> extra;
};

// Sec-WebSocket-Key from 16 random bytes, new ones for every connection.
[[nodiscard]] std::array<char, 24> client_key(std::span<const std::byte, 16> random);

void append_request(std::string& out, const ClientHandshake& handshake, std::string_view key);

// Header values as in HandshakeRequest.
struct HandshakeResponse {
    uint16_t status = 0;
    std::string_view upgrade;
    std::string_view connection;
    std::string_view accept;
    std::string_view protocol;
    std::string_view extensions;
};

struct ClientVerdict {
    std::string_view error;        // Not empty: fail the connection; it says why.
    std::string_view subprotocol;  // Aliases the response.
    std::optional<DeflateParams> deflate;
};

// The six checks at the end of section 4.1.
[[nodiscard]] ClientVerdict check_response(const HandshakeResponse& response,
                                           const ClientHandshake& handshake, std::string_view key);

}  // namespace starling::ws
