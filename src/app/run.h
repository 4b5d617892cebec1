// app/run.h: the program as a function.
//
// Thread: main's. Returns the exit code: 0, or 2 after one line on `err` that says what is wrong.
#pragma once

#include "app/config/config.h"

#include <iosfwd>
#include <string>
#include <vector>

namespace starling::app {

// `args`: the arguments without the program's name. `executable_path`: where the search for the
// demo's pages begins.
[[nodiscard]] int run(const std::vector<std::string>& args, const Environment& environment,
                      const std::string& executable_path, std::ostream& out, std::ostream& err);

}  // namespace starling::app
