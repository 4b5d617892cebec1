// bench/sockets.h: connections to 127.0.0.1 and the opening handshake (RFC 6455 section 4.1). The
// calls block with a time limit, because the load modes that use them do not measure connecting.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "load/measure/upgrade.h"
#include "options.h"

namespace starling::bench {

using Fd = base::Descriptor;

// `index` selects the source address. The port is chosen at connect(), where it must only differ
// from the ports of the same address pair (ip(7), IP_BIND_ADDRESS_NO_PORT).
inline Fd connect_to_server(const Options& options, uint32_t index) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) fail(std::string("socket: ") + std::strerror(errno));
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const timeval patience{10, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index % options.sources);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
        fail(std::string("bind: ") + std::strerror(errno));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(options.port);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
        fail(std::string("connect: ") + std::strerror(errno));
    return fd;
}

inline std::string user_name(uint32_t index) { return "user-" + std::to_string(index); }

// Lines of a request that name the user of a connection.
inline std::string user_headers(uint32_t index) {
    char token[37];  // As long as a UUID.
    std::snprintf(token, sizeof token, "00000000-0000-4000-8000-%012u", index);
    return "X-Bfl-User: " + user_name(index) + "\r\nCookie: auth_token=" + token + "\r\n";
}

// `index` names the user, where users are named.
inline std::string upgrade_request(const Options& options, const std::string& path,
                                   uint32_t index = 0) {
    load::Upgrade upgrade{.host = "127.0.0.1:" + std::to_string(options.port), .target = path};
    if (!options.subprotocol.empty()) upgrade.protocols = {options.subprotocol};
    std::string request = load::upgrade_request(upgrade);
    if (options.named) request.insert(request.size() - 2, user_headers(index));
    return request;
}

inline void send_all(const Fd& fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) fail(std::string("send: ") + std::strerror(errno));
        bytes.remove_prefix(static_cast<size_t>(n));
    }
}

// Reads up to `count` more bytes; fails after the time limit.
inline std::string receive(const Fd& fd, size_t count, int flags = 0) {
    std::string bytes(count, '\0');
    const ssize_t n = ::recv(fd.get(), bytes.data(), count, flags);
    if (n == 0) fail("the server closed the connection");
    if (n < 0) fail(std::string("recv: ") + std::strerror(errno));
    bytes.resize(static_cast<size_t>(n));
    return bytes;
}

// The header of an HTTP response. After a 101 the server sends nothing before it is asked.
inline std::string receive_response(const Fd& fd) {
    std::string response;
    while (response.find("\r\n\r\n") == std::string::npos) {
        response += receive(fd, 4096);
        if (response.size() > 65536) fail("the response does not end");
    }
    return response;
}

inline void expect_upgrade(const Fd& fd) {
    const std::string response = receive_response(fd);
    if (load::check_upgrade(response, {}).fault)
        fail("the server refused the upgrade:\n" + response);
}

}  // namespace starling::bench
