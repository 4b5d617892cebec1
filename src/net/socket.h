// net/socket.h: the few system calls on sockets that the layer needs, with owned descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "net/address.h"

namespace starling::net {

// Closes its descriptor. -1: none.
class Descriptor {
public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// Of the file of a Unix-domain socket.
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
