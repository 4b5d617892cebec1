// app/streams.h: the standard streams of a run of the program. Owner: main, or a test. Thread:
// main's; the greeting of the server is written by a worker.
#pragma once

#include <iosfwd>
#include <string_view>

namespace starling::app {

struct Streams {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
};

// Writes `text` to `out`. Returns the exit code: 0, or 1 after a line on `err` where `out` cannot be
// written, as on a full disk.
[[nodiscard]] int print(std::string_view text, const Streams& streams);

}  // namespace starling::app
