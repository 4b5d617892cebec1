// net/socket.h: the few system calls on sockets that the layer needs, with owned descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/descriptor.h"
#include "net/address.h"

namespace starling::net {

using base::Descriptor;

// Owner and permissions of the file of a Unix-domain socket.
struct SocketFileAccess {
    uint32_t mode = 0;  // Permission bits; 0: what the umask leaves.
    std::optional<uint32_t> owner = {}, group = {};
};

// A bound, listening, non-blocking socket. `share_port`: SO_REUSEPORT, one socket per worker; the
// first of a process binds without it to learn that no other process holds the port. `file` is set
// before anybody can connect. On failure none, and `error` holds a line for people.
[[nodiscard]] Descriptor listen_on(const Address& address, bool share_port, std::string& error,
                                   const SocketFileAccess& file = {});

// True: no process listens on `address` yet. False: `error` says why.
[[nodiscard]] bool address_is_free(const Address& address, std::string& error);

[[nodiscard]] std::optional<Address> local_address(int fd);
[[nodiscard]] std::optional<Address> peer_address(int fd);

// Closes at once with a TCP reset; what the peer has not read is lost.
void close_with_reset(Descriptor fd) noexcept;

}  // namespace starling::net
