// webhook/actions.h: the actions that an application's answer to a webhook asks for, in their order
// (Content-Type: application/vnd.starling.actions+json):
//
//     {"actions":[{"send":{"payload":{...}}}, {"join":["topic"]}, {"leave":["topic"]},
//                 {"publish":{"topic":"...","payload":{...}}},
//                 {"close":{"code":4000,"reason":"..."}},
//                 {"ack":{"ack_id":7,"data":[...]}}, {"emit":{"event":"...","data":[...]}}]}
//
// The answer to an open webhook that asks for admission may also hold
// {"accept":{"user_name":"...","data":{...},"topics":[...]}}, among the actions or beside them.
//
// Pure functions, any thread; the results own their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "webhook/control.h"

namespace starling::webhook {

inline constexpr std::string_view actions_media_type = "application/vnd.starling.actions+json";
inline constexpr size_t actions_bytes_max = 65'536;
inline constexpr size_t session_bytes_max = 4'096;

// Make the connection of the webhook join a topic, or leave it.
struct Join {
    std::vector<std::string> topics;
};
struct Leave {
    std::vector<std::string> topics;
};

// Answers an event of Socket.IO that asked for it.
struct AckRequest {
    uint64_t ack_id = 0;
    Arguments args;
};

// A SendRequest, EmitRequest or CloseRequest without a selector refers to the connection of the
// webhook.
using ActionRequest =
    std::variant<SendRequest, Join, Leave, PublishRequest, CloseRequest, EmitRequest, AckRequest>;

struct Accept {
    std::optional<std::string> user;  // Nothing: the user stays the same.
    std::string session;              // JSON, for ClientFields::session; "" for none.
    std::vector<std::string> topics;
};

struct Actions {
    std::vector<ActionRequest> list;  // The actions before the first malformed one.
    std::optional<Accept> accept;
    // "": none. Else, for example, "actions[2].send.users: an array of strings is wanted".
    std::string problem;
};

// Reads a body. One longer than actions_bytes_max is a problem. `admission`: `accept` is allowed.
[[nodiscard]] Actions read_actions(std::string_view body, bool admission);

}  // namespace starling::webhook
