// The completions for fish.
#include "app/command_table.h"
#include "app/help/completions.h"

namespace starling::app {
namespace {

// Inside single quotes, fish reads \' and \\ alone.
std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string entry(std::string_view condition) {
    return "complete -c starling -n " + quoted(condition);
}

// Flags of `complete` for a value: -r: a value follows; -F: files; -x: a value, and no files.
std::string value_flags(Takes takes, std::string_view words) {
    switch (takes) {
        case Takes::file: return " -r -F";
        case Takes::folder: return " -x -a '(__fish_complete_directories)'";
        case Takes::word: return " -x -a " + quoted(words);
        case Takes::text: return " -x";
        case Takes::nothing: break;
    }
    return {};
}

std::string option_line(const std::string& condition, const OptionRow& option) {
    std::string flags = value_flags(option.takes, option.words);
    // A value that may be absent stands behind "=" alone.
    if (!option.implied.empty()) flags = " -f -a " + quoted(option.words);
    return entry(condition) + " -l " + std::string(option.name.substr(2)) + flags + " -d " +
           quoted(option.help) + "\n";
}

}  // namespace

std::string fish_completions() {
    std::string script =
        "# Completions of starling for fish, made by `starling completions fish`.\n"
        "function __starling_command\n"
        "    set -l words (commandline -opc)\n"
        "    test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
        "end\n"
        "function __starling_no_command\n"
        "    test (count (commandline -opc)) -eq 1\n"
        "end\n"
        "complete -c starling -f\n"
        "complete -c starling -l help -d 'Print the help and exit'\n" +
        entry("__starling_no_command") + " -l version -d 'Print the version and exit'\n";
    for (const CommandRow& command : commands()) {
        script += entry("__starling_no_command") + " -a " + std::string(command.name) + " -d " +
                  quoted(command.summary) + "\n";
        const std::string condition = "__starling_command " + std::string(command.name);
        for (const OptionRow& option : command.options) script += option_line(condition, option);
        for (const ArgumentRow& argument : command.arguments) {
            if (argument.takes == Takes::file) script += entry(condition) + " -F\n";
            if (argument.takes == Takes::word)
                script += entry(condition) + " -a " + quoted(argument.words) + "\n";
        }
    }
    return script;
}

}  // namespace starling::app
