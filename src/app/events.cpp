#include "app/events.h"

namespace starling::app {

bool has_events(const Settings& settings) noexcept {
    return settings.demo || settings.events_enabled;
}

events::Options event_options(const Settings& settings) {
    events::Options options = settings.events;
    options.auth.leeway = std::chrono::duration_cast<std::chrono::seconds>(settings.auth_leeway);
    for (const AuthKeySettings& key : settings.auth_keys)
        options.auth.keys.push_back({key.id, key.algorithm, key.material});
    return options;
}

std::vector<events::Channel> event_channels(const Settings& settings) {
    if (!settings.event_channels.empty()) return settings.event_channels;
    return {{.pattern = "ApiIndex"},
            {.pattern = "ArticleMessage{id:number}"},
            {.pattern = "SystemMessage{email}", .access = events::Access::owner}};
}

}  // namespace starling::app
