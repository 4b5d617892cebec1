// events/publish_request.h: parses the body of POST /api/publish: {"channel","event"}, or an array
// of such objects.
//
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "events/table.h"

namespace starling::events {

struct PublishItem {
    std::string channel, event;
};

struct PublishLimits {
    size_t event_bytes_max, batch_events_max;
};

struct PublishRequest {
    int status = 200;     // 200, or the error status: 400, 404 or 413.
    std::string problem;  // Names the field: "[2].event: must be text".
    bool array = false;
    std::vector<PublishItem> items;
};

// One invalid item refuses the whole body.
[[nodiscard]] PublishRequest parse_publish_request(std::string_view body, const Table& table,
                                                   const PublishLimits& limits);

}  // namespace starling::events
