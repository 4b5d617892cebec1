// events/v1_request.h: the requests of the WebSocket subprotocol starling.v1, docs/protocol-v1.md.
//
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::events::v1 {

inline constexpr std::string_view subprotocol = "starling.v1";
inline constexpr size_t id_bytes_max = 64;
inline constexpr uint64_t limit_max = 1000, limit_default = 100;

enum class RequestType : uint8_t {
    subscribe,
    unsubscribe,
    publish,
    presence,
    history,
    login,
};

// The codes of errors, which have the meaning of the HTTP statuses.
namespace code {
inline constexpr int bad_request = 400, needs_login = 401, forbidden = 403, not_found = 404,
                     conflict = 409, too_large = 413, too_many = 429, unavailable = 503;
}

struct Problem {
    int code = 0;  // 0: none.
    std::string message;
    explicit operator bool() const noexcept { return code != 0; }
};

struct Request {
    RequestType type = RequestType::subscribe;
    std::string id;  // JSON, a number or a string; "": the client wants no answer.
    std::string channel;
    std::optional<std::string> since;  // An offset, as the client gave it.
    uint64_t limit = limit_default;
    bool presence = false;  // Of subscribe: be a member, and hear of others.
    std::string info;       // JSON without blanks between its values; "": none.
    std::string data;       // Of publish.
    std::string token;      // Of login.
};

struct Parsed {
    Request request;  // If there is a problem: the id and the channel, as far as they were read.
    Problem problem;
};

// `info_bytes_max`: see Options::presence_info_bytes_max.
[[nodiscard]] Parsed parse(std::string_view text, size_t info_bytes_max);

}  // namespace starling::events::v1
