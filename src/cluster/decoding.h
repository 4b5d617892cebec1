// cluster/decoding.h: the first step of all readers: one JSON or MessagePack value from the body of
// a message. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "cluster/message.h"

namespace starling::cluster {

// JSON if the first byte is '{', else MessagePack: the rule of all adapters. Frees what `arena` held.
[[nodiscard]] std::optional<Json> read_body(std::string_view body, Arena& arena);

}  // namespace starling::cluster
