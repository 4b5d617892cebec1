// tests/server/client.h: a peer made of a blocking socket: sends and receives raw bytes, and parses
// HTTP answers. Every wait ends after wait_s_max, as "<timeout>".
#pragma once

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "net/socket.h"

namespace starling::server::test {

// Long enough for a busy machine; ends a test that would otherwise wait for ever.
constexpr int wait_s_max = 60;

// As received, but `body` without its framing. `end` says how the connection ended; "": it goes on.
struct Answer {
    int status = 0;
    std::string head, body, end;

    [[nodiscard]] bool has(std::string_view text) const {
        return head.find(text) != std::string::npos;
    }
};

// Calls the kernel again if it was interrupted: a socket with a time-out is told so by an io_uring of
// its thread that ends, as after tests of io_uring.
template <class F>
auto uninterrupted(F&& call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

class Client {
public:
    // `receive_buffer_bytes`: small for a peer that does not read; 0: the kernel's default.
    explicit Client(uint16_t port, int receive_buffer_bytes = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (receive_buffer_bytes)
            ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                         sizeof receive_buffer_bytes);
        connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    explicit Client(const std::string& unix_path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
        connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // False if the connection broke or the server stopped reading.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = uninterrupted(
                [&] { return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
            if (sent <= 0) return false;
            bytes.remove_prefix(size_t(sent));
        }
        return true;
    }
    // Enlarges the receive buffer of a client that was slow.
    void read_fast() {
        const int bytes = 8 * 1024 * 1024;
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    // True if the server's kernel has everything that was sent.
    [[nodiscard]] bool all_taken() const {
        int bytes = -1;
        return ::ioctl(fd_.get(), SIOCOUTQ, &bytes) == 0 && bytes == 0;
    }
    void end() { ::shutdown(fd_.get(), SHUT_WR); }
    void reset() {
        net::close_with_reset(std::move(fd_));
        fd_ = {};
    }
    void close() { fd_ = {}; }

    // Reads once more. False if no more bytes come; end() says why.
    bool more() {
        if (!end_.empty()) return false;
        char buffer[65536];
        const ssize_t size =
            uninterrupted([&] { return ::recv(fd_.get(), buffer, sizeof buffer, 0); });
        if (size > 0) return in_.append(buffer, size_t(size)), true;
        end_ = size == 0 ? "<end>" : errno == EAGAIN ? "<timeout>" : "<reset>";
        return false;
    }
    // Removes bytes from the front of the input. If the connection ends before, returns fewer bytes
    // and the end.
    std::string read(size_t bytes) {
        while (in_.size() < bytes && more()) {}
        return take(std::min(bytes, in_.size())) + (in_.size() < bytes ? end_ : "");
    }
    std::string read_until(std::string_view mark) {
        size_t at = 0;
        while ((at = in_.find(mark)) == std::string::npos)
            if (!more()) return take(in_.size()) + end_;
        return take(at + mark.size());
    }
    std::string read_to_end() {
        while (more()) {}
        return take(in_.size()) + end_;
    }
    [[nodiscard]] std::string& pending() noexcept { return in_; }

    // The next answer. `head_request`: it has no body, whatever its fields say.
    Answer answer(bool head_request = false) {
        Answer answer;
        answer.head = read_until("\r\n\r\n");
        if (!answer.head.ends_with("\r\n\r\n")) {
            answer.end = end_;
            return answer;
        }
        answer.status = std::atoi(answer.head.c_str() + 9);
        const bool bodiless =
            head_request || answer.status == 204 || answer.status == 304 || answer.status < 200;
        if (bodiless) return answer;
        if (const size_t at = answer.head.find("Content-Length: "); at != std::string::npos)
            answer.body = read(std::strtoull(answer.head.c_str() + at + 16, nullptr, 10));
        else if (answer.has("Transfer-Encoding: chunked"))
            read_chunks(answer.body);
        else
            answer.body = read_to_end();
        return answer;
    }
    Answer request(std::string_view bytes, bool head_request = false) {
        send(bytes);
        return answer(head_request);
    }
    Answer get(std::string_view path, std::string_view fields = "") {
        return request("GET " + std::string(path) + " HTTP/1.1\r\nHost: here\r\n" +
                       std::string(fields) + "\r\n");
    }
    // One chunk of a streamed answer; "" for the last one.
    std::string chunk() {
        const size_t size = std::strtoul(read_until("\r\n").c_str(), nullptr, 16);
        const std::string bytes = read(size);
        return read(2) == "\r\n" ? bytes : bytes + "<no end of chunk>";
    }

private:
    void connect(const sockaddr* address, socklen_t size) {
        const timeval wait{wait_s_max, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        // A call that was interrupted goes on connecting, and the next one finds it connected.
        if (uninterrupted([&] { return ::connect(fd_.get(), address, size); }) != 0 &&
            errno != EISCONN)
            throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    }
    std::string take(size_t bytes) {
        std::string taken = in_.substr(0, bytes);
        in_.erase(0, bytes);
        return taken;
    }
    void read_chunks(std::string& body) {
        for (std::string piece = chunk(); !piece.empty() && end_.empty(); piece = chunk())
            body += piece;
    }

    net::Descriptor fd_;
    std::string in_, end_;
};

}  // namespace starling::server::test
