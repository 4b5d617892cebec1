// webhook/actions.h: what an application's answer to a webhook wants done, in its order
// (Content-Type: application/vnd.starling.actions+json):
//
//     {"actions":[{"send":{"payload":{...}}}, {"join":["topic"]}, {"leave":["topic"]},
//                 {"publish":{"topic":"...","payload":{...}}}, {"close":{"code":4000,"reason":"..."}}]}
//
// The answer to an open webhook that asks may hold {"accept":{"user_name":"...","data":{...},"topics":[...]}},
// among the actions or beside them.
//
// Pure functions, any thread; what they return owns its memory.
#pragma once

#include <cstddef>
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

// Of the connection that the webhook was about.
struct Join {
    std::vector<std::string> topics;
};
struct Leave {
    std::vector<std::string> topics;
};

// A SendRequest or a CloseRequest without a selector means that connection.
using ActionRequest = std::variant<SendRequest, Join, Leave, PublishRequest, CloseRequest>;

struct Accept {
    std::optional<std::string> user;  // Else the user stays as it is.
    std::string session;              // JSON, for ClientFields::session; "" for none.
    std::vector<std::string> topics;
};

struct Actions {
    std::vector<ActionRequest> list;  // Those in front of the first that is malformed.
    std::optional<Accept> accept;
    std::string problem;  // "": none. Else "actions[2].send.users: an array of strings is wanted".
};

// Of a body of at most actions_bytes_max; a longer one is a problem. `admission`: `accept` may stand there.
[[nodiscard]] Actions read_actions(std::string_view body, bool admission);

}  // namespace starling::webhook
