// app/run.h: the program, without a process around it.
//
// Thread: main's. Returns the exit code: 0, or 2 with one line on `err` that says what is wrong;
// then nothing was started.
#pragma once

#include "app/config/config.h"

#include <iosfwd>
#include <string>
#include <vector>

namespace starling::app {

// `args` without the program's name. `executable_path`: where the demo's pages are looked for.
[[nodiscard]] int run(const std::vector<std::string>& args, const Environment& environment,
                      const std::string& executable_path, std::ostream& out, std::ostream& err);

}  // namespace starling::app
