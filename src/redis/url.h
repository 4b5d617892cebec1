// redis/url.h: where a Redis is, as a URL.
//
//     redis://[[user]:password@]host[:port][/database][?options]     TCP
//     rediss://...                                                   TLS
//     redis+unix://[[user]:password@]/path[?db=N], unix://...        a Unix-domain socket
//     redis+sentinel://[...@]host[:port],host.../master[/database]   the master that Sentinel names
//     redis+cluster://[...@]host[:port],host...                      Redis Cluster, from any node on
//
// `rediss+sentinel` and `rediss+cluster` are the same with TLS. User and password are
// percent-encoded, and so is the path of a socket. Options: db, protocol (2 or 3), name (of the
// connection, in CLIENT LIST), sentinel_user, sentinel_password. Anything else is an error. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "redis/errors.h"

namespace starling::redis {

struct Url {
    enum class Mode : uint8_t { single, sentinel, cluster };
    Mode mode = Mode::single;
    bool tls = false;
    // One; of Sentinels, or of a cluster's nodes, at least one.
    std::vector<Endpoint> endpoints;
    std::string user, password;
    uint32_t database = 0;
    uint8_t protocol = 0;  // 2 or 3; 0: 3 if the server knows it.
    std::string client_name = {};
    std::string master_name;  // Of Sentinel.
    std::string sentinel_user, sentinel_password;
};

// The error names the part that is wrong, and never contains a password.
[[nodiscard]] base::Result<Url> parse_url(std::string_view text);

}  // namespace starling::redis
