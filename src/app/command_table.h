// app/command_table.h: the commands of the program with their options and arguments. The parser of
// the command line with its --help, the completions of the shells and the manual page are all made
// from this table.
//
// Pure functions over constants, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

enum class Action : uint8_t {
    serve,
    gateway,
    check_config,
    token,
    publish,
    admin,
    drain,
    bench,
    connect,
    cluster_demo,
    completions,
    manual,
    config_schema,
    print,  // No command of the table: the parser has a text to print.
};

// What an option or an argument takes as its value. Completions depend on it.
enum class Takes : uint8_t {
    nothing,  // A switch.
    text,
    file,
    folder,
    word,  // One of OptionRow::words.
};

struct OptionRow {
    std::string_view name;              // "--workers"
    std::string_view key = {};          // Configuration key; "": the command itself reads it.
    std::string_view placeholder = {};  // "N"; "" for a switch.
    Takes takes = Takes::text;
    std::string_view words = {};  // Takes::word: "debug info warn".
    // The value of the option that is written without one; "": a value must follow.
    std::string_view implied = {};
    bool repeated = false;
    bool required = false;
    std::string_view help;
};

struct ArgumentRow {
    std::string_view name;       // "CHANNEL"
    std::string_view also = {};  // An option that names the same value, "--config".
    Takes takes = Takes::text;
    std::string_view words = {};
    bool required = true;
    std::string_view help;
};

struct ExitRow {
    int code;
    std::string_view meaning;
};

struct VariableRow {
    std::string_view name, help;
};

struct CommandRow {
    Action action;
    std::string_view name;
    std::string_view summary;  // One line without a full stop.
    std::string_view details;  // Sentences for the manual page.
    std::span<const OptionRow> options;
    std::span<const ArgumentRow> arguments;
    std::span<const ExitRow> exits;
    std::span<const std::string_view> examples;  // Each a command line.
    // The environment variables that its users need first, also those of configuration keys.
    std::span<const VariableRow> variables = {};
};

[[nodiscard]] std::span<const CommandRow> commands() noexcept;
// The environment variables that a command reads, without those of configuration keys.
[[nodiscard]] std::span<const VariableRow> command_variables() noexcept;

// "debug info warn" as a list.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view words);
// "debug, info or warn".
[[nodiscard]] std::string alternatives(std::string_view words);
// "publish [OPTIONS] CHANNEL EVENT [DATA]".
[[nodiscard]] std::string synopsis(const CommandRow& command);

}  // namespace starling::app
