// server/nodes/outage_report.h: says in the log what an outage of Redis has cost: one line when the
// outage is over, and one line with the sums since the start when the process stops.
//
// The line of an outage comes settle_ms after its end, because the receivers of gaps hear of these
// only then. Outages that follow each other sooner are one outage.
//
// Owner: the part that has the connection. Thread: its worker's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "net/loop.h"
#include "server/worker.h"

namespace starling::server {

// Counters since the start.
struct ClusterLosses {
    uint64_t dropped = 0;  // Of this node's messages: the queue was full.
    uint64_t gaps = 0;     // Times that messages of others were lost for this node,
    uint64_t lost = 0;     // and how many messages, as far as that is known.
};

class OutageReport {
public:
    static constexpr uint64_t settle_ms = 1000;

    // `mode`: for people. `count` is called while the worker's loop runs.
    OutageReport(Worker& worker, std::string mode, std::function<ClusterLosses()> count)
        : worker_(worker), mode_(std::move(mode)), count_(std::move(count)) {}

    void down();
    void up();
    // The process stops. `unsent`: messages that still wait for Redis or for their receivers; these
    // may be lost. Says nothing if nothing was lost and nothing waits.
    void end(uint64_t unsent) noexcept;

private:
    void tell();

    Worker& worker_;
    const std::string mode_;
    const std::function<ClusterLosses()> count_;
    std::optional<uint64_t> since_ms_;  // The outage began then. None: there is none.
    uint64_t until_ms_ = 0;
    ClusterLosses before_;
    net::TimerId timer_ = 0;
};

}  // namespace starling::server
