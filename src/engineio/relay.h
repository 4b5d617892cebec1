// engineio/relay.h: what the nodes of a cluster say to each other about a polling request or a
// WebSocket that reached another node than the one that owns its session. docs/cluster-native.md
// has the table of messages.
//
// A message begins with its type (1 byte), the index of the worker that it is for (2), and the
// number of the request or the WebSocket at the node that asks (8). Numbers are little-endian; a
// text is its length (4) and its bytes. Pure functions, any thread.
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
    taken,    // To the owner: the node that asked has got the answer, or the end of the WebSocket.
    upgrade,  // To the owner: a client's upgrade to a WebSocket, as a Request.
    frame,    // In both directions, as those below: a message on that WebSocket.
    credit,  // What has become of frames. The first one to the node that asked accepts the upgrade.
    end,     // The WebSocket has ended, or is to end. Answered by `end_answered`, or by `taken`.
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

// A whole message of a WebSocket. frame_head_bytes is what comes before its bytes.
struct Frame {
    bool to_owner = false;
    bool binary = false;
    bool compress = false;  // If the client's connection negotiated compression.
    std::string_view bytes = {};
};
inline constexpr size_t frame_head_bytes = 12;
// Sums since the credit before, of the sizes of frames as they are encoded.
struct Credit {
    bool to_owner = false;
    uint32_t arrived = 0;  // They are at the node that sends this.
    uint32_t taken = 0;    // The client's connection, or the session, has taken them.
};
// The code of the owner's answer to an end and to an abandon.
inline constexpr uint16_t end_answered = 0;
struct End {
    bool to_owner = false;
    // To the node that asked: the close code for the client, or `end_answered`. To the owner: 0; 1 if
    // the client broke the protocol.
    uint16_t code = 0;
};

[[nodiscard]] std::string encode(const Head& head);  // abandon, release, taken
[[nodiscard]] std::string encode(const Head& head, const Request& request);
[[nodiscard]] std::string encode(const Head& head, const Answer& answer);
[[nodiscard]] std::string encode(const Head& head, const Frame& frame);
[[nodiscard]] std::string encode(const Head& head, const Credit& credit);
[[nodiscard]] std::string encode(const Head& head, const End& end);

// These return nothing for a text that encode() cannot make.
[[nodiscard]] std::optional<Head> decode_head(std::string_view message) noexcept;
[[nodiscard]] std::optional<Request> decode_request(std::string_view message);  // Also an upgrade.
[[nodiscard]] std::optional<Answer> decode_answer(std::string_view message);
[[nodiscard]] std::optional<Frame> decode_frame(std::string_view message) noexcept;
[[nodiscard]] std::optional<Credit> decode_credit(std::string_view message) noexcept;
[[nodiscard]] std::optional<End> decode_end(std::string_view message) noexcept;

}  // namespace starling::engineio::relay
