// app/command_line.h: what was typed. Values are not looked at here: app/config/config.h checks them like
// every other source.
//
// Owner: main, as a value. Thread: main's.
#pragma once

#include <string>
#include <vector>

namespace starling::app {

struct Flag {
    std::string flag, key;  // "--workers", "workers"
    std::vector<std::string> values;
};

struct CommandLine {
    enum class Action { serve, check_config, print };
    Action action = Action::print;
    std::string text;   // print: help, the version, or what is wrong.
    int exit_code = 0;  // print: 2 where something is wrong.
    bool has_config = false;
    std::string config;  // The file's name.
    std::vector<Flag> flags;
};

// `args` without the program's name.
[[nodiscard]] CommandLine parse_command_line(std::vector<std::string> args);

}  // namespace starling::app
