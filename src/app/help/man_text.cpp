#include "app/help/man_text.h"

#include <cstddef>

namespace starling::app::man {
namespace {

constexpr size_t columns = 72;

}  // namespace

std::string escaped(std::string_view text) {
    std::string out;
    if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '\'')
            out += "\\(aq";
        else
            out += c;
    }
    return out;
}

std::string wrapped(std::string_view text) {
    std::string out;
    while (text.size() > columns) {
        const size_t blank = text.rfind(' ', columns);
        if (blank == std::string_view::npos) break;
        out += escaped(text.substr(0, blank)) + "\n";
        text.remove_prefix(blank + 1);
    }
    return out + escaped(text);
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string section(std::string_view name) { return ".SH " + std::string(name) + "\n"; }

}  // namespace starling::app::man
