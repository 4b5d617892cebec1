// app/publish/publish.h: `starling publish`: publishes a server event through POST /api/publish of
// a running server (docs/events.md).
//
// Thread: main's.
#pragma once

#include "app/command_line.h"
#include "app/config/config.h"
#include "app/publish/http_post.h"
#include "app/streams.h"

#include <string>
#include <string_view>

namespace starling::app {

inline constexpr int refused_exit = 1, usage_exit = 2, unreachable_exit = 3;

// The body of the request. `data`: valid JSON, or "" for an event that is a plain text.
[[nodiscard]] std::string publish_body(std::string_view channel, std::string_view event,
                                       std::string_view data);

struct PublishOutcome {
    int exit_code = 0;
    std::string text = {};  // One line for people, without a line feed.
    std::string json = {};  // The same as one JSON object.
};
[[nodiscard]] PublishOutcome outcome_of(const HttpAnswer& answer, std::string_view url);

// Returns the exit code, see the command's exits in app/command_table.cpp.
[[nodiscard]] int run_publish(const CommandLine& line, const Environment& environment,
                              const Streams& streams);

}  // namespace starling::app
