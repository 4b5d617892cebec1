#include "app/demo/community/data_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace starling::app::community {
namespace {

std::string variable(const Environment& environment, std::string_view name) {
    for (const auto& [key, value] : environment)
        if (key == name) return value;
    return {};
}

// XDG Base Directory Specification: a relative path counts as not set. Missing folders are created
// with access for their owner alone.
std::string file_in(const std::string& folder) {
    if (!folder.starts_with('/')) return {};
    for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
        if (::mkdir(folder.substr(0, end).c_str(), 0700) != 0 && errno != EEXIST) return {};
        if (end == std::string::npos) break;
    }
    if (::access(folder.c_str(), W_OK | X_OK) != 0) return {};
    return folder + "/demo.sqlite";
}

}  // namespace

std::string default_data_file(const Environment& environment) {
    // systemd separates several folders by colons; our unit has one folder.
    const std::string service = variable(environment, "STATE_DIRECTORY");
    if (std::string path = file_in(service.substr(0, service.find(':'))); !path.empty())
        return path;
    std::string state = variable(environment, "XDG_STATE_HOME");
    const std::string home = variable(environment, "HOME");
    if (!state.starts_with('/')) state = home.starts_with('/') ? home + "/.local/state" : "";
    if (state.empty()) return in_memory;
    const std::string path = file_in(state + "/starling");
    return path.empty() ? in_memory : path;
}

std::string resolve_data_file(const std::string& path) {
    return path.substr(path.rfind('/') + 1) == in_memory ? in_memory : path;
}

}  // namespace starling::app::community
