// peer/local.h: what tells whether a request comes from this machine. A peer on the loopback
// address alone is no proof, since it may be a proxy that serves anybody. Pure, any thread.
#pragma once

#include <starling/http.h>

#include <span>
#include <string_view>

namespace starling::peer {

// Is the address of http::Request::remote_address() in 127.0.0.0/8, ::1, or of a Unix-domain
// socket?
[[nodiscard]] bool is_loopback(std::string_view address);

// Do the fields show that the request comes from elsewhere: through a proxy on this machine, or
// from a page in a browser, which may be a page of any site? (Node.js' fetch() sends
// Sec-Fetch-Mode, but not Sec-Fetch-Site.)
[[nodiscard]] bool tell_of_another_peer(std::span<const http::Field> fields) noexcept;

}  // namespace starling::peer
