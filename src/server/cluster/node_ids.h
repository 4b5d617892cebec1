// server/cluster/node_ids.h: random names of this node. Pure but for the randomness; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cluster/dialect.h"

namespace starling::server {

[[nodiscard]] uint64_t random_seed();
[[nodiscard]] std::string random_hex(size_t digits);
// In the form that nodes of this adapter have.
[[nodiscard]] std::string random_uid(cluster::Adapter adapter);

}  // namespace starling::server
