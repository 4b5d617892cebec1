// app/cluster_demo/access.h: who may see the state of the cluster demo and press its buttons: the holder of
// the key, from a page of this machine.
//
// - A page of another site cannot send the field X-Api-Key: its browser would ask first (CORS), and the demo
//   does not allow it. The field Origin is checked as well.
// - A name of another site that leads to 127.0.0.1 (DNS rebinding) is in the field Host, and refused.
// - Other users of the machine do not have the key. It is behind the # of the address that the terminal
//   shows, which browsers send to no server.
//
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace starling::app::cluster_demo {

enum class Access : uint8_t { allowed, foreign_host, foreign_origin, no_key };

// `host`: the field Host. True: a name of this machine for itself, with any port, as a tunnel may have.
[[nodiscard]] bool is_local_host(std::string_view host) noexcept;
// `origin`, `given`: the fields Origin and X-Api-Key; "" if absent. `key`: the key of the demo.
[[nodiscard]] Access check_access(std::string_view host, std::string_view origin,
                                  std::string_view given, std::string_view key) noexcept;

}  // namespace starling::app::cluster_demo
