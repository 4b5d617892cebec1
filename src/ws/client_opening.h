// ws/client_opening.h: the opening handshake of a client, RFC 6455 section 4.1: the bytes of the
// request, and the answer read at any size of reads. Bytes in, events out.
//
// Owner: the connection that is being opened. Thread: that connection's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/response_reader.h"
#include "ws/client_handshake.h"
#include "ws/client_url.h"

namespace starling::ws {

// What every request of one WebSocket says, those after redirects included.
struct OpeningOptions {
    std::vector<std::string> subprotocols = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string origin = {};  // "": no Origin.
    DeflateOptions deflate = {};
};

// An empty result: the fields can be sent. Otherwise what is wrong with them: a name that is no token,
// a value with a control character, or a field that the handshake itself sets.
[[nodiscard]] std::string check_headers(
    std::span<const std::pair<std::string, std::string>> headers);

class ClientOpening {
public:
    // So much of the body of a refusal is kept for the application.
    static constexpr size_t body_bytes_max = 1024;

    enum class Step : uint8_t {
        more,  // The answer is not complete.
        body,  // Refused, and the body of the refusal is arriving. The owner calls on_waited() after
               // a while.
        open,      // From here on the input holds frames.
        redirect,  // See location().
        failed,    // See error(), status() and body().
    };

    // `options` outlives this object. `random`: new for every connection. `credentials`: the request may
    // carry the Authorization of the URL, and the fields Authorization and Cookie of the options.
    ClientOpening(const OpeningOptions& options, const ClientUrl& url,
                  std::span<const std::byte, 16> random, bool credentials = true);

    [[nodiscard]] const std::string& request() const noexcept { return request_; }

    [[nodiscard]] Step on_bytes(std::span<const std::byte>& input);
    [[nodiscard]] Step on_ended();   // The server sends nothing more.
    [[nodiscard]] Step on_waited();  // The time for the body of a refusal is over.

    // After Step::open. The views live as long as this object.
    [[nodiscard]] std::string_view subprotocol() const noexcept { return subprotocol_; }
    [[nodiscard]] std::string_view extensions() const noexcept { return extensions_; }
    [[nodiscard]] const std::optional<DeflateParams>& deflate() const noexcept { return deflate_; }

    // After Step::redirect and Step::failed.
    [[nodiscard]] uint16_t status() const noexcept { return status_; }  // 0: there was no answer.
    [[nodiscard]] const std::string& location() const noexcept { return location_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    [[nodiscard]] const std::string& body() const noexcept { return body_; }

private:
    [[nodiscard]] Step on_event(const http::ResponseEvent& event);
    [[nodiscard]] Step on_head();
    [[nodiscard]] Step refuse();
    [[nodiscard]] Step fail(std::string error);

    const OpeningOptions& options_;
    std::array<char, 24> key_;
    std::string request_;
    http::ResponseReader reader_;
    Step step_ = Step::more;
    uint16_t status_ = 0;
    std::string subprotocol_, extensions_, location_, error_, body_;
    std::optional<DeflateParams> deflate_;
};

}  // namespace starling::ws
