// proxy/choice.h: which proxy a connection goes through: the option, or the variables of the
// environment as curl reads them.
//
//     http_proxy                 for http and ws; HTTP_PROXY is not read, because a client of a CGI
//                                program can set it by a header
//     https_proxy, HTTPS_PROXY   for https and wss
//     all_proxy, ALL_PROXY       if none of these is set
//     no_proxy, NO_PROXY         the hosts that are reached without a proxy, see is_exempt()
//
// A variable that is empty counts as not set. Thread: any; no function reads the environment
// itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::proxy {

struct Credentials {
    std::string user, password;
};

struct Server {
    std::string host;  // A name or a numeric address, IPv6 without brackets.
    uint16_t port = 0;
    std::optional<Credentials> credentials = {};
};

// Reads "[http://][user:password@]host[:port][/]". User and password may be percent-encoded. As
// with curl, the default port is 1080. The error does not repeat the text, which may hold a
// password.
[[nodiscard]] base::Result<Server> parse(std::string_view url);

// True if the list `no_proxy` names the host (without brackets). "*" names every host. Otherwise
// the items, between commas or blanks, are domains ("example.com" and ".example.com" name the
// domain and every host in it), addresses, and networks ("10.0.0.0/8", "fd00::/8"). Where curl 7.88
// departs from its own manual, this function follows the manual: curl compares IPv6 addresses as
// text, and takes the length 0 of a network for a whole address.
[[nodiscard]] bool is_exempt(std::string_view host, std::string_view no_proxy);

// Returns the value of a variable, or null: getenv().
using Environment = std::function<const char*(const char* name)>;

// The proxy for a connection to `host`, or nullopt for none. `option` wins over all variables, also
// over no_proxy; an empty one means no proxy. The error names the variable that cannot be used.
[[nodiscard]] base::Result<std::optional<Server>> choose(bool secure, std::string_view host,
                                                         const std::optional<std::string>& option,
                                                         const Environment& environment);

// The same for a client, as browsers do it: the variables do not send a connection to this machine
// ("localhost", names in it, 127.0.0.0/8, ::1) through a proxy.
[[nodiscard]] base::Result<std::optional<Server>> choose_for(
    bool secure, std::string_view host, const std::optional<std::string>& option,
    const Environment& environment);

}  // namespace starling::proxy
