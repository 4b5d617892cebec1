// bench/sockets.h: connections to 127.0.0.1 and the opening handshake (RFC 6455 section 4.1). The
// calls block with a time limit, because the load modes that use them do not measure connecting.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "options.h"

namespace starling::bench {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

inline void raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

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

// `index` names the user, where users are named.
inline std::string upgrade_request(const Options& options, const std::string& path,
                                   uint32_t index = 0) {
    std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:";
    request += std::to_string(options.port);
    request +=
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    if (!options.subprotocol.empty())
        request += "Sec-WebSocket-Protocol: " + options.subprotocol + "\r\n";
    if (options.named) {
        char token[37];  // As long as a UUID.
        std::snprintf(token, sizeof token, "00000000-0000-4000-8000-%012u", index);
        request += "X-Bfl-User: " + user_name(index) + "\r\nCookie: auth_token=" + token + "\r\n";
    }
    return request + "\r\n";
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
    // The accept value of the key above is the example of RFC 6455 section 1.3.
    if (!response.starts_with("HTTP/1.1 101") ||
        response.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == std::string::npos)
        fail("the server refused the upgrade:\n" + response);
}

inline Fd open_websocket(const Options& options, const std::string& path, uint32_t index) {
    Fd fd = connect_to_server(options, index);
    send_all(fd, upgrade_request(options, path, index));
    expect_upgrade(fd);
    return fd;
}

}  // namespace starling::bench
