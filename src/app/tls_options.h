// app/tls_options.h: the options of commands that connect: --proxy, and of TLS --ca and --insecure.
//
// Pure but for unreadable(), which asks the file system. Any thread.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

#include "app/command_table.h"

namespace starling::app {

inline constexpr OptionRow proxy_option{
    .name = "--proxy",
    .placeholder = "URL",
    .help =
        "http://USER:PASSWORD@HOST:PORT, or none; else http_proxy, https_proxy, all_proxy "
        "and no_proxy"};
inline constexpr OptionRow ca_option{.name = "--ca",
                                     .placeholder = "FILE",
                                     .takes = Takes::file,
                                     .help = "Certificates to trust in place of the system's, PEM"};
inline constexpr OptionRow insecure_option{
    .name = "--insecure",
    .takes = Takes::nothing,
    .help = "Do not verify the server's certificate: anybody can pose as the server"};

// Why the file of an option cannot be read: "--ca: cannot read 'x.pem': ...". An empty path is no file.
[[nodiscard]] inline std::optional<std::string> unreadable(const char* option,
                                                           const std::string& path) {
    if (path.empty() || ::access(path.c_str(), R_OK) == 0) return std::nullopt;
    return std::string(option) + ": cannot read '" + path +
           "': " + std::generic_category().message(errno);
}

}  // namespace starling::app
