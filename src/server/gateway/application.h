// server/gateway/application.h: the address of an application: http://HOST[:PORT]/PATH,
// https://..., or unix:/SOCKET:/PATH.
//
// A value; any thread.
#pragma once

#include <starling/gateway.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::server {

struct Application {
    std::string url;          // http:// or https://, with a path.
    std::string unix_socket;  // "": TCP.
};

// Nothing: the text is no such address.
[[nodiscard]] std::optional<Application> read_application(std::string_view text);

// Files with the certificates of authorities that libcurl trusts by default: Debian's, and the one that OpenSSL was
// built with.
[[nodiscard]] std::vector<std::string> default_authorities();
// The fault of an application at https:// whose certificate could not be verified: the route has no ca_path, and no
// file of `authorities` can be read.
[[nodiscard]] std::optional<gateway::Fault> fault_of_authorities(
    const gateway::Route& route, std::span<const std::string> authorities);

}  // namespace starling::server
