// The completions for zsh: a file _starling in a folder of $fpath, or text for `source`.
#include "app/command_table.h"
#include "app/help/completions.h"

namespace starling::app {
namespace {

// Text inside single quotes, where _arguments gives brackets and colons a meaning.
std::string quoted(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else if (c == '[' || c == ']' || c == ':' || c == '\\')
            (out += '\\') += c;
        else
            out += c;
    }
    return out;
}

std::string action(Takes takes, std::string_view words) {
    switch (takes) {
        case Takes::file: return "_files";
        case Takes::folder: return "_files -/";
        case Takes::word: return "(" + std::string(words) + ")";
        case Takes::text:
        case Takes::nothing: break;
    }
    // A value that only the user knows: an empty list. A blank would also mean that, but then
    // _arguments offers no option in the place of an argument.
    return "()";
}

std::string option_spec(const OptionRow& option) {
    std::string spec = " \\\n                '";
    if (option.repeated) spec += '*';
    spec += option.name;
    // "=-": the value stands behind "=" alone. "=": there, or in the next word.
    if (option.takes != Takes::nothing) spec += option.implied.empty() ? "=" : "=-";
    spec += "[" + quoted(option.help) + "]";
    if (option.takes != Takes::nothing)
        spec += (option.implied.empty() ? ":" : "::") +
                quoted(option.placeholder.empty() ? "value" : option.placeholder) + ":" +
                action(option.takes, option.words);
    return spec + "'";
}

}  // namespace

std::string zsh_completions() {
    std::string names, cases;
    for (const CommandRow& command : commands()) {
        names += "        '" + std::string(command.name) + ":" + quoted(command.summary) + "'\n";
        cases += "        " + std::string(command.name) +
                 ")\n            _arguments '(- *)--help[Print this help and exit]'";
        for (const OptionRow& option : command.options) cases += option_spec(option);
        for (const ArgumentRow& argument : command.arguments)
            cases += std::string(" \\\n                '") + (argument.required ? ":" : "::") +
                     quoted(argument.name) + ":" + action(argument.takes, argument.words) + "'";
        cases += " ;;\n";
    }
    return R"(#compdef starling
# Completions of starling for zsh, made by `starling completions zsh`.
_starling_commands() {
    local -a list=(
)" + names +
           R"(    )
    _describe command list
}
_starling() {
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C '(- *)--help[Print the help and exit]' \
        '(- *)--version[Print the version and exit]' \
        '1:command:_starling_commands' '*::argument:->arguments'
    [[ $state == arguments ]] || return
    case $words[1] in
)" + cases +
           R"(    esac
}
if [[ ${funcstack[1]} == _starling ]]; then
    _starling "$@"
else
    compdef _starling starling
fi
)";
}

}  // namespace starling::app
