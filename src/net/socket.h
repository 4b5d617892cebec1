// net/socket.h: the system calls on sockets that this layer needs, with owned descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/descriptor.h"
#include "base/result.h"
#include "net/address.h"

namespace starling::net {

using base::Descriptor;

// Owner and permissions of the file of a Unix-domain socket.
struct SocketFileAccess {
    uint32_t mode = 0;  // Permission bits; 0: those that the umask allows.
    std::optional<uint32_t> owner = {}, group = {};
};

// Returns a bound, listening, non-blocking socket. `share_port`: sets SO_REUSEPORT, for one socket
// per worker; the first socket of a process is bound without it, to detect that another process
// holds the port. `file` is applied before any client can connect. The error names the address.
[[nodiscard]] base::Result<Descriptor> listen_on(const Address& address, bool share_port,
                                                 const SocketFileAccess& file = {});

// Fails if a process listens on `address`, or if none can. The error names the address.
[[nodiscard]] base::Result<void> check_is_free(const Address& address);

[[nodiscard]] std::optional<Address> local_address(int fd);
[[nodiscard]] std::optional<Address> peer_address(int fd);
// "192.0.2.1", "2001:db8::1", or "unix" for a Unix-domain socket. "unknown": the kernel has
// forgotten the address, as it does when a peer resets the connection; bytes that the peer sent
// before may still arrive.
[[nodiscard]] std::string peer_ip(int fd);

// Closes at once with a TCP reset. Bytes that the peer has not read are lost.
void close_with_reset(Descriptor fd) noexcept;

}  // namespace starling::net
