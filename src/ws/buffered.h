// ws/buffered.h: what WebSocket.bufferedAmount counts: bytes of messages, without frame headers, that have
// not gone to the kernel (WHATWG WebSockets section 4). Text counts as UTF-8. Pure, any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace starling::ws {

// `messages`: the messages that were queued since the queue was empty, each with its wire_bytes (its
// frame) and its payload_bytes. `queued_bytes`: what is left in the queue, other frames included. Counts
// from the newest message back, until the bytes in the queue are used up.
template <class Message>
[[nodiscard]] uint64_t buffered_bytes(std::span<const Message> messages,
                                      size_t queued_bytes) noexcept {
    uint64_t sum = 0;
    for (size_t i = messages.size(); i-- > 0 && queued_bytes > 0;) {
        const Message& message = messages[i];
        const size_t left = std::min<size_t>(queued_bytes, message.wire_bytes);
        // The header leaves first; a compressed message counts as a whole.
        const bool partly = left < message.payload_bytes && left < message.wire_bytes &&
                            message.wire_bytes >= message.payload_bytes;
        sum += partly ? left : message.payload_bytes;
        queued_bytes -= left;
    }
    return sum;
}

}  // namespace starling::ws
