// app/run.h: the program as a function.
//
// Thread: main's. Returns the exit code that app/command_table.cpp lists for the command; other codes
// than 0 come after one line on the error stream that says what is wrong.
#pragma once

#include "app/config/config.h"
#include "app/streams.h"

#include <string>
#include <vector>

namespace starling::app {

// `args`: the arguments without the program's name. `executable_path`: where the search for the
// demo's pages begins.
[[nodiscard]] int run(const std::vector<std::string>& args, const Environment& environment,
                      const std::string& executable_path, const Streams& streams);

}  // namespace starling::app
