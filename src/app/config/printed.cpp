// app/config/printed.cpp: the part of app/config/config.h that prints the effective configuration.
#include "app/config/config.h"
#include "app/config/flat.h"

#include <algorithm>

namespace starling::app {
namespace {

// "starling.yaml:12: key 'workers'" is "starling.yaml:12"; "starling: environment variable X" is
// "environment X"; "starling: --workers" is "--workers".
std::string short_place(std::string place) {
    if (const size_t key = place.rfind(": key '"); key != std::string::npos) place.resize(key);
    for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>(
                                       "starling: environment variable ", "environment "),
                                   {"starling: ", ""}})
        if (place.starts_with(from)) return std::string(to) + place.substr(from.size());
    return place;
}

}  // namespace

std::string Config::source(const std::string& key) const {
    auto found = places_.find(key);
    // A scalar under `listen`, and the addresses of a flag, have the place of their element.
    if (found == places_.end() && key.starts_with("listen[") && key.ends_with("].address"))
        found = places_.find(key.substr(0, key.rfind('.')));
    if (found == places_.end() && key.starts_with("tls.certificates[0]."))
        found = places_.find(key.ends_with(".cert") ? "tls_cert" : "tls_key");
    return found == places_.end() ? "default" : short_place(found->second);
}

std::string Config::printed() const {
    constexpr size_t column = 44;
    std::string text;
    for (const FlatValue& value : flat_settings(settings_)) {
        std::string line = value.key + ": " + masked(value);
        line.append(line.size() < column ? column - line.size() : 2, ' ');
        text.append(line).append("# ").append(source(value.key)).append("\n");
    }
    return text;
}

}  // namespace starling::app
