// app/config/gateway.cpp: the part of app/config/config.h that is about the gateway: which
// applications its routes have, and the check of its settings as a whole.
#include "app/config/config.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "app/config/site_paths.h"

namespace starling::app {
namespace {

constexpr std::string_view default_application = "http://localhost:3010/websocket/message";

std::string route_key(size_t index, std::string_view member) {
    return "gateway.routes[" + std::to_string(index) + "]." + std::string(member);
}

std::optional<std::string> variable(const Environment& environment, std::string_view name) {
    const auto found =
        std::ranges::find_if(environment, [&](const auto& pair) { return pair.first == name; });
    if (found == environment.end()) return std::nullopt;
    return found->second;
}

bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

const Yaml* member(const Yaml* node, std::string_view name) noexcept {
    if (!node) return nullptr;
    for (const Yaml& child : node->children)
        if (child.name == name) return &child;
    return nullptr;
}

}  // namespace

void Config::begin_gateway(const Environment& environment) {
    settings_.gateway_enabled = true;
    if (!names("listen")) settings_.server.listen = {"127.0.0.1:40010"};
    olares_ = {variable(environment, "WS_PORT"), variable(environment, "WS_URL")};
    const bool named =
        (olares_.port && !olares_.port->empty()) || (olares_.url && !olares_.url->empty());
    if (named && !names("gateway.olares")) settings_.gateway.olares = gateway::Olares::on;
}

// Stores a value from a flag or a variable in every route; if there is no route, makes one with the
// defaults first.
bool Config::set_in_routes(const std::string& where, const Row& row, const std::string& value) {
    auto& routes = settings_.gateway.routes;
    if (routes.empty()) routes.emplace_back();
    for (auto& route : routes) {
        std::swap(route, routes.back());  // A row's slot lies in the last element.
        const auto problem = store(settings_, row, {value}, "");
        std::swap(route, routes.back());
        if (problem) return fail(where, *problem);
    }
    const std::string_view name = row.key.substr(row.key.rfind('.') + 1);
    for (size_t i = 0; i < routes.size(); ++i) places_[route_key(i, name)] = where;
    return true;
}

bool Config::finish_gateway() {
    if (!settings_.gateway_enabled) {
        if (settings_.gateway.routes.empty()) return true;
        return fail_at("gateway.routes", "needs gateway.enabled: true");
    }
    if (!settings_.control_listen.empty())
        settings_.server.listen.push_back(
            {.address = settings_.control_listen, .serves = Listen::Serves::control});
    auto& routes = settings_.gateway.routes;
    if (routes.empty()) routes.emplace_back();
    if (!name_applications()) return false;
    SitePaths paths(settings_);
    for (size_t i = 0; i < routes.size(); ++i) {
        const std::string element = "gateway.routes[" + std::to_string(i) + "]";
        if (const auto before = paths.add(routes[i].path, routes[i].site, i))
            return fail_at(names(route_key(i, "path")) ? route_key(i, "path") : element,
                           "is the same path as " + route_key(*before, "path"));
        if (const auto fault = gateway::fault_of(routes[i]))
            return fail_at(names(route_key(i, fault->member)) || settings_.manifest.empty() ||
                                   fault->member != "application"
                               ? route_key(i, fault->member)
                               : "gateway.manifest",
                           fault->what);
    }
    return true;
}

// Gives an application to the routes that name none: that of the environment, else that of the
// manifest, else the default address of Olares' container.
bool Config::name_applications() {
    auto& routes = settings_.gateway.routes;
    const auto set_all = [&](const std::string& application) {
        for (size_t i = 0; i < routes.size(); ++i)
            if (!names(route_key(i, "application"))) routes[i].application = application;
        return true;
    };
    if (olares_.port || olares_.url) {
        if (olares_.port && olares_.url && !olares_.port->empty() && !olares_.url->empty()) {
            if (!is_port(*olares_.port))
                return fail("starling: environment variable WS_PORT", "must be a port, 1 to 65535");
            if (!olares_.url->starts_with('/'))
                return fail("starling: environment variable WS_URL",
                            "must be a path like /websocket/message");
            return set_all("http://127.0.0.1:" + *olares_.port + *olares_.url);
        }
        warnings_.emplace_back(
            "starling: no webhooks: WS_PORT and WS_URL name the application together, and one of "
            "them is missing or empty");
        return set_all("");
    }
    if (!settings_.manifest.empty()) return read_manifest();
    return set_all(std::string(default_application));
}

// options: {websocket: {port: 8888, url: /ws/message}}
bool Config::read_manifest() {
    const std::string& path = settings_.manifest;
    if (!readable("gateway.manifest", path)) return false;
    const std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    const auto at = [&](int line) { return path + ":" + std::to_string(line); };
    const YamlResult yaml = parse_yaml(text.str());
    if (!yaml.error.empty()) return fail(at(yaml.error_line), "not valid: " + yaml.error);
    const Yaml* const options = member(&yaml.root, "options");
    const Yaml* const websocket = member(options, "websocket");
    if (!websocket)
        return fail(at(options ? options->line : yaml.root.line) + ": key 'options.websocket'",
                    "is missing");
    const Yaml* const port = member(websocket, "port");
    const Yaml* const url = member(websocket, "url");
    const std::string key = ": key 'options.websocket.";
    if (!port) return fail(at(websocket->line) + key + "port'", "is missing");
    if (!url) return fail(at(websocket->line) + key + "url'", "is missing");
    if (!is_port(port->text))
        return fail(at(port->line) + key + "port'", "must be a port, 1 to 65535");
    if (!url->text.starts_with('/'))
        return fail(at(url->line) + key + "url'", "must be a path like /ws/message");
    auto& routes = settings_.gateway.routes;
    for (size_t i = 0; i < routes.size(); ++i)
        if (!names(route_key(i, "application")))
            routes[i].application = "http://127.0.0.1:" + port->text + url->text;
    return true;
}

}  // namespace starling::app
