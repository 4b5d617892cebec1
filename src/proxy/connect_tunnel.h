// proxy/connect_tunnel.h: the way through an HTTP proxy to another host: CONNECT (RFC 9110 section
// 9.3.6), with basic authentication (RFC 7617).
//
// Owner: the dial (net/dialer.h). Thread: any, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/dialer.h"
#include "net/tunnel.h"
#include "proxy/choice.h"

namespace starling::proxy {

// The request for a way to `host` (IPv6 without brackets). The error says what is wrong with the
// host, or that the user holds a colon.
[[nodiscard]] base::Result<std::string> connect_request(
    std::string_view host, uint16_t port, const std::optional<Credentials>& credentials);

// Says such a request to a proxy, once.
[[nodiscard]] std::unique_ptr<net::Tunnel> make_tunnel(std::string request);

// The proxy of a dial to `host`.
[[nodiscard]] base::Result<std::unique_ptr<net::DialProxy>> dial_through(const Server& server,
                                                                         std::string_view host,
                                                                         uint16_t port);

}  // namespace starling::proxy
