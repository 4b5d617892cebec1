// cluster/stream_order.h: the order between the entries of a stream and questions that go another way. A
// question says which entry its node had stored before, and is answered when that entry has been read.
//
//     order.sent();                                  // an entry goes to the stream; then, in that order,
//     order.answered(id);                            // Redis has answered
//     order.when_stored(now_ms, [](StreamId id) {}); // ask, with the id
//
//     order.read(id);                                // each entry, by the node that is asked
//     order.when_read(id, now_ms, [] {});            // answer
//     if (const auto due = order.due_ms()) ... order.on_time(now_ms);
//
// No call waits for longer than wait_ms_max: a question is answered late and perhaps too early in the
// order, rather than not at all.
//
// Owner: the code that has the stream. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "socketio/stream_place.h"

namespace starling::cluster {

class StreamOrder {
public:
    using StreamId = socketio::StreamId;

    explicit StreamOrder(uint64_t wait_ms_max = 500, size_t waiting_max = 10'000) noexcept
        : wait_ms_max_(wait_ms_max), waiting_max_(waiting_max) {}

    void sent() noexcept { ++sent_; }
    // Nothing: the entry may not be in the stream.
    void answered(std::optional<StreamId> id);
    // Calls with the newest id when all entries that were sent before have their answers; at once if
    // they have, or if waiting_max calls wait.
    void when_stored(uint64_t now_ms, std::function<void(StreamId)> call);

    void read(StreamId id);
    // Calls when the entry has been read; at once if it has, or if waiting_max calls wait.
    void when_read(StreamId id, uint64_t now_ms, std::function<void()> call);

    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept;
    void on_time(uint64_t now_ms);
    // Forgets what waits.
    void clear() noexcept;

private:
    struct Storing {
        uint64_t sent, until_ms;
        std::function<void(StreamId)> call;
    };
    struct Reading {
        StreamId id;
        uint64_t until_ms;
        std::function<void()> call;
    };
    void end_storing();
    template <class F>
    void end_reading(F&& is_over);

    const uint64_t wait_ms_max_;
    const size_t waiting_max_;
    uint64_t sent_ = 0, answered_ = 0;
    StreamId stored_, read_;
    std::deque<Storing> storing_;  // Both in the order of their times.
    std::deque<Reading> reading_;
};

}  // namespace starling::cluster
