// Only this file includes CLI11.
#include "app/command_line.h"

#include "app/build_info.h"
#include "app/closest.h"

#include <starling/server.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <sstream>

namespace starling::app {
namespace {

constexpr std::string_view config_flag = "--config";

// An option or an argument, and what was typed for it. CLI11 keeps the addresses of the members.
struct Typed {
    const OptionRow* option = nullptr;  // One of the two is null.
    const ArgumentRow* argument = nullptr;
    CLI::Option* parsed = nullptr;
    bool on = false;
    std::string one;
    std::vector<std::string> several;

    [[nodiscard]] std::string_view name() const { return option ? option->name : argument->name; }
    [[nodiscard]] std::string_view key() const { return option ? option->key : ""; }
    [[nodiscard]] bool given() const { return parsed->count() > 0; }
    [[nodiscard]] std::vector<std::string> values() const {
        if (option && option->takes == Takes::nothing) return {"true"};
        if (option && option->repeated) return several;
        return {one};
    }
    // Words that no configuration key checks.
    [[nodiscard]] std::string_view words() const {
        return !key().empty() ? "" : option ? option->words : argument->words;
    }
    [[nodiscard]] bool is_config() const {
        return option ? option->name == config_flag : argument->also == config_flag;
    }
};

std::string footer(std::span<const std::string_view> examples,
                   std::span<const VariableRow> variables = {}) {
    std::string text = variables.empty() ? "" : "\nEnvironment:\n";
    for (const VariableRow& variable : variables) {
        constexpr size_t column = 30;
        const size_t blanks = std::max(variable.name.size() + 1, column) - variable.name.size();
        text.append("  ").append(variable.name).append(blanks, ' ');
        text.append(variable.help).append("\n");
    }
    text += "\nExamples:\n";
    for (const std::string_view line : examples) text.append("  ").append(line).append("\n");
    return text;
}

class Command {
public:
    Command(CLI::App& app, const CommandRow& row)
        : row_(row),
          command_(*app.add_subcommand(std::string(row.name), std::string(row.summary))) {
        command_.footer(footer(row.examples, row.variables));
        for (const OptionRow& option : row.options) add(option);
        for (const ArgumentRow& argument : row.arguments) add(argument);
    }

    [[nodiscard]] bool parsed() const { return command_.parsed(); }
    [[nodiscard]] std::string_view name() const { return row_.name; }

    // "publish needs a CHANNEL"; "" if nothing is absent.
    [[nodiscard]] std::string missing() const {
        for (const Typed& typed : all_) {
            const bool required = typed.option ? typed.option->required : typed.argument->required;
            if (!required || typed.given()) continue;
            std::string text = std::string(row_.name) + " needs ";
            if (typed.option)
                return text.append(typed.name()).append(" ").append(typed.option->placeholder);
            // A U is spoken as in URL.
            const bool vowel = std::string_view("AEIO").find(typed.name()[0]) != std::string::npos;
            return text.append(vowel ? "an " : "a ").append(typed.name());
        }
        return {};
    }

    [[nodiscard]] std::vector<std::string> unknown() const { return command_.remaining(); }

    // "serve has no option --prot (did you mean --port?)"
    [[nodiscard]] std::string says_unknown(std::string_view word) const {
        if (!word.starts_with('-'))
            return std::string(row_.name) + " takes no argument " + std::string(word);
        std::vector<std::string_view> names;
        for (const Typed& typed : all_)
            if (typed.name().starts_with('-')) names.push_back(typed.name());
        const std::string_view name = word.substr(0, word.find('='));
        return std::string(row_.name) + " has no option " + std::string(name) + hint(name, names);
    }

    // "--algorithm: must be HS256, RS256 or ES256"; "" if no word is wrong.
    [[nodiscard]] std::string wrong_word() const {
        for (const Typed& typed : all_) {
            if (typed.words().empty() || !typed.given()) continue;
            const auto words = words_of(typed.words());
            if (std::ranges::find(words, typed.one) == words.end())
                return std::string(typed.name()) + ": must be " + alternatives(typed.words());
        }
        return {};
    }

    [[nodiscard]] CommandLine result() const {
        CommandLine result;
        result.action = row_.action;
        for (const Typed& typed : all_) {
            if (!typed.given()) continue;
            if (typed.is_config()) {
                result.has_config = true;
                result.config = typed.one;
                continue;
            }
            auto& list = typed.key().empty() ? result.options : result.flags;
            list.push_back({std::string(typed.name()), std::string(typed.key()), typed.values()});
        }
        add_in_order(result);
        return result;
    }

private:
    // CLI11 lists an option once for each value.
    void add_in_order(CommandLine& result) const {
        std::map<const CLI::Option*, size_t> seen;
        for (const CLI::Option* const parsed : command_.parse_order()) {
            const auto typed = std::ranges::find(all_, parsed, &Typed::parsed);
            if (typed == all_.end() || !typed->option || !typed->option->repeated) continue;
            const size_t index = seen[parsed]++;
            if (index < typed->several.size())
                result.in_order.emplace_back(typed->name(), typed->several[index]);
        }
    }

