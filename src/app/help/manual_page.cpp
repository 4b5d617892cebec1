#include "app/help/manual_page.h"

#include "app/command_table.h"
#include "app/help/man_text.h"

namespace starling::app {
namespace {

using namespace man;

// Day of the last change of app/command_table.cpp that a reader of the page notices.
constexpr std::string_view changed_on = "2026-11-30";

// A term and what it means.
std::string item(const std::string& term, std::string_view text) {
    return ".TP\n" + term + "\n" + wrapped(text) + ".\n";
}

std::string option_term(const OptionRow& option) {
    std::string term = bold(option.name);
    if (!option.implied.empty()) return term + "[=" + italic("HOW") + "]";
    if (!option.placeholder.empty()) term += " " + italic(option.placeholder);
    return term;
}

std::string variable_item(const VariableRow& variable) {
    return ".TP\n" + bold(variable.name) + "\n" + wrapped(variable.help) + "\n";
}

std::string command_section(const CommandRow& command) {
    std::string text =
        ".SS starling " + escaped(command.name) + "\n" + escaped(command.summary) + ".\n";
    if (!command.details.empty()) text += wrapped(command.details) + "\n";
    for (const ArgumentRow& argument : command.arguments)
        text += item(italic(argument.name), argument.help);
    for (const OptionRow& option : command.options) text += item(option_term(option), option.help);
    text += ".PP\nExit status:\n";
    for (const ExitRow& exit : command.exits)
        text += ".TP\n" + bold(std::to_string(exit.code)) + "\n" + wrapped(exit.meaning) + "\n";
    return text;
}

}  // namespace

std::string manual_page(std::string_view version) {
    std::string page = ".\\\" Made by `starling manual`.\n.TH STARLING 1 \"" +
                       std::string(changed_on) + "\" \"starling " + escaped(version) +
                       "\" \"User Commands\"\n";
    page += section("NAME") + "starling \\- real\\-time server\n";
    page += section("SYNOPSIS");
    for (const CommandRow& command : commands())
        page += (&command == &commands().front() ? "" : ".br\n") + bold("starling") + " " +
                escaped(synopsis(command)) + "\n";
    page += ".br\n" + bold("starling") + " [" + bold("--help") + " | " + bold("--version") + "]\n";
    page += section("DESCRIPTION");
    page +=
        "starling holds the connections of browsers and devices:\n"
        "WebSocket, Socket.IO, server events and HTTP.\nEach command takes\n" +
        bold("--help") + ".\nThe value of an option may follow it as the next word, or behind\n" +
        bold("=") + ".\nAfter the word\n" + bold("--") + ",\nno word is an option.\n";
    page += section("COMMANDS");
    for (const CommandRow& command : commands()) page += command_section(command);
    page += section("ENVIRONMENT");
    for (const VariableRow& variable : command_variables()) page += variable_item(variable);
    for (const CommandRow& command : commands())
        for (const VariableRow& variable : command.variables) page += variable_item(variable);
    page += ".TP\n" + bold("STARLING_*") +
            "\nEach key of the configuration has a variable, as STARLING_WORKERS for workers.\n";
    page += section("EXAMPLES");
    for (const CommandRow& command : commands())
        for (const std::string_view example : command.examples)
            page += ".EX\n" + escaped(example) + "\n.EE\n";
    page += section("SEE ALSO") + ".BR starling.yaml (5)\n";
    return page;
}

}  // namespace starling::app
