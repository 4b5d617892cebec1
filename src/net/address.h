// net/address.h: an address to listen on or to connect to: "127.0.0.1:8080", "[::1]:8080", ":8080",
// "unix:/run/x.sock".
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::net {

// "192.0.2.1". `address` is in network order.
[[nodiscard]] std::string ipv4_text(uint32_t address);

class Address {
public:
    // Accepts numeric addresses, "localhost" and "*"; looks no names up.
    [[nodiscard]] static base::Result<Address> parse(std::string_view text);
    // The address if `host` is one in digits: "127.0.0.1", "::1", "fe80::1%eth0"; without brackets.
    // nullopt: a name, or a form that only inet_aton() reads ("127.1", "0x7f.1").
    [[nodiscard]] static std::optional<Address> numeric(std::string_view host, uint16_t port);
    [[nodiscard]] static Address from(const sockaddr_storage& storage, socklen_t length) noexcept;

    [[nodiscard]] const sockaddr* data() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage_);
    }
    [[nodiscard]] socklen_t size() const noexcept { return length_; }
    [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
    [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }
    [[nodiscard]] uint16_t port() const noexcept;  // 0 for Unix-domain sockets.
    void set_port(uint16_t port) noexcept;
    [[nodiscard]] std::string path() const;       // For Unix-domain sockets only.
    [[nodiscard]] std::string ip() const;         // "unix" for Unix-domain sockets.
    [[nodiscard]] std::string to_string() const;  // In the form that parse() accepts.

private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

}  // namespace starling::net
