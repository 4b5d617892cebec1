// app/cluster_demo/options.h: the command line of `starling cluster-demo`, and the files and variables of
// its processes. Pure but for find_program(), which asks the file system. Any thread.
#pragma once

#include "app/cluster_demo/child.h"
#include "app/command_line.h"
#include "app/config/config.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app::cluster_demo {

// The mode without --mode.
inline constexpr std::string_view mode_default = "native";
inline constexpr uint16_t port_default = 8080;

struct Options {
    size_t nodes = 3;
    uint16_t port = 0;  // Of the page; 0: port_default, or the next free one.
    std::string mode;
    std::string redis_url;     // "": a Redis of its own.
    std::string redis_server;  // The program of that Redis; "": the one in PATH.
};

[[nodiscard]] base::Result<Options> options_of(const CommandLine& line);

// The path of the first of the programs `names` that is in a folder of the variable PATH, or in /usr/bin or
// /usr/local/bin; "": there is none.
[[nodiscard]] std::string find_program(const std::vector<std::string_view>& names,
                                       const Environment& environment);

// Redis on a Unix-domain socket in `folder` alone, which keeps nothing.
[[nodiscard]] Command redis_command(const std::string& program, const std::string& folder,
                                    const Environment& environment);
[[nodiscard]] std::string redis_socket(const std::string& folder);

// The beginning of all names in Redis of a demo whose page has this port: two demos on one Redis
// are two clusters. The same each time, so that a stream does not stay behind after each run.
[[nodiscard]] std::string cluster_name(std::string_view host, uint16_t page_port);

// The configuration of a node. Pages of 127.0.0.1 and localhost with port `page_port` may connect to it.
// `cluster`: as cluster_name() says.
[[nodiscard]] std::string node_config(uint16_t port, uint16_t page_port,
                                      const std::string& redis_url, const std::string& mode,
                                      const std::string& cluster);
[[nodiscard]] Command node_command(const std::string& program, const std::string& config_path,
                                   const Environment& environment);

// A URL without its user and password.
[[nodiscard]] std::string shown_url(std::string_view url);

}  // namespace starling::app::cluster_demo
