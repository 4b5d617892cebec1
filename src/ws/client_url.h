// ws/client_url.h: the URL of a WebSocket connection, as browsers read it: RFC 6455 section 3, and
// the WHATWG URL and WebSockets standards. Pure functions, any thread.
//
//     ws:, wss:          as RFC 6455 has them; http: and https: are other names of the two
//     ws+unix:/PATH:/TARGET   the Unix-domain socket /PATH, and the target of the request
//
// A host name outside ASCII is refused: this library has no tables for IDNA, so such a name must be
// written in its ASCII form ("xn--...").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::ws {

struct ClientUrl {
    bool secure = false;    // wss
    std::string unix_path;  // Not empty: the path of a Unix-domain socket.
    std::string host;       // In lower case; IPv6 without brackets. "localhost" with unix_path.
    uint16_t port = 0;
    std::string target;         // Path and query of the request, percent-encoded.
    std::string authorization;  // "Basic ..." from user and password in the URL; "": none.
    std::string href;           // The whole URL as WebSocket.url has it.

    // The value of Host: without the port if that is the default.
    [[nodiscard]] std::string host_field() const;
    // Scheme, host and port: true if a request to `other` may carry the credentials of this one.
    [[nodiscard]] bool same_origin(const ClientUrl& other) const noexcept;
};

// The error says in words what is wrong.
[[nodiscard]] base::Result<ClientUrl> parse_client_url(std::string_view text);

// The URL that the field Location of a redirect means (RFC 9110 section 10.2.2). A fragment in
// `location` is dropped. Fails for ws+unix, and for a way from wss to ws.
[[nodiscard]] base::Result<ClientUrl> resolve_redirect(const ClientUrl& from,
                                                       std::string_view location);

}  // namespace starling::ws
