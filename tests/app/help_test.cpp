// The table of the commands against the configuration's schema, and what is made from it.
#include "app/command_line.h"
#include "app/command_table.h"
#include "app/config/schema.h"
#include "app/help/completions.h"
#include "app/help/config_page.h"
#include "app/help/man_text.h"
#include "app/help/manual_page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace starling::app {
namespace {

TEST(CommandTable, NamesEachOptionOnceAndKnowsTheWordsOfItsKey) {
    for (const CommandRow& command : commands()) {
        std::set<std::string_view> names;
        for (const OptionRow& option : command.options) {
            EXPECT_TRUE(names.insert(option.name).second) << option.name;
            EXPECT_TRUE(option.name.starts_with("--")) << option.name;
            EXPECT_EQ(option.takes == Takes::word, !option.words.empty()) << option.name;
            if (option.key.empty() || option.takes != Takes::word) continue;
            const Row* const row = find_row(option.key);
            ASSERT_TRUE(row) << option.key;
            // The schema writes them as "`notify`, `ask`".
            std::string schema = describe_type(*row);
            std::erase(schema, '`');
            std::erase(schema, ',');
            auto ours = words_of(option.words), theirs = words_of(schema);
            std::ranges::sort(ours);
            std::ranges::sort(theirs);
            EXPECT_EQ(ours, theirs) << option.name;
        }
    }
}

TEST(CommandTable, ASynopsisShowsWhatMustBeGiven) {
    std::string all;
    for (const CommandRow& command : commands()) all += synopsis(command) + "\n";
    EXPECT_EQ(all,
              "serve [OPTIONS]\ngateway [OPTIONS]\ncheck-config [OPTIONS] FILE\n"
              "token --key FILE --subject USER [OPTIONS]\n"
              "publish [OPTIONS] CHANNEL EVENT [DATA]\nadmin [OPTIONS] WHAT [ID] [TEXT]\n"
              "drain [OPTIONS]\nbench [OPTIONS] URL\n"
              "connect [OPTIONS] URL\ncluster-demo [OPTIONS]\n"
              "completions SHELL\nmanual [PAGE]\nconfig-schema\n");
    EXPECT_EQ(alternatives("a"), "a");
    EXPECT_EQ(alternatives("a b"), "a or b");
    EXPECT_EQ(alternatives("a b c"), "a, b or c");
}

TEST(CommandTable, HelpAndManualAndCompletionsHaveEachOption) {
    const std::string manual = manual_page("1.2.3");
    EXPECT_NE(manual.find("\"starling 1.2.3\""), std::string::npos);
    for (const CommandRow& command : commands()) {
        const std::string name(command.name);
        const CommandLine help = parse_command_line({name, "--help"});
        EXPECT_EQ(help.exit_code, 0);
        EXPECT_NE(bash_completions().find(name + " "), std::string::npos) << name;
        EXPECT_NE(zsh_completions().find("'" + name + ":"), std::string::npos) << name;
        EXPECT_NE(fish_completions().find(" -a " + name + " "), std::string::npos) << name;
        for (const OptionRow& option : command.options) {
            const std::string flag(option.name);
            EXPECT_NE(help.text.find("  " + flag), std::string::npos) << flag;
            EXPECT_NE(zsh_completions().find(flag), std::string::npos) << flag;
            EXPECT_NE(fish_completions().find(" -l " + flag.substr(2) + " "), std::string::npos);
            std::string escaped;
            for (const char c : flag) escaped += c == '-' ? "\\-" : std::string(1, c);
            EXPECT_NE(manual.find(escaped), std::string::npos) << flag;
        }
    }
    for (const std::string_view shell : {"bash", "zsh", "fish"})
        EXPECT_NE(completions(shell).find("`starling completions " + std::string(shell) + "`"),
                  std::string::npos);
}

TEST(ConfigPage, HasEachKeyWithItsTypeAndDefault) {
    const std::string page = config_page("1.2.3");
    EXPECT_TRUE(page.starts_with(".\\\" Made by")) << page.substr(0, 100);
    for (const Row& row : schema()) {
        const size_t at = page.find(".TP\n" + man::bold(row.key) + "\n");
        ASSERT_NE(at, std::string::npos) << row.key;
        const std::string item = page.substr(at, page.find("\n.", at + 4) - at);
        EXPECT_NE(item.find(row.required ? "Required." : "Default: "), std::string::npos) << item;
        EXPECT_NE(item.find("Type: "), std::string::npos) << item;
    }
}

TEST(CommandLine, OptionsAndArgumentsOfTheToolsReachThem) {
    const CommandLine line =
        parse_command_line({"publish", "--url=http://a", "serve", "--json", "token", "-"});
    ASSERT_EQ(line.action, Action::publish) << line.text;
    EXPECT_TRUE(line.flags.empty());
    EXPECT_EQ(line.value("--url"), "http://a");
    EXPECT_EQ(line.value("CHANNEL"), "serve");
    EXPECT_EQ(line.value("EVENT"), "token");
    EXPECT_EQ(line.value("DATA"), "-");
    EXPECT_TRUE(line.find("--json"));
    EXPECT_FALSE(line.find("--insecure"));
    EXPECT_EQ(line.value("--key"), "");

    const CommandLine token = parse_command_line(
        {"token", "--key", "-", "--subject", "a", "--claim", "x=1", "--claim=y=[2,3]"});
    ASSERT_EQ(token.action, Action::token) << token.text;
    ASSERT_TRUE(token.find("--claim"));
    EXPECT_EQ(*token.find("--claim"), (std::vector<std::string>{"x=1", "y=[2,3]"}));

    const CommandLine mixed = parse_command_line({"connect", "ws://a", "--text", "a", "--binary=b",
                                                  "--header", "x:y", "--text", "c", "--json"});
    EXPECT_EQ(mixed.in_order,
              (std::vector<std::pair<std::string, std::string>>{
                  {"--text", "a"}, {"--binary", "b"}, {"--header", "x:y"}, {"--text", "c"}}));

    const CommandLine dashed = parse_command_line({"publish", "a", "b", "--", "-5"});
    EXPECT_EQ(dashed.value("DATA"), "-5");

    const std::pair<std::vector<std::string>, std::string> wrong[] = {
        {{"completions"}, "starling: completions needs a SHELL; see starling --help\n"},
        {{"completions", "tcsh"},
         "starling: SHELL: must be bash, zsh or fish; see starling --help\n"},
        {{"drian"},
         "starling: there is no command drian (did you mean drain?); see starling --help\n"},
        {{"--listen", "a"},
         "starling: there is no option --listen before the command; see starling --help\n"},
        {{"serve", "--lsiten", "a", "--bar"},
         "starling: serve has no option --lsiten (did you mean --listen?); see starling serve "
         "--help\n"},
        {{"serve", "x", "--bar=1"},
         "starling: serve has no option --bar; see starling serve --help\n"},
        {{"serve", "8080"}, "starling: serve takes no argument 8080; see starling serve --help\n"},
        // The option rather than the argument that it seems to be absent for.
        {{"publish", "--kye", "x"},
         "starling: publish has no option --kye (did you mean --key?); see starling publish "
         "--help\n"},
    };
    for (const auto& [args, text] : wrong) {
        const CommandLine refused = parse_command_line(args);
        EXPECT_EQ(refused.exit_code, 2);
        EXPECT_EQ(refused.text, text);
    }
}

}  // namespace
}  // namespace starling::app
