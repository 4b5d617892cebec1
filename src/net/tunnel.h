// net/tunnel.h: what a client says to a proxy before the connection belongs to the client.
//
// net knows no protocol, so the dialer leaves the words to this interface: `proxy` implements it
// for HTTP's CONNECT.
//
// Owner: the dial. Thread: the loop's; an implementation does no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace starling::net {

class Tunnel {
public:
    enum class Step : uint8_t {
        more,    // The answer is not complete.
        open,    // From here on bytes pass to the target and back.
        failed,  // See failure().
    };
    struct Failure {
        std::string text;  // For people: "the proxy answered 407 Proxy Authentication Required".
        int status = 0;    // HTTP status of the answer; 0: there was none.
    };

    virtual ~Tunnel() = default;
    // The bytes for the proxy, sent once. The view lives as long as the Tunnel.
    [[nodiscard]] virtual std::string_view request() const noexcept = 0;
    // Takes the front of `input`: all of it with `more`. With `open` what is left is the target's.
    [[nodiscard]] virtual Step on_bytes(std::span<const std::byte>& input) = 0;
    // After Step::failed.
    [[nodiscard]] virtual Failure failure() const = 0;
};

}  // namespace starling::net
