// bench/load_plan.h: the options of a mode as a plan of src/load. The modes echo, raw and handshake are
// scenarios of src/load with options that `starling bench` does not have.
#pragma once

#include <cstdio>

#include "load/load_test.h"
#include "options.h"

namespace starling::bench {

inline std::string user_name(uint32_t index) { return "user-" + std::to_string(index); }

// Lines of a request that name the user of a connection.
inline std::string user_headers(uint32_t index) {
    char token[37];  // As long as a UUID.
    std::snprintf(token, sizeof token, "00000000-0000-4000-8000-%012u", index);
    return "X-Bfl-User: " + user_name(index) + "\r\nCookie: auth_token=" + token + "\r\n";
}

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
