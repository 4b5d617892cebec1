// app/bench/options.h: the command line of `starling bench` as a load::Plan.
//
// Pure functions, any thread.
#pragma once

#include "app/command_line.h"
#include "base/result.h"
#include "load/plan.h"

namespace starling::app {

// The error names the option.
[[nodiscard]] base::Result<load::Plan> plan_of(const CommandLine& line);

}  // namespace starling::app
