// app/connect/stream_url.h: where a stream of server events is, as libcurl takes it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::app::connect {

struct StreamUrl {
    std::string url;          // http:// or https://
    std::string unix_socket;  // The path of a Unix-domain socket; "": TCP.
};

// http://..., https://..., or http+unix:/SOCKET:/PATH, which may begin with ws+unix: as for a WebSocket.
[[nodiscard]] base::Result<StreamUrl> parse_stream_url(std::string_view text);

}  // namespace starling::app::connect
