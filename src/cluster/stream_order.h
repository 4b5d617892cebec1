// cluster/stream_order.h: the order between the entries of a stream and questions that go another way. A
// question says which entry its node had stored before, and is answered when that entry has been read.
//
//     const uint64_t number = order.sent();                 // an entry goes to the stream
//     order.answered(number, id);                           // Redis has answered
//     order.when_stored(now_ms, question, [](StreamId) {}); // ask, with the id
//
//     order.read(id);                                       // each entry, by the node that is asked
//     order.when_read(id, now_ms, bytes, [] {});            // answer
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
#include <set>

#include "socketio/stream_place.h"

namespace starling::cluster {

class StreamOrder {
public:
    using StreamId = socketio::StreamId;

    struct Limits {
        uint64_t wait_ms_max = 500;
        size_t waiting_max =
            10'000;  // Calls that wait for answers, and those that wait for entries.
        size_t bytes_max = 16u << 20;  // Of all of them.
    };

    StreamOrder() noexcept : StreamOrder(Limits()) {}
    explicit StreamOrder(const Limits& limits) noexcept : limits_(limits) {}

    // The number of the entry, for answered().
    [[nodiscard]] uint64_t sent() noexcept { return ++sent_; }
    // Once for each entry, in any order. Nothing: the entry may not be in the stream.
    void answered(uint64_t number, std::optional<StreamId> id);
    struct Question {
        size_t bytes = 0;     // What the call holds.
        uint64_t unsent = 0;  // Entries before it that are not sent yet.
    };
    // Calls with the newest id when all entries before the question have their answers; at once if
    // they have, or if a limit is reached.
    void when_stored(uint64_t now_ms, const Question& question, std::function<void(StreamId)> call);

    void read(StreamId id);
    // Calls when the entry has been read; at once if it has, or if a limit is reached. `bytes`: what
    // the call holds.
    void when_read(StreamId id, uint64_t now_ms, size_t bytes, std::function<void()> call);

    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept;
    void on_time(uint64_t now_ms);
    // Forgets what waits.
    void clear() noexcept;

private:
    struct Storing {
        uint64_t number, until_ms;  // The newest entry before it.
        size_t bytes;
        std::function<void(StreamId)> call;
    };
    struct Reading {
        StreamId id;
        uint64_t until_ms;
        size_t bytes;
        std::function<void()> call;
    };
    void end_storing();
    template <class F>
    void end_reading(F&& is_over);

    const Limits limits_;
    size_t bytes_ = 0;
    uint64_t sent_ = 0;
    uint64_t answered_ = 0;     // All entries up to this number have their answers,
    std::set<uint64_t> early_;  // and these.
    StreamId stored_, read_;
    std::deque<Storing> storing_;  // Both in the order of their times.
    std::deque<Reading> reading_;
};

}  // namespace starling::cluster
