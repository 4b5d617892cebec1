// ws/handshake.h: the opening handshake, RFC 6455 section 4, server side. The client side is in
// ws/client_handshake.h. Reads header values that an HTTP parser found, and writes text. Pure
// functions, any thread.
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

// Header values; "" for an absent header. The values of repeated lines are joined by ", " (RFC 9110
// 5.3).
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
    bool secure = false;    // Input of origin_allowed().
    bool has_body = false;  // Content-Length other than 0, or Transfer-Encoding.
};

struct HandshakeVerdict {
    uint16_t status;          // 101, 400, 405 (Allow: GET), 426 (Sec-WebSocket-Version: 13).
    std::string_view reason;  // For the answer's body and the log.
};

// Makes the checks of section 4.2.1 except that of the origin, which origin_allowed() makes: a
// foreign origin gets 403.
[[nodiscard]] HandshakeVerdict check_handshake(const HandshakeRequest& request);

// True: the request asks to switch to WebSocket. Other requests to the same path are plain HTTP.
[[nodiscard]] bool wants_websocket(std::string_view upgrade) noexcept;

// 4.2.2 5.4: the value of Sec-WebSocket-Accept.
[[nodiscard]] std::array<char, 28> accept_key(std::string_view key);

inline constexpr size_t subprotocols_max = 64;

// True: Sec-WebSocket-Protocol as sent by a client is absent, or holds 1 to subprotocols_max
// distinct tokens.
[[nodiscard]] bool subprotocols_are_valid(std::string_view offered) noexcept;

// The first of `supported` (in the server's order of preference) that was offered. Empty: no match,
// and the response has no such header (4.2.2 5.5). The view points into `supported`.
[[nodiscard]] std::string_view select_subprotocol(std::string_view offered,
                                                  std::span<const std::string> supported) noexcept;

using HeaderField = std::pair<std::string_view, std::string_view>;

// Appends the 101 response. An empty `subprotocol` or `extensions` adds no header. The caller
// guarantees that names of extra fields are tokens, and that values hold no CR, LF or NUL.
void append_response(std::string& out, std::string_view accept, std::string_view subprotocol,
                     std::string_view extensions, std::span<const HeaderField> extra = {});

}  // namespace starling::ws
