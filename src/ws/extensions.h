// ws/extensions.h: parses Sec-WebSocket-Extensions (RFC 6455 section 9.1), and negotiates
// permessage-deflate on both sides (RFC 7692 sections 5 and 7.1). Pure functions, any thread.
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
    std::string value;  // Without quotes and backslashes.
    bool has_value = false;
};

struct Extension {
    std::string_view name;
    std::vector<ExtensionParameter> parameters;
};

inline constexpr size_t extensions_max = 16;
inline constexpr size_t extension_parameters_max = 16;

// Null if the header breaks the grammar of section 9.1, or exceeds one of the limits above.
[[nodiscard]] std::optional<std::vector<Extension>> parse_extensions(std::string_view header);

// The settings of permessage-deflate for a route or a client.
struct DeflateOptions {
    bool enabled = false;
    // Allows one message to refer to earlier messages. Compresses better, but costs a window per
    // connection: about 256 KiB for the server's, 42 KiB for the client's.
    bool allow_server_context_takeover = false;
    bool allow_client_context_takeover = false;
    uint8_t server_max_window_bits = 15;  // 9 to 15.
    uint8_t client_max_window_bits = 15;  // 9 to 15.
};

struct DeflateAnswer {
    bool malformed = false;               // The header breaks the grammar: 400.
    std::optional<DeflateParams> params;  // Null: no offer was accepted.
    std::string response;  // Sec-WebSocket-Extensions of the 101; empty without params.
};

// Server side: accepts the first offer whose every parameter can be honoured, and declines the
// others.
[[nodiscard]] DeflateAnswer negotiate_deflate(std::string_view offers,
                                              const DeflateOptions& options);

// Client side: the offer to send (empty if not enabled), and the check of the server's response.
[[nodiscard]] std::string deflate_offer(const DeflateOptions& options);

struct DeflateVerdict {
    std::string_view error;               // Not empty: fail the connection (RFC 7692 section 7.1).
    std::optional<DeflateParams> params;  // Null: permessage-deflate is not used.
};

[[nodiscard]] DeflateVerdict check_deflate_response(std::string_view response,
                                                    const DeflateOptions& offered);

}  // namespace starling::ws
