// app/config/environment.cpp: the part of app/config/config.h that reads STARLING_* variables. The
// name of a key's variable is the key's path in capitals, with two underscores for each point.
#include "app/closest.h"
#include "app/command_table.h"
#include "app/config/config.h"

#include <algorithm>

namespace starling::app {
namespace {

constexpr std::string_view prefix = "STARLING_";

std::string variable_name(std::string_view key) {
    std::string name(prefix);
    for (const char c : key) {
        if (c == '.')
            name += "__";
        else
            name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return name;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (true) {
        const size_t comma = text.find(',');
        std::string_view part = text.substr(0, comma);
        while (part.starts_with(' ')) part.remove_prefix(1);
        while (part.ends_with(' ')) part.remove_suffix(1);
        parts.emplace_back(part);
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace

std::vector<Variable> variables() {
    std::vector<Variable> all{{"STARLING_LISTEN", "listen"},
                              {"STARLING_TLS_CERT", "tls_cert"},
                              {"STARLING_TLS_KEY", "tls_key"},
                              {"STARLING_LOG_LEVEL", "log.level"},
                              {"STARLING_LOG_FORMAT", "log.format"},
                              {"STARLING_GATEWAY_API_KEY", "gateway.api_keys"},
                              {"STARLING_GATEWAY_SIGNING_KEY", "gateway.routes[].signing_key"}};
    for (const Row& row : schema()) {
        if (row.key.find('[') == std::string_view::npos)
            all.push_back({variable_name(row.key), row.key});
    }
    return all;
}

bool Config::read_environment(const Environment& environment) {
    const std::vector<Variable> known = variables();
    std::vector<std::string_view> names;
    names.reserve(known.size());
    for (const Variable& variable : known) names.push_back(variable.name);
    for (const auto& [name, value] : environment) {
        if (!name.starts_with(prefix)) continue;
        if (std::ranges::find(names, name) != names.end()) continue;
        // Another command's, which may be set for all of them.
        if (std::ranges::find(command_variables(), name, &VariableRow::name) !=
            command_variables().end())
            continue;
        warnings_.push_back("starling: environment variable " + name + " is not known" +
                            hint(name, names));
    }
    for (const Variable& variable : known) {
        auto found = std::ranges::find_if(
            environment, [&](const auto& pair) { return pair.first == variable.name; });
        if (found == environment.end() || found->second.empty()) continue;
        const Row* row = find_row(variable.key);
        const bool list = variable.key == "listen" || (row && takes_list(*row));
        const std::vector<std::string> values =
            list ? split(found->second) : std::vector<std::string>{found->second};
        const std::string where = "starling: environment variable " + variable.name;
        if (!set_values(where, variable.key, values)) return false;
    }
    return true;
}

}  // namespace starling::app
