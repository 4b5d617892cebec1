// load/measure/report.h: the result of a load test, as a table for people and as JSON.
//
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "load/measure/faults.h"
#include "load/measure/histogram.h"

namespace starling::load {

struct Report {
    std::string scenario, url;
    std::string unit =
        "messages";  // What `count` counts: messages, deliveries, connections, events, requests.
    std::string model = {};  // "16 in flight", "10,000 messages/s": how the load was offered.
    uint32_t wanted = 0, opened = 0;  // Connections, without those of the scenario connect.
    bool holds = false;               // `count` are the connections that are open at the end.
    // Of the opened ones those with permessage-deflate, if it was offered.
    std::optional<uint32_t> compressed = {};
    double opening_seconds = 0;  // From the first connect() until the last one was open.
    double seconds = 0;          // Measured.
    uint64_t count = 0;          // Of `unit`, in these seconds.
    // Of the whole run, where it is known: what should have come and never came.
    std::optional<uint64_t> missing = {};
    uint64_t other_messages = 0;   // fanout, events: without a time, so not counted.
    double wanted_per_second = 0;  // The rate that was asked for, of `unit`; 0: none.
    Histogram latency;
    Tally errors;
    double client_cpu_seconds = 0;
    std::optional<double> server_cpu_seconds = {};
    // What the server's memory grew by while the connections opened, for each of them.
    std::optional<double> server_bytes_each = {};
    bool interrupted = false;
};

// Lines, each with a line feed.
[[nodiscard]] std::string text_of(const Report& report);
// One object on one line, without a line feed. Latencies are in microseconds.
[[nodiscard]] std::string json_of(const Report& report);

// "1,234,567".
[[nodiscard]] std::string grouped(uint64_t number);
// "218 µs", "4.03 ms", "1.77 s".
[[nodiscard]] std::string duration(uint64_t nanoseconds);

}  // namespace starling::load
