// The completions for bash. Needs bash alone, not the package bash-completion.
#include "app/command_table.h"
#include "app/help/completions.h"

namespace starling::app {
namespace {

// The script before the cases. "=" is a word of its own in bash, so that --a=b is three words.
constexpr std::string_view head =
    R"(# Completions of starling for bash, made by `starling completions bash`.
_starling_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }
_starling_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$word")
}
_starling() {
    local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    local attached=
    COMPREPLY=()
    if [[ $word == "=" ]]; then
        word= attached=1
    elif [[ $option == "=" ]]; then
        option=${COMP_WORDS[COMP_CWORD-2]} attached=1
    fi
    if ((COMP_CWORD == 1)); then
)";

constexpr std::string_view tail = R"(}
complete -F _starling starling
)";

std::string option_names(const CommandRow& command) {
    std::string names;
    for (const OptionRow& option : command.options) names.append(option.name).append(" ");
    return names + "--help";
}

std::string answer(Takes takes, std::string_view words) {
    switch (takes) {
        case Takes::file: return "_starling_files -f";
        case Takes::folder: return "_starling_files -d";
        case Takes::word: return "_starling_words '" + std::string(words) + "'";
        case Takes::text:
        case Takes::nothing: break;
    }
    return {};
}

std::string option_case(const CommandRow& command, const OptionRow& option) {
    if (option.takes == Takes::nothing) return {};
    const std::string text =
        "        " + std::string(command.name) + ":" + std::string(option.name) + ")";
    const std::string act = answer(option.takes, option.words);
    if (act.empty()) return text + " return ;;\n";
    // A value that may be absent stands behind "=" alone.
    if (!option.implied.empty())
        return text + " if [[ $attached ]]; then " + act + "; return; fi ;;\n";
    return text + " " + act + "; return ;;\n";
}

std::string arguments_case(const CommandRow& command) {
    for (const ArgumentRow& argument : command.arguments) {
        const std::string act = answer(argument.takes, argument.words);
        if (!act.empty()) return "        " + std::string(command.name) + ") " + act + " ;;\n";
    }
    return {};
}

}  // namespace

std::string bash_completions() {
    std::string names, options, lists, arguments;
    for (const CommandRow& command : commands()) {
        names.append(command.name).append(" ");
        for (const OptionRow& option : command.options) options += option_case(command, option);
        lists += "            " + std::string(command.name) + ") _starling_words '" +
                 option_names(command) + "' ;;\n";
        arguments += arguments_case(command);
    }
    std::string script(head);
    script += "        _starling_words '" + names + "--help --version'\n        return\n    fi\n";
    script += "    case $command:$option in\n" + options + "    esac\n";
    script += "    if [[ $word == -* ]]; then\n        case $command in\n" + lists +
              "        esac\n        return\n    fi\n";
    script += "    case $command in\n" + arguments + "    esac\n";
    return script.append(tail);
}

std::string completions(std::string_view shell) {
    if (shell == "zsh") return zsh_completions();
    if (shell == "fish") return fish_completions();
    return bash_completions();
}

}  // namespace starling::app
