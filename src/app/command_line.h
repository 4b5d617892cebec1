// app/command_line.h: parses the command line into flags and their values. Config::set() in
// app/config/config.h checks the values, as it checks those of every other source.
//
// Owner: main, as a value. Thread: main's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace starling::app {

struct Flag {
    std::string flag, key;  // "--workers", "workers"
    std::vector<std::string> values;
};

struct CommandLine {
    enum class Action : uint8_t { serve, gateway, check_config, print };
    Action action = Action::print;
    std::string text;   // print: help, the version, or the error.
    int exit_code = 0;  // print: 2 for an error.
    bool has_config = false;
    std::string config;  // Name of the configuration file.
    std::vector<Flag> flags;
};

// `args`: the arguments without the program's name.
[[nodiscard]] CommandLine parse_command_line(std::vector<std::string> args);

}  // namespace starling::app
