// ws/extensions.h: Sec-WebSocket-Extensions (RFC 6455 section 9.1) and what the two sides make of
// permessage-deflate in it (RFC 7692 sections 5 and 7.1). Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ws/deflate.h"

namespace starling::ws {

struct ExtensionParameter {
    std::string_view name;
    std::string value;  // A quoted one without its quotes and backslashes.
    bool has_value = false;
};

struct Extension {
    std::string_view name;
    std::vector<ExtensionParameter> parameters;
};

inline constexpr size_t extensions_max = 16;
inline constexpr size_t extension_parameters_max = 16;

// Null if the header is not what the grammar of section 9.1 asks for, or over one of the limits
// above.
[[nodiscard]] std::optional<std::vector<Extension>> parse_extensions(std::string_view header);

// What this side wants of permessage-deflate, for a route or a client.
struct DeflateOptions {
    bool enabled = false;
    // May one message refer to those before it? Better compression for a window in memory each: the
    // server's costs about 256 KiB for a connection, the client's 42 KiB.
    bool allow_server_context_takeover = false;
    bool allow_client_context_takeover = false;
    uint8_t server_max_window_bits = 15;  // 9 to 15.
    uint8_t client_max_window_bits = 15;  // 9 to 15.
};

struct DeflateAnswer {
    bool malformed = false;               // The header breaks the grammar: 400.
    std::optional<DeflateParams> params;  // Null: no offer was accepted.
    std::string response;  // Sec-WebSocket-Extensions of the 101, empty without params.
};

// The server's side: the first offer that can be honoured to the letter is taken, others are
// declined.
[[nodiscard]] DeflateAnswer negotiate_deflate(std::string_view offers,
                                              const DeflateOptions& options);

// The client's side: the offer to send (empty if not enabled), and the server's response to it.
[[nodiscard]] std::string deflate_offer(const DeflateOptions& options);

struct DeflateVerdict {
    std::string_view error;               // Not empty: fail the connection (RFC 7692 section 7.1).
    std::optional<DeflateParams> params;  // Null: not in use.
};

[[nodiscard]] DeflateVerdict check_deflate_response(std::string_view response,
                                                    const DeflateOptions& offered);

}  // namespace starling::ws
