// server/nodes/settings.h: the options of a cluster as its parts take them. Values; any thread.
#pragma once

#include <starling/cluster.h>

#include <string>

#include "cluster/native/types.h"
#include "redis/client/context.h"

namespace starling::server {

struct NodesSettings {
    redis::client::ClientOptions redis;
    cluster::native::Options node;  // Without id and seed.
    std::string prefix;             // Of all channels.
};

// These throw std::invalid_argument.
[[nodiscard]] redis::client::ClientOptions redis_options(const std::string& url,
                                                         const std::string& ca_path);
[[nodiscard]] NodesSettings nodes_settings(const ClusterOptions& options);
void require_option(bool holds, const std::string& what);

}  // namespace starling::server
