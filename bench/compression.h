// bench/compression.h: the argument of the servers of bench/deflate.py that says how they compress.
#pragma once

#include <starling/websocket.h>

#include <string_view>

namespace starling::bench {

// "off", "single": no context takeover, "takeover", or "takeover12": with a window of 12 bits. Every
// message is compressed then.
inline ws::Compression compression(std::string_view name) {
    return {.enabled = name != "off",
            .context_takeover = name.starts_with("takeover"),
            .threshold_bytes = 0,
            .window_bits = name == "takeover12" ? 12 : 15};
}

}  // namespace starling::bench
