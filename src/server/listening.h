// server/listening.h: binds all addresses of a server for all workers before any worker runs:
// either all of them are bound or none.
#pragma once

#include <starling/server.h>

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "net/socket.h"
#include "peer/address_set.h"

namespace starling::server {

// The file of a Unix-domain socket. Destroying this object removes the file, unless it is now the
// socket of another process: a successor may bind the path while this process still drains.
class SocketFile {
public:
    SocketFile() = default;
    explicit SocketFile(std::string path);
    SocketFile(SocketFile&& other) noexcept;
    SocketFile& operator=(SocketFile&& other) noexcept;
    ~SocketFile() { remove(); }
    void remove() noexcept;
    void keep() noexcept { path_.clear(); }  // The file stays.

private:
    std::string path_;  // "": no file.
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

struct BoundAddress {
    std::string address;  // With the actual port.
    uint16_t port = 0;    // 0 for a Unix-domain socket.
    SocketFile unix_file;
    std::string inherited_file;  // Of an inherited socket, to own once the start has succeeded.
    bool tls = false;
    Listen::Serves serves = Listen::Serves::everything;
    std::shared_ptr<const peer::AddressSet> proxies;  // Null: nobody sends a PROXY header.
    std::vector<net::Descriptor> sockets;  // One for each worker at least; moved to the workers.
    std::vector<int> descriptors;          // The same, while the server listens.

    void own_inherited_file() {
        if (!inherited_file.empty()) unix_file = SocketFile(inherited_file);
    }
};

// Throws std::runtime_error with a message for users. `has_certificates`: the server has some,
// besides those of single addresses.
[[nodiscard]] std::vector<BoundAddress> bind_all(const ServerOptions& options,
                                                 bool has_certificates, unsigned workers);

// Raises the descriptor limit as far as possible. Returns how many descriptors remain for
// connections.
[[nodiscard]] uint64_t raise_descriptor_limit();

}  // namespace starling::server
