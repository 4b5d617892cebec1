// server/engineio/kept_request.h: a client's request as a text that outlives it: for another node, or for
// a later moment. Pure functions; any thread.
#pragma once

#include <starling/http.h>

#include <string>

#include "engineio/relay.h"
#include "http/request_parts.h"
#include "http/target.h"

namespace starling::server {

// The message of relay.h. Its head says what for.
[[nodiscard]] std::string keep_request(const engineio::relay::Head& head,
                                       const http::Request& request);
// `target` is that of the request, split.
[[nodiscard]] http::RequestParts parts_of(const engineio::relay::Request& request,
                                          const http::Target& target);

}  // namespace starling::server
