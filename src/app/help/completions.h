// app/help/completions.h: scripts that complete the command line in a shell, made from
// app/command_table.h. Each completes commands, options, files, and the words that an option takes.
//
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::app {

// `shell`: "bash", "zsh" or "fish".
[[nodiscard]] std::string completions(std::string_view shell);

[[nodiscard]] std::string bash_completions();
[[nodiscard]] std::string zsh_completions();
[[nodiscard]] std::string fish_completions();

}  // namespace starling::app
