// server/socketio/pace.h: how many packets a slow client gets. The page of the Admin UI draws its
// whole list again for each event, and a WebSocket takes far more than the page can draw. So a ping
// follows each batch of packets. The client answers the ping when it has taken the batch; the next
// batch is as large as the client proved to take in `batch_ms`. Until the answer, one more batch may
// follow. After an answer that took long, the client gets a rest: time for its user.
//
// Pure: time is an argument. Owner: the session's handler. Thread: the owner's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace starling::server {

class Pace {
public:
    // Small: a client that has become slow has at most two batches before it.
    static constexpr size_t batch_max = 8;
    static constexpr uint64_t batch_ms = 200, prompt_ms = 50;
    static constexpr uint64_t rests = 2, rest_ms_max = 5000;  // A rest is `rests` times the batch.

    // False: a packet that may be left out is not sent.
    [[nodiscard]] bool may_send(uint64_t now_ms) const noexcept {
        return now_ms >= rest_until_ms_ && (!asked_ || sent_ < batch_);
    }
    // Packets that fit into the batch.
    [[nodiscard]] size_t left() const noexcept { return batch_ - std::min(batch_, sent_); }

    // A packet was sent. True: send a ping behind it.
    [[nodiscard]] bool sent(uint64_t now_ms) noexcept {
        ++sent_;
        return asks(now_ms);
    }

    // The client has answered a ping. True: send the next one.
    [[nodiscard]] bool answered(uint64_t now_ms) noexcept {
        if (!asked_) return false;  // It was a ping of the heartbeat.
        asked_ = false;
        const uint64_t took_ms = now_ms - asked_ms_;
        const size_t fitting = batch_ * batch_ms / std::max<uint64_t>(took_ms, 1);
        batch_ = std::clamp<size_t>(fitting, 1, std::min(batch_ * 2, batch_max));
        if (took_ms > prompt_ms) rest_until_ms_ = now_ms + std::min(took_ms * rests, rest_ms_max);
        return asks(now_ms);
    }

private:
    [[nodiscard]] bool asks(uint64_t now_ms) noexcept {
        if (asked_ || sent_ < batch_) return false;
        asked_ = true;
        asked_ms_ = now_ms;
        sent_ = 0;
        return true;
    }

    size_t batch_ = batch_max;
    size_t sent_ = 0;  // Since the ping sent last.
    uint64_t asked_ms_ = 0, rest_until_ms_ = 0;
    bool asked_ = false;  // A ping waits for its answer.
};

}  // namespace starling::server
