#include "app/connect/stream_url.h"

#include <utility>

namespace starling::app::connect {

base::Result<StreamUrl> parse_stream_url(std::string_view text) {
    if (text.starts_with("http://") || text.starts_with("https://"))
        return StreamUrl{std::string(text), {}};
    for (const std::string_view scheme : {"http+unix:", "ws+unix:"}) {
        if (!text.starts_with(scheme)) continue;
        const std::string_view rest = text.substr(scheme.size());
        const size_t colon = rest.find(':');
        const std::string_view socket = rest.substr(0, colon);
        const std::string_view target =
            colon == std::string_view::npos ? "" : rest.substr(colon + 1);
        if (!socket.starts_with('/'))
            return base::Failure(
                "the URL must hold the absolute path of a socket: http+unix:/SOCKET:/PATH");
        std::string url = "http://localhost";
        if (!target.starts_with('/')) url += '/';
        url += target;
        return StreamUrl{std::move(url), std::string(socket)};
    }
    return base::Failure(
        "the URL of server events must begin with http://, https:// or http+unix:");
}

}  // namespace starling::app::connect
