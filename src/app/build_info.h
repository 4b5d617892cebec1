// app/build_info.h: what this program is made of, for people who report a fault. Thread: any.
#pragma once

#include <string>

namespace starling::app {

// "starling 0.1.0 (commit 0123456789)", and a line with the libraries that the program runs with. The
// commit is left out where the source was no git repository.
[[nodiscard]] std::string build_info();

}  // namespace starling::app
