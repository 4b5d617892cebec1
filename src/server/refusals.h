// server/refusals.h: messages of other nodes that are refused because they are malformed: counted,
// with a line in the log once a second at most.
//
// Owner: the part of the server that gets the messages. Thread: one worker's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "server/worker.h"

namespace starling::server {

class Refusals {
public:
    // `what` is a line: "cluster: a publication to a topic is malformed".
    void add(Worker& worker, std::string_view what) {
        worker.counters().protocol_errors.add();
        ++count_;
        const uint64_t now_ms = worker.loop().now_ms();
        if (logged_ms_ != 0 && now_ms - logged_ms_ < pause_ms) return;
        logged_ms_ = now_ms;
        const std::array<log::Field, 1> fields{
            {{"count", static_cast<int64_t>(std::exchange(count_, 0))}}};
        worker.log(log::Level::warn, what, fields);
    }

private:
    static constexpr uint64_t pause_ms = 1000;
    uint64_t logged_ms_ = 0;  // 0: not yet.
    uint64_t count_ = 0;      // Since the last line.
};

}  // namespace starling::server
