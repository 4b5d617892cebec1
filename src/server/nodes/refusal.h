// server/nodes/refusal.h: the question at the start of a server whether Redis lets this node in.
#pragma once

#include <string>

#include "redis/client/context.h"

namespace starling::server {

// Why Redis will never let this node in, such as a wrong password; "" if it does, or is away. Waits for
// Redis on the calling thread, 1.5 s at most.
[[nodiscard]] std::string refusal_of_redis(const redis::client::ClientOptions& options);

}  // namespace starling::server
