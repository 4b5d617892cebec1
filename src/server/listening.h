// server/listening.h: binds every address of a server, for every worker, before anything runs: either
// all of it stands or nothing does.
#pragma once

#include <starling/server.h>

#include <sys/types.h>

#include <string>
#include <vector>

#include "net/socket.h"

namespace starling::server {

// The file of a Unix-domain socket, removed with its owner: unless another process has put its own
// there in the meantime, as the successor does while this one still drains.
class SocketFile {
public:
    SocketFile() = default;
    explicit SocketFile(std::string path);
    SocketFile(SocketFile&& other) noexcept;
    SocketFile& operator=(SocketFile&& other) noexcept;
    ~SocketFile() { remove(); }
    void remove() noexcept;

private:
    std::string path_;  // "": none.
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

struct BoundAddress {
    std::string address;  // With the real port.
    uint16_t port = 0;    // 0 for a Unix-domain socket.
    SocketFile unix_file;
    bool tls = false;
    std::vector<net::Descriptor> sockets;  // One per worker.
};

// Throws std::runtime_error with a line for people.
[[nodiscard]] std::vector<BoundAddress> bind_all(const ServerOptions& options, unsigned workers);

// The descriptor limit, raised as far as it goes; what is left of it for connections.
[[nodiscard]] uint64_t raise_descriptor_limit();

}  // namespace starling::server
