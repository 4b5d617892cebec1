// app/bench/bench.h: `starling bench`: a load test of a server, with a line of progress on a terminal,
// and its result as a table or as JSON. src/load does the work.
//
// Thread: main's; the load test has threads of its own.
#pragma once

#include "app/command_line.h"
#include "app/streams.h"
#include "load/load_test.h"

#include <string>

namespace starling::app {

// Two looks at a test, `seconds` apart, as one line without control characters:
// "measuring: 50 connections, 218,034/s, 0 errors". It is shorter, or cut, to fit a terminal of so
// many columns, because a line that wraps cannot be written over; 0: the width is not known.
[[nodiscard]] std::string progress_line(const load::LoadTest::Seen& before,
                                        const load::LoadTest::Seen& now, double seconds,
                                        size_t columns = 0);

// Returns the exit code, see bench_exits in app/bench/table.h. SIGINT and SIGTERM end the test, and
// its result is printed.
[[nodiscard]] int run_bench(const CommandLine& line, const Streams& streams);

}  // namespace starling::app
