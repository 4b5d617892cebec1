// app/demo/chat.h: the words of the chat, without a socket: what a message makes of a member.
//
//     in    {"name":"Ada","msg":"hi"}          one text message each
//     out   Ada:hi                             to everyone, the sender included
//           Ada下线了!                          to everyone else, when a member that has spoken leaves
//           {"error":"..."}                    to the sender alone
//
// Pure. Owner and thread: of a member's name, the socket's.
#pragma once

#include <starling/websocket.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace starling::app {

inline constexpr size_t chat_name_bytes_max = 64;
inline constexpr size_t chat_json_depth_max = 8;

struct ChatStep {
    std::string to_everyone;  // "" for nothing.
    std::string to_sender;
};

// `name`: the one the member last spoke under, "" before that; replaced where the message is
// accepted.
[[nodiscard]] ChatStep chat_step(std::string& name, const ws::Message& message);

[[nodiscard]] bool chat_is_blank(std::string_view text) noexcept;

// Why nobody may bear this name, null for one that may be borne.
[[nodiscard]] const char* chat_fault_of_name(std::string_view name) noexcept;

[[nodiscard]] std::string chat_farewell(std::string_view name);

}  // namespace starling::app
