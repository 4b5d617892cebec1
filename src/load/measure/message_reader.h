// load/measure/message_reader.h: what a server sends on a WebSocket: whole messages, pings, the close
// frame, faults. The reader is the ws::Receiver of the client's role, which inflates as well; here is
// what it leaves: the beginning of a header or of a control frame.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ws/receiver.h"

namespace starling::load {

// Of a message, inflated. Memory grows with the bytes that arrive, never with a length alone.
inline constexpr size_t message_bytes_max = 64 * 1024 * 1024;

class MessageReader {
public:
    // A new connection. The limits and the inflater outlive the reader; null: no compression.
    void begin(const ws::ReceiverLimits& limits, ws::Inflater* inflater) {
        receiver_ = ws::Receiver(ws::Role::client, limits, inflater);
        rest_.clear();
    }

    // Calls `take(event)` for each event but need_more; it returns false to stop for good, as it must
    // after a violation, and may begin() the next connection before.
    template <class Take>
    void read(std::span<std::byte> bytes, Take&& take) {
        const bool resumed = !rest_.empty();
        if (resumed) {
            rest_.insert(rest_.end(), bytes.begin(), bytes.end());
            bytes = rest_;
        }
        for (;;) {
            const ws::Event event = receiver_.next(bytes);
            if (event.kind == ws::Event::Kind::need_more) break;
            if (!take(event)) return;
        }
        if (resumed)
            rest_.erase(rest_.begin(), rest_.end() - static_cast<std::ptrdiff_t>(bytes.size()));
        else
            rest_.assign(bytes.begin(), bytes.end());
    }
    [[nodiscard]] size_t memory_bytes() const noexcept {
        return receiver_.memory_bytes() + rest_.capacity();
    }

private:
    static constexpr ws::ReceiverLimits no_limits{};

    ws::Receiver receiver_{ws::Role::client, no_limits};
    std::vector<std::byte> rest_;
};

}  // namespace starling::load
