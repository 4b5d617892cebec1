// app/events.h: the options of server events, from the settings.
//
// Thread: main's, before the server runs.
#pragma once

#include "app/config/settings.h"

#include <starling/events.h>

namespace starling::app {

// True: events.enabled or the demo asks for server events.
[[nodiscard]] bool has_events(const Settings& settings) noexcept;

// The options with all keys read; the demo adds its pages.
[[nodiscard]] events::Options event_options(const Settings& settings);

// The configured channels; without any, the channels of the demo.
[[nodiscard]] std::vector<events::Channel> event_channels(const Settings& settings);

}  // namespace starling::app
