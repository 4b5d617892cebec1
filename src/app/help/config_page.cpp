#include "app/help/config_page.h"

#include "app/config/schema.h"
#include "app/help/man_text.h"

#include <algorithm>

namespace starling::app {
namespace {

using namespace man;

// Day of the last change of the table that a reader of the page notices.
constexpr std::string_view changed_on = "2026-11-30";

// The table marks code as Markdown does; the page has no fonts for it.
std::string without_marks(std::string_view text) {
    std::string plain(text);
    std::erase(plain, '`');
    return plain;
}

std::string key_item(const Row& row) {
    std::string text = ".TP\n" + bold(row.key) + "\n" + wrapped(without_marks(row.help)) + ".\n";
    text += wrapped("Type: " + without_marks(describe_type(row)) + ".") + "\n";
    if (row.required) return text + "Required.\n";
    return text + wrapped("Default: " + describe_default(row)) + "\n";
}

// The part of a key in front of its first point or bracket.
std::string_view group_of(const Row& row) { return row.key.substr(0, row.key.find_first_of(".[")); }

}  // namespace

std::string config_page(std::string_view version) {
    std::string page = ".\\\" Made by `starling manual starling.yaml`.\n.TH STARLING.YAML 5 \"" +
                       std::string(changed_on) + "\" \"starling " + escaped(version) +
                       "\" \"File Formats\"\n";
    page += section("NAME") + "starling.yaml \\- configuration of starling\n";
    page += section("DESCRIPTION");
    page += wrapped(
                "The file is strict YAML: unknown and repeated keys, wrong types and values out of "
                "range "
                "are errors, and the program starts nothing. Relative paths are relative to the "
                "folder of "
                "the file. In a key, [] follows the name of a list: listen[].address is the "
                "address of each "
                "element of listen.") +
            "\n.PP\n" +
            wrapped(
                "A key that is not part of a list has an environment variable, which wins over the "
                "file: "
                "STARLING_ and the key in capitals, with two underscores for each point, as "
                "STARLING_HTTP__BODY_BYTES_MAX.") +
            "\n.PP\n" + bold("starling check-config") + "\n" + italic("FILE") +
            "\nchecks a file, and\n" + bold("starling config-schema") +
            "\nprints a JSON Schema, with which editors complete one.\n";
    page += section("KEYS");
    std::string_view group;
    for (const Row& row : schema()) {
        const bool is_alone = group_of(row) == row.key;
        const std::string_view next = is_alone ? "general" : group_of(row);
        if (next != group) page += ".SS " + escaped(next) + "\n";
        group = next;
        page += key_item(row);
    }
    page += section("SEE ALSO") + ".BR starling (1)\n";
    return page;
}

}  // namespace starling::app
