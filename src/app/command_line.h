// app/command_line.h: parses the command line by app/command_table.h into options and their values.
// Config::set() in app/config/config.h checks the values of configuration keys, as it checks those
// of every other source.
//
// Owner: main, as a value. Thread: main's.
#pragma once

#include "app/command_table.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::app {

struct Flag {
    std::string flag, key;  // "--workers", "workers"
    std::vector<std::string> values;
};

struct CommandLine {
    using Action = app::Action;
    Action action = Action::print;
    std::string text;              // print: help, the version, or the error.
    int exit_code = 0;             // print: 2 for an error.
    std::vector<std::string> all;  // As typed.
    bool has_config = false;
    std::string config;       // Name of the configuration file.
    std::vector<Flag> flags;  // Options of configuration keys, in the order of the table.
    // The other options but --config, and the arguments under their names: {"CHANNEL", "", {"news"}}.
    // An argument or a required option that is absent is an error of the parser.
    std::vector<Flag> options;
    // The options that may be repeated, as pairs of name and value in the order in which they were typed.
    std::vector<std::pair<std::string, std::string>> in_order;

    // Null if the option or argument was not given.
    [[nodiscard]] const std::vector<std::string>* find(std::string_view name) const noexcept;
    // Its value, the first one of several; "" if it was not given.
    [[nodiscard]] std::string value(std::string_view name) const;
};

// `args`: the arguments without the program's name.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& args);

}  // namespace starling::app
