// app/events.h: server events as the configuration says them.
//
// Thread: main's, before the server runs.
#pragma once

#include "app/config/settings.h"

#include <starling/events.h>

namespace starling::app {

// Are they wanted: by events.enabled, or by the demo?
[[nodiscard]] bool has_events(const Settings& settings) noexcept;

// With the keys read and, for the demo, its pages.
[[nodiscard]] events::Options event_options(const Settings& settings);

// The configured channels; those of the demo where there are none.
[[nodiscard]] std::vector<events::Channel> event_channels(const Settings& settings);

}  // namespace starling::app
