// ws/buffered.h: WebSocket.bufferedAmount: bytes of messages, without frame headers, that have not
// gone to the kernel (WHATWG WebSockets section 4). Text counts as UTF-8. Pure.
//
// Owner: the WebSocket. Thread: its loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling::ws {

class Buffered {
public:
    // A message was queued behind `queued_bytes`: `wire_bytes` of frames for `payload_bytes` of message.
    void queued(size_t queued_bytes, size_t wire_bytes, size_t payload_bytes) {
        if (queued_bytes == 0) forget();
        messages_.push_back({wire_bytes, payload_bytes});
    }
    // A message that is not sent, because the connection is closing or closed: its bytes count for ever.
    void refused(size_t payload_bytes) noexcept { refused_bytes_ += payload_bytes; }
    // The connection has ended with `queued_bytes` in its queue: they count for ever.
    void ended(size_t queued_bytes) noexcept {
        refused_bytes_ += waiting(queued_bytes);
        forget();
    }

    // `queued_bytes`: what the stream still has, other frames included.
    [[nodiscard]] uint64_t amount(size_t queued_bytes) const noexcept {
        return refused_bytes_ + waiting(queued_bytes);
    }

private:
    struct Message {
        size_t wire_bytes, payload_bytes;
    };

    void forget() noexcept {
        messages_.clear();
        if (messages_.capacity() > kept_max) messages_.shrink_to_fit();
    }

    // From the newest message back, until the bytes in the queue are used up.
    [[nodiscard]] uint64_t waiting(size_t queued_bytes) const noexcept {
        uint64_t sum = 0;
        for (size_t i = messages_.size(); i-- > 0 && queued_bytes > 0;) {
            const Message& message = messages_[i];
            const size_t left =
                queued_bytes < message.wire_bytes ? queued_bytes : message.wire_bytes;
            // The header leaves first; a compressed message counts as a whole.
            const bool partly = left < message.wire_bytes;
            sum += partly && left < message.payload_bytes &&
                           message.wire_bytes >= message.payload_bytes
                       ? left
                       : message.payload_bytes;
            queued_bytes -= left;
        }
        return sum;
    }

    static constexpr size_t kept_max = 8;
    std::vector<Message> messages_;  // Since the queue was last seen empty.
    uint64_t refused_bytes_ = 0;
};

}  // namespace starling::ws
