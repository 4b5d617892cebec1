// cluster/classic_codec.h: the messages of @socket.io/redis-adapter 8.3 and of
// @socket.io/redis-emitter 5.1, which is also how the nodes with socket.io-redis 5 and 6 speak.
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/message.h"

namespace starling::cluster {

using Decoded = base::Result<Message, Refusal>;

// A message on the channel of all rooms or of one room: MessagePack [uid, packet, opts].
[[nodiscard]] Decoded read_classic_emit(std::string_view body, const Limits& limits, Arena& arena);
// A message on the request channel of `nsp`: JSON or MessagePack, types 0 to 7.
[[nodiscard]] Decoded read_classic_request(std::string_view body, std::string_view nsp,
                                           const Limits& limits, Arena& arena);
// A message on a response channel of `nsp`. Answers to types 0 to 5 bear no type: their members tell
// their kind.
[[nodiscard]] Decoded read_classic_response(std::string_view body, std::string_view nsp,
                                            const Limits& limits, Arena& arena);
// The requestId of such a message, if it is the first member, as in the answers that name sockets;
// "" if that cannot be seen without decoding. A view into `body`.
[[nodiscard]] std::string_view leading_request_id(std::string_view body) noexcept;

// Replaces `out`. False: `message` holds a value that is too deep. `message` is not a hello, a
// heartbeat or a bye: this adapter has none.
[[nodiscard]] bool write_classic(const Message& message, std::string& out);

}  // namespace starling::cluster
