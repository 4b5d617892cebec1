// app/cluster_demo/child.h: a process that the cluster demo starts, and its output.
//
// The child ends with the thread that started it (PR_SET_PDEATHSIG), however that thread ends. It has a
// process group of its own, so that Ctrl-C on the terminal reaches the demo alone.
//
// Owner: the supervisor. Thread: main's.
#pragma once

#include "base/descriptor.h"
#include "base/result.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace starling::app::cluster_demo {

struct Command {
    std::vector<std::string> words;             // The first one is the path of the program.
    std::vector<std::string> environment = {};  // "NAME=value"
};

struct Child {
    pid_t pid = 0;
    base::Descriptor output;  // What it writes to standard output and error; does not block.
};

// Standard input is empty. The failure says in words why the program cannot be started.
[[nodiscard]] base::Result<Child> start_child(const Command& command);

// "exit code 2", "signal 9 (Killed)"; nullopt: it has not ended. Waits for no process.
[[nodiscard]] std::optional<std::string> ended(pid_t pid);

}  // namespace starling::app::cluster_demo
