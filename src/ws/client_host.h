// ws/client_host.h: the host in a URL, as browsers read it (WHATWG URL section 3.5). Pure functions,
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::ws {

// Leaves a malformed escape as it is.
[[nodiscard]] std::string decode_escapes(std::string_view text);

// A name in lower case, or an address in its usual form ("127.1" becomes "127.0.0.1"); an IPv6
// address comes in brackets, and goes without.
[[nodiscard]] base::Result<std::string> parse_client_host(std::string_view text);

}  // namespace starling::ws
