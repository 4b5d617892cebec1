// bench/load_plan.h: the modes echo, raw and handshake: scenarios of src/load with options that are not
// those of `starling bench`.
#pragma once

#include <cstdio>

#include "load/load_test.h"
#include "options.h"
#include "sockets.h"

namespace starling::bench {

inline load::Plan plan_of(const Options& options) {
    load::Plan plan;
    plan.scenario = options.mode == "handshake" ? load::Scenario::connect : load::Scenario::echo;
    plan.url = "ws://127.0.0.1:" + std::to_string(options.port) + options.path;
    plan.connections = options.connections;
    plan.depth = options.in_flight;
    plan.payload_bytes = options.payload_bytes;
    if (options.json) {
        plan.before = json_begin;
        plan.after = json_end;
        plan.payload_bytes = options.payload_bytes - json_begin.size() - json_end.size();
    }
    plan.binary = options.binary;
    plan.seconds = options.seconds;
    plan.warmup_seconds = options.warmup_seconds;
    plan.server_pids = options.server_pids;
    plan.raw = options.mode == "raw";
    plan.naps = options.naps;
    plan.refill_each = options.refill_each;
    plan.reset = options.reset;
    if (!options.subprotocol.empty()) plan.protocols = {options.subprotocol};
    if (options.named) plan.connection_headers = user_headers;
    for (uint32_t i = 1; i <= options.sources; ++i)
        plan.sources.push_back("127.0.0." + std::to_string(i));
    return plan;
}

// Prints the report of `starling bench --json`.
inline void run_plan(const Options& options) {
    load::LoadTest test(plan_of(options));
    if (const auto error = test.start()) fail(error->fault.text);
    while (!test.wait(60'000)) continue;
    const load::Report report = test.finish();
    if (report.errors.total() > 0) fail(load::text_of(report));
    std::printf("%s\n", load::json_of(report).c_str());
}

}  // namespace starling::bench
