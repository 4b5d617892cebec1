#include "app/cluster_demo/options.h"

#include <unistd.h>

#include <boost/json.hpp>

#include <charconv>
#include <optional>
#include <utility>

namespace starling::app::cluster_demo {
namespace {

namespace json = boost::json;

std::optional<int> number_in(std::string_view text, int min, int max) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
        return std::nullopt;
    return value;
}

// The variables of the caller, without those that would configure the server.
std::vector<std::string> variables(const Environment& environment) {
    std::vector<std::string> all;
    for (const auto& [name, value] : environment)
        if (!name.starts_with("STARLING_") && name != "WS_PORT" && name != "WS_URL")
            all.push_back(name + "=" + value);
    return all;
}

}  // namespace

base::Result<Options> options_of(const CommandLine& line) {
    Options options;
    if (line.find("--nodes")) {
        const auto nodes = number_in(line.value("--nodes"), 1, 9);
        if (!nodes) return base::Failure("--nodes: must be a number from 1 to 9");
        options.nodes = static_cast<size_t>(*nodes);
    }
    if (line.find("--port")) {
        const auto port = number_in(line.value("--port"), 1, 65'535);
        if (!port) return base::Failure("--port: must be a number from 1 to 65535");
        options.port = static_cast<uint16_t>(*port);
    }
    options.mode = line.find("--mode") ? line.value("--mode") : std::string(mode_default);
    options.redis_url = line.value("--redis");
    options.redis_server = line.value("--redis-server");
    if (line.find("--redis") && options.redis_url.find("://") == std::string::npos)
        return base::Failure("--redis: must be a URL, as redis://127.0.0.1:6379");
    if (line.find("--redis-server") && ::access(options.redis_server.c_str(), X_OK) != 0)
        return base::Failure("--redis-server: cannot run '" + options.redis_server + "'");
    if (line.find("--redis") && line.find("--redis-server"))
        return base::Failure("--redis and --redis-server exclude each other");
    return options;
}

std::string find_program(const std::vector<std::string_view>& names,
                         const Environment& environment) {
    std::string folders = "/usr/bin:/usr/local/bin";
    for (const auto& [name, value] : environment)
        if (name == "PATH") folders = value + ":" + folders;
    for (const std::string_view name : names) {
        for (size_t at = 0; at < folders.size();) {
            const size_t end = std::min(folders.find(':', at), folders.size());
            const std::string path = folders.substr(at, end - at).append("/").append(name);
            // A relative folder would depend on where the demo was started.
            if (path.starts_with('/') && ::access(path.c_str(), X_OK) == 0) return path;
            at = end + 1;
        }
    }
    return {};
}

std::string redis_socket(const std::string& folder) { return folder + "/redis.sock"; }

Command redis_command(const std::string& program, const std::string& folder,
                      const Environment& environment) {
    return {{program, "--port", "0", "--unixsocket", redis_socket(folder), "--unixsocketperm",
             "700", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", folder},
            variables(environment)};
}

std::string cluster_name(std::string_view host, uint16_t page_port) {
    return std::string("starling-demo-").append(host) + "-" + std::to_string(page_port);
}

std::string node_config(uint16_t port, uint16_t page_port, const std::string& redis_url,
                        const std::string& mode, const std::string& cluster) {
    json::object joins{{"url", redis_url}, {"mode", mode}, {"required", true}, {"prefix", cluster}};
    // Of Socket.IO, which has names of its own in the modes of Node.js.
    if (mode != mode_default) joins.emplace("key", cluster);
    if (mode == "streams") joins.emplace("stream_name", cluster);
    const std::string page = ":" + std::to_string(page_port);
    const json::array origins{json::string("http://localhost" + page),
                              json::string("http://127.0.0.1" + page)};
    return json::serialize(
        json::object{{"listen", json::array{"127.0.0.1:" + std::to_string(port)}},
                     {"workers", 1},
                     {"demo", true},
                     {"demo_data", ":memory:"},
                     {"drain_timeout_s", 1},
                     {"origins", origins},
                     // Its usual port is the one after the page's, which is that of the first node.
                     {"admin", json::object{{"enabled", false}}},
                     {"cluster", std::move(joins)}});
}

Command node_command(const std::string& program, const std::string& config_path,
                     const Environment& environment) {
    return {{program, "serve", "--config", config_path}, variables(environment)};
}

std::string shown_url(std::string_view url) {
    const size_t start = url.find("://"), end = url.find_first_of("/?#", start + 3);
    const size_t at = url.substr(0, end).rfind('@');
    std::string shown(url);
    if (start != std::string_view::npos && at != std::string_view::npos && at > start)
        shown.erase(start + 3, at - start - 2);
    return shown;
}

}  // namespace starling::app::cluster_demo
