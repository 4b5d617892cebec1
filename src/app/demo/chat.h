// app/demo/chat.h: the protocol of the chat, without a socket: the answers to one message of a
// member.
//
//     in    {"name":"Ada","msg":"hi"}          one text message each
//     out   Ada:hi                             to everyone, the sender included
//           Ada下线了!                          to everyone else, when a member that has spoken leaves
//           {"error":"..."}                    to the sender alone
//
// Pure functions, any thread. A member's name belongs to the member's socket.
#pragma once

#include <starling/websocket.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace starling::app {

inline constexpr size_t chat_name_bytes_max = 64;
inline constexpr size_t chat_json_depth_max = 8;

struct ChatStep {
    std::string to_everyone;  // "": send nothing.
    std::string to_sender;
};

// `name`: the name of the member's last accepted message; "" before the first one. An accepted
// message replaces it. `may_introduce`: {"name":"Ada"} alone is accepted, and sends nothing.
[[nodiscard]] ChatStep chat_step(std::string& name, const ws::Message& message,
                                 bool may_introduce = false);

[[nodiscard]] bool chat_is_blank(std::string_view text) noexcept;

// Returns why `name` is not allowed; null for an allowed name.
[[nodiscard]] const char* chat_fault_of_name(std::string_view name) noexcept;

[[nodiscard]] std::string chat_farewell(std::string_view name);

}  // namespace starling::app
