// server/proxy_accepts.h: connections of one worker whose PROXY header has not arrived yet. Reads
// the header, and no byte behind it, before TLS or HTTP see the connection.
//
// Owner: the Worker; destroyed before its loop. Thread: the worker's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "net/loop.h"
#include "net/socket.h"

namespace starling::server {

class ProxyAccepts {
public:
    // `address`: the client that the header names; "": the connection is the proxy's own.
    using Accepted = std::function<void(net::Descriptor, std::string address)>;
    // The connection is closed. "": the peer has left before it sent anything wrong.
    using Refused = std::function<void(std::string_view why)>;

    explicit ProxyAccepts(net::Loop& loop);
    ~ProxyAccepts();

    // Exactly one of the two is called, unless clear() comes before.
    void add(net::Descriptor fd, uint64_t timeout_ms, Accepted accepted, Refused refused);
    // Closes all connections. Returns their number.
    size_t clear();
    [[nodiscard]] size_t size() const noexcept { return pending_.size(); }

private:
    class Pending;
    [[nodiscard]] std::unique_ptr<Pending> take(const Pending& pending);

    net::Loop& loop_;
    std::unordered_map<const Pending*, std::unique_ptr<Pending>> pending_;
};

}  // namespace starling::server
