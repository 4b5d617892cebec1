// server/gateway/application.h: the address of an application: http://HOST[:PORT]/PATH,
// https://..., or unix:/SOCKET:/PATH.
//
// A value; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::server {

struct Application {
    std::string url;          // http:// or https://, with a path.
    std::string unix_socket;  // "": TCP.
};

// Nothing: the text is no such address.
[[nodiscard]] std::optional<Application> read_application(std::string_view text);

}  // namespace starling::server
