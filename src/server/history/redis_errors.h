// server/history/redis_errors.h: the figures of the errors of Redis, by their kind and by the part of
// the server that got them. Values; the owner's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "redis/errors.h"
#include "server/figures.h"

namespace starling::server {

using RedisErrorCounts = std::array<uint64_t, redis::error_kinds>;

// `part`: "history", "nodes", "socketio". Kinds that never occurred have no figure. `Counts` is indexed
// by redis::ErrorKind.
template <class Counts>
void add_redis_errors(Figures& figures, std::string_view part, const Counts& counts) {
    for (size_t i = 0; i < redis::error_kinds; ++i) {
        const uint64_t count = counts[i];
        if (count == 0) continue;
        const std::string_view kind = redis::label_of(static_cast<redis::ErrorKind>(i));
        figures.counter("starling_redis_errors_total",
                        "Errors of Redis, by the part that got them and by their kind", count,
                        label("part", part) + "," + label("kind", kind));
    }
}

}  // namespace starling::server
