// server/history/replies.h: what the scripts of a history answer, see scripts.h. What Redis says is
// checked: clients get epochs as a part of offsets, and texts as they are.
//
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "hub/history.h"
#include "hub/remote_history.h"
#include "redis/value.h"

namespace starling::server {

// The answer of the append script: an epoch, and an offset for each of `items`. False: it is none, and
// `appended` has a part of it.
[[nodiscard]] bool read_appended(const redis::Value& value, size_t items,
                                 hub::RemoteHistory::Appended& appended);

// The answer of the read script. `since`: the question named a position. False: it is none, and `page` has
// a part of it.
[[nodiscard]] bool read_page(const redis::Value& value, std::string_view channel, bool since,
                             hub::HistoryPage& page);

}  // namespace starling::server
