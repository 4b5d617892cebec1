// server/overload_log.h: a warning that may be due very often: a line every few seconds at most, with
// a count and the newest case.
//
// Owner: the worker, which keeps the time of the last line. Thread: the worker's.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "server/worker.h"

namespace starling::server {

constexpr uint64_t overload_log_ms = 10'000;  // The least time between two such lines.

// `logged_ms`: of the last such line; 0: there was none. `latest`: fields about the newest case.
inline void log_overload_of(Worker& worker, uint64_t& logged_ms, std::string_view message,
                            uint64_t so_far, std::initializer_list<log::Field> latest) {
    const uint64_t now_ms = worker.loop().now_ms();
    if (logged_ms != 0 && now_ms - logged_ms < overload_log_ms) return;
    logged_ms = now_ms;
    std::vector<log::Field> fields(latest);
    fields.push_back({"so_far", static_cast<int64_t>(so_far)});
    worker.log(log::Level::warn, message, fields);
}

}  // namespace starling::server
