// Every key of the configuration with values that its type does not allow: one line with the file,
// the line and the key, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/config.h"
#include "app/config/schema.h"

namespace starling::app {
namespace {

using Values = std::vector<std::string>;

// A file that sets one key, and how a message names it.
struct File {
    std::string text, place;
};

// "a[].b" becomes "a:\n  - b: VALUE".
File file_with(std::string_view key, const std::string& value) {
    std::string text = "# A comment.\n", shown, dash;
    int line = 1;
    for (std::string indent; !key.empty();) {
        const size_t end = key.find_first_of(".[");
        const std::string name(key.substr(0, end));
        text += (line++ > 1 ? "\n" : "") + indent + dash + name + ":";
        indent += dash.empty() ? "  " : "    ";
        shown += (shown.empty() ? "" : ".") + name;
        key.remove_prefix(std::min(end, key.size()));
        dash = key.starts_with("[]") ? "- " : "";
        if (dash.empty()) {
            key.remove_prefix(key.empty() ? 0 : 1);
        } else {
            shown += "[0]";
            key.remove_prefix(key.starts_with("[].") ? 3 : 2);
        }
    }
    return {text + " " + value + "\n", "s.yaml:" + std::to_string(line) + ": key '" + shown};
}

std::string seconds(int64_t ms) {
    std::string digits = std::to_string(1000 + ms % 1000).substr(1);
    return std::to_string(ms / 1000) + "." + digits;
}

Values wrong_values(const Row& row) {
    const Values controls{R"("a\nb")", R"("\0")", R"("\x7f")", R"("\e[31m")"};
    Values all{"", "~", "null", "[]", "[1]", "{}", "{a: 1}"};
    const auto add = [&](const Values& more) { all.insert(all.end(), more.begin(), more.end()); };
    switch (form_of(row)) {
        case Form::boolean: add({"yes", "on", "True", "1", "'true'", "''"}); break;
        case Form::integer:
            add({"many", "1.5", "0x10", "1e3", "+1", "1_000", "1 2", "'1'", "''", ".inf", ".nan",
                 std::to_string(row.min - 1), std::to_string(row.max + 1), "9223372036854775808",
                 "-9223372036854775809", "18446744073709551617", "١"});
            break;
        case Form::octal:
            add({"9", "-1", "0x1", "''", "1.5", "01000", "07777777777777777777777"});
            break;
        case Form::seconds:
            add({"many", "-1", "-0.1", "0.0001", "1.", ".5", "+1", "1e3", "1s", "'1'", "''", ".inf",
                 ".nan", seconds(row.max + 1), "99999999999999999999"});
            break;
        case Form::word: add({"nonsense", "1", "''"}); break;
        case Form::text: add(controls); break;
        case Form::texts:
            all = {"text", "7", "{a: 1}", "[[a]]", "[{a: 1}]", "[~]"};
            for (const std::string& one : controls) all.push_back("[" + one + "]");
            break;
    }
    return all;
}

TEST(WrongValues, EachKeyNamesItsPlace) {
    for (const Row& row : schema()) {
        for (const std::string& value : wrong_values(row)) {
            const File file = file_with(row.key, value);
            Config config;
            EXPECT_FALSE(config.read_text("s.yaml", file.text)) << file.text;
            EXPECT_TRUE(config.error().starts_with(file.place)) << file.text << config.error();
            EXPECT_EQ(config.error().find_first_of("\n\x1b\x7f"), std::string::npos) << file.text;
        }
    }
}

TEST(WrongValues, EachSectionWantsKeysOrAList) {
    for (const std::string_view list : section_list_names()) {
        for (const char* value : {"text", "7", "{a: 1}", "[1]", "[~]", "[[]]"}) {
            const File file = file_with(list, value);
            Config config;
            EXPECT_FALSE(config.read_text("s.yaml", file.text)) << file.text;
            EXPECT_TRUE(config.error().starts_with(file.place)) << file.text << config.error();
        }
    }
}

}  // namespace
}  // namespace starling::app
