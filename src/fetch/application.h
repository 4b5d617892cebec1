// fetch/application.h: the addresses of one application of the plain sender, and the application's
// idle connections. An application is a numeric address, a Unix-domain socket or a name.
//
// The plain sender looks no names up. libcurl sends the first request to a name, and looks the name
// up without blocking the loop. The plain sender then uses the address that libcurl has reached, for
// 5 seconds, as long as libcurl keeps the addresses of a name. After 5 seconds libcurl sends one
// request again, and the plain sender sends all others to the old address meanwhile. If that address
// refuses a connection, libcurl sends the request, of which nothing was sent before.
//
// Owner: the PlainSender. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.h"
#include "fetch/url.h"
#include "net/address.h"

namespace starling::fetch {

// "localhost" and what is below it (RFC 6761 section 6.3).
[[nodiscard]] bool is_localhost(std::string_view host) noexcept;

// The key of an application: its Unix-domain socket, or its host and port. Empty if libcurl must send
// the requests: for https, a proxy in the environment, a user in the URL, and a host that has other
// characters than letters, digits, dots and hyphens. `loopback`: no proxy counts.
[[nodiscard]] std::optional<std::string> plain_place(const Url& url, const std::string& unix_socket,
                                                     bool loopback);

class Application {
public:
    // `place`: the result of plain_place() for `url`.
    Application(std::string place, const Url& url);
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    [[nodiscard]] const std::string& place() const noexcept { return place_; }

    // The addresses to try, beginning with index `preferred`. Empty: not known.
    [[nodiscard]] const std::vector<net::Address>& addresses() const noexcept { return addresses_; }
    size_t preferred = 0;  // The address of the newest connection.

    [[nodiscard]] bool is_name() const noexcept { return is_name_; }
    // True: libcurl must send the next request. Call resolved() or gave_up() when it has completed.
    [[nodiscard]] bool must_ask(uint64_t now_ms) noexcept;
    // `ip`: the numeric address that libcurl has reached.
    void resolved(const std::string& ip, uint64_t now_ms);
    // The request of libcurl has completed without an address.
    void gave_up() noexcept { asking_ = false; }
    void forget() noexcept { addresses_.clear(); }

    base::ListLink idle;  // The head of the list of idle connections, newest first.

private:
    const std::string place_;
    const std::string port_;
    std::vector<net::Address> addresses_;
    uint64_t known_until_ms_ = 0;
    bool is_name_ = false;  // False: the addresses never change.
    bool asking_ = false;   // A request of libcurl looks the name up again.
};

}  // namespace starling::fetch
