// ws/handshake.h: the opening handshake, RFC 6455 section 4: the server's side;
// ws/client_handshake.h is the other. Reads headers that an HTTP parser took apart, writes text.
// Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ws/extensions.h"
#include "ws/origin.h"

namespace starling::ws {

// Header values; "" for a header that the request lacks. Values of repeated lines are joined by ", "
// (RFC 9110 5.3).
struct HandshakeRequest {
    std::string_view method;
    std::string_view upgrade;
    std::string_view connection;
    std::string_view key;
    std::string_view version;
    std::string_view origin;
    std::string_view host;
    std::string_view protocols;
    std::string_view extensions;
    bool http11 = true;     // HTTP/1.1 or higher 1.x.
    bool secure = false;    // For origin_allowed().
    bool has_body = false;  // Content-Length other than 0, or Transfer-Encoding.
};

struct HandshakeVerdict {
    uint16_t status;          // 101, 400, 405 (Allow: GET), 426 (Sec-WebSocket-Version: 13).
    std::string_view reason;  // For the body and the log.
};

// Section 4.2.1. The origin is not part of it: a foreign one gets 403, see origin_allowed().
[[nodiscard]] HandshakeVerdict check_handshake(const HandshakeRequest& request);

// Is this a request to switch to WebSocket at all? Others on the same path are plain HTTP.
[[nodiscard]] bool wants_websocket(std::string_view upgrade) noexcept;

// 4.2.2 5.4: Sec-WebSocket-Accept.
[[nodiscard]] std::array<char, 28> accept_key(std::string_view key);

inline constexpr size_t subprotocols_max = 64;

// Sec-WebSocket-Protocol as a client sends it: tokens, all different, at least one if there is a
// header, at most subprotocols_max.
[[nodiscard]] bool subprotocols_are_valid(std::string_view offered) noexcept;

// The first of `supported` (in the server's order of preference) that is offered, or empty: no such
// header is sent then (4.2.2 5.5). The view aliases `supported`.
[[nodiscard]] std::string_view select_subprotocol(std::string_view offered,
                                                  std::span<const std::string> supported) noexcept;

using HeaderField = std::pair<std::string_view, std::string_view>;

// The 101 response. Empty `subprotocol` or `extensions`: no such header. The caller vouches for
// extra fields: tokens as names, no CR, LF or NUL in values.
void append_response(std::string& out, std::string_view accept, std::string_view subprotocol,
                     std::string_view extensions, std::span<const HeaderField> extra = {});

}  // namespace starling::ws
