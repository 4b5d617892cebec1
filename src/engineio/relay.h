// engineio/relay.h: what the nodes of a cluster say to each other about a polling request that
// reached another node than the one that owns its session. docs/cluster-native.md has the table of
// messages.
//
// A message begins with its type (1 byte), the index of the worker that it is for (2), and the
// number of the request at the node that asks (8). Numbers are little-endian; a text is its length
// (4) and its bytes. Pure functions, any thread.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::engineio::relay {

enum class Type : uint8_t {
    request = 1,  // To the owner: a client's request.
    answer,       // From the owner: its answer, once for each request.
    abandon,      // To the owner: the client is gone, or will not get the answer.
    release,      // To the owner: answer a poll now, even without packets; its node stops.
    taken,        // To the owner: the node that asked has got the answer.
};

// In a request and in an answer: not more header fields than this.
inline constexpr size_t fields_max = 1'024;

struct Head {
    Type type = Type::request;
    uint16_t worker = 0;
    uint64_t id = 0;
};

// The views of the following point into what was encoded, or into the decoded text.
struct Request {
    // The target is as the client sent it (http/target.h splits it); nothing here is checked.
    std::string_view method = {}, target = {}, host = {}, remote_address = {}, body = {};
    std::vector<http::Field> fields = {};
    bool secure = false, from_trusted_proxy = false, proxied = false;
};
struct Answer {
    uint16_t status = 200;
    bool closes = false;  // The connection closes after it.
    std::vector<http::Field> fields = {};
    std::string_view body = {};
};

[[nodiscard]] std::string encode(const Head& head);  // abandon, release, taken
[[nodiscard]] std::string encode(const Head& head, const Request& request);
[[nodiscard]] std::string encode(const Head& head, const Answer& answer);

// These return nothing for a text that encode() cannot make.
[[nodiscard]] std::optional<Head> decode_head(std::string_view message) noexcept;
[[nodiscard]] std::optional<Request> decode_request(std::string_view message);
[[nodiscard]] std::optional<Answer> decode_answer(std::string_view message);

}  // namespace starling::engineio::relay
