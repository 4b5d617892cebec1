// socketio/packed_head.h: the head of a request in fewer bytes, as it is kept for each client: one
// byte stands for each piece of text that most clients send, such as "\nhost: ".
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::socketio {

// unpack_head(pack_head(text)) is `text`, whatever it holds.
[[nodiscard]] std::string pack_head(std::string_view text);
[[nodiscard]] std::string unpack_head(std::string_view packed);

}  // namespace starling::socketio