    void add(const OptionRow& option) {
        Typed& typed = all_.emplace_back();
        typed.option = &option;
        const std::string name(option.name), help(option.help);
        if (option.takes == Takes::nothing) {
            typed.parsed = command_.add_flag(name, typed.on, help);
        } else if (!option.implied.empty()) {
            typed.parsed =
                command_.add_flag(name + "{" + std::string(option.implied) + "}", typed.one, help);
        } else if (option.repeated) {
            typed.parsed = command_.add_option(name, typed.several, help)->allow_extra_args(false);
        } else {
            typed.parsed = command_.add_option(name, typed.one, help);
        }
        if (!option.placeholder.empty()) typed.parsed->option_text(std::string(option.placeholder));
        if (option.required) typed.parsed->required();
    }

    void add(const ArgumentRow& argument) {
        Typed& typed = all_.emplace_back();
        typed.argument = &argument;
        std::string name(argument.name);
        if (!argument.also.empty()) name.append(",").append(argument.also);
        typed.parsed = command_.add_option(name, typed.one, std::string(argument.help));
        // Without a text, CLI11 adds REQUIRED, which the line of the usage says already.
        typed.parsed->option_text(argument.also.empty() ? " " : std::string(argument.name));
        if (argument.required) typed.parsed->required();
    }

    const CommandRow& row_;
    CLI::App& command_;
    std::deque<Typed> all_;
};

struct Parser {
    CLI::App app{"starling: a real-time server", "starling"};
    std::deque<Command> all;

    Parser() {
        app.set_version_flag("--version", build_info(), "Print the version and exit");
        app.get_formatter()->column_width(28);
        std::vector<std::string_view> examples;
        for (const CommandRow& row : commands()) {
            all.emplace_back(app, row);
            examples.insert(examples.end(), row.examples.begin(), row.examples.end());
        }
        app.footer(footer(examples) +
                   "\nEvery key of the configuration file is in docs/configuration.md.\n"
                   "An installed program has it under share/doc/starling.");
        app.require_subcommand(0, 1);
    }

    [[nodiscard]] const Command* parsed() const {
        const auto found = std::ranges::find_if(all, &Command::parsed);
        return found == all.end() ? nullptr : &*found;
    }

    // About the first word of `args` that is no option, command or argument, options before others; ""
    // if there is none. CLI11 tells all of them, in the reverse order.
    [[nodiscard]] std::string unknown(const std::vector<std::string>& args) const {
        const Command* const command = parsed();
        const std::vector<std::string> words = command ? command->unknown() : app.remaining();
        const auto first = [&](bool option) {
            return std::ranges::find_if(args, [&](const std::string& word) {
                return word.starts_with('-') == option &&
                       std::ranges::find(words, word) != words.end();
            });
        };
        auto word = first(true);
        if (word == args.end()) word = first(false);
        if (word == args.end()) return {};
        if (command) return command->says_unknown(*word);
        if (word->starts_with('-')) return "there is no option " + *word + " before the command";
        std::vector<std::string_view> names;
        for (const CommandRow& row : commands()) names.push_back(row.name);
        return "there is no command " + *word + hint(*word, names);
    }
};

// `command`: whose help is named, "" for that of the program.
CommandLine wrong(std::string why, std::string_view command = "") {
    std::ranges::replace(why, '\n', ' ');
    CommandLine result;
    result.text = "starling: " + why + "; see starling ";
    if (!command.empty()) result.text.append(command).append(" ");
    result.text += "--help\n";
    result.exit_code = 2;
    return result;
}

}  // namespace

const std::vector<std::string>* CommandLine::find(std::string_view name) const noexcept {
    const auto found = std::ranges::find(options, name, &Flag::flag);
    return found == options.end() ? nullptr : &found->values;
}

std::string CommandLine::value(std::string_view name) const {
    const std::vector<std::string>* values = find(name);
    return values ? values->front() : std::string();
}

CommandLine parse_command_line(const std::vector<std::string>& args) {
    Parser parser;
    try {
        parser.app.parse(std::vector(args.rbegin(), args.rend()));  // CLI11 parses from the back.
    } catch (const CLI::Success& asked) {                           // Help or version.
        std::ostringstream out, err;
        parser.app.exit(asked, out, err);
        CommandLine result;
        result.text = out.str() + err.str();
        return result;
    } catch (const CLI::ParseError& error) {
        const Command* const command = parser.parsed();
        const bool absent = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
        const std::string unknown = parser.unknown(args);
        const std::string missing = absent && command ? command->missing() : "";
        if (!unknown.empty()) return wrong(unknown, command ? command->name() : "");
        return wrong(missing.empty() ? error.what() : missing);
    }
    const Command* const command = parser.parsed();
    if (!command) {
        CommandLine result;
        result.text = parser.app.help();
        result.exit_code = 2;
        return result;
    }
    const std::string word = command->wrong_word();
    return word.empty() ? command->result() : wrong(word);
}

}  // namespace starling::app
