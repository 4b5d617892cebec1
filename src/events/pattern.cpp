#include "events/pattern.h"

#include <algorithm>
#include <stdexcept>

#include "base/text.h"
#include "base/utf8.h"

namespace starling::events {
namespace {

constexpr size_t digits_max = 19;  // Digits of a number up to 2^63.

[[noreturn]] void refuse(std::string_view pattern, std::string_view why) {
    throw std::invalid_argument("channel pattern '" + std::string(pattern) +
                                "': " + std::string(why));
}

bool is_number(std::string_view text) noexcept {
    if (text.empty() || text.size() > digits_max) return false;
    // "007" and "7" would be two channels for the same number.
    if (text.size() > 1 && text.front() == '0') return false;
    return std::ranges::all_of(text, base::is_digit);
}

bool is_identifier(std::string_view text) noexcept {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return base::is_alphanumeric(c) || c == '_'; });
}

}  // namespace

bool is_channel_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > name_bytes_max || !base::utf8_is_valid(name)) return false;
    return std::ranges::none_of(name,
                                [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; });
}

Pattern::Pattern(std::string_view text) : text_(text) {
    if (!is_channel_name(text))
        refuse(text, "must be 1 to 255 bytes of UTF-8 without control characters");
    for (std::string_view rest = text; !rest.empty();) {
        const size_t open = std::min(rest.find('{'), rest.size());
        const std::string_view literal = rest.substr(0, open);
        if (literal.find('}') != std::string_view::npos) refuse(text, "a '}' without its '{'");
        (parameters_.empty() ? front_ : parameters_.back().behind) = literal;
        if (open == rest.size()) break;
        if (!parameters_.empty() && literal.empty())
            refuse(text, "two parameters need text between them");
        const size_t close = rest.find('}', open);
        if (close == std::string_view::npos) refuse(text, "a '{' without its '}'");
        parse_parameter(rest.substr(open + 1, close - open - 1));
        rest.remove_prefix(close + 1);
    }
}

void Pattern::parse_parameter(std::string_view inside) {
    const size_t colon = std::min(inside.find(':'), inside.size());
    const std::string_view name = inside.substr(0, colon);
    const std::string_view type = inside.substr(std::min(colon + 1, inside.size()));
    if (!is_identifier(name)) refuse(text_, "a parameter is named by letters, digits and '_'");
    if (colon < inside.size() && type != "number")
        refuse(text_, "a parameter has no type, or ':number'");
    for (const auto& parameter : parameters_)
        if (parameter.name == name) refuse(text_, "two parameters have one name");
    if (parameters_.size() == parameters_max) refuse(text_, "more than 4 parameters");
    parameters_.push_back({std::string(name), type == "number", {}});
}

bool Pattern::match(std::string_view name, std::vector<std::string_view>& parameters) const {
    parameters.clear();
    if (!name.starts_with(front_)) return false;
    name.remove_prefix(front_.size());
    for (const Parameter& parameter : parameters_) {
        size_t end = name.size();
        if (&parameter != &parameters_.back()) {
            end = name.size() > 1 ? name.find(parameter.behind, 1) : std::string_view::npos;
            if (end == std::string_view::npos) return false;
        } else if (name.ends_with(parameter.behind)) {
            end -= parameter.behind.size();
        } else {
            return false;
        }
        const std::string_view value = name.substr(0, end);
        if (value.empty() || (parameter.number && !is_number(value))) return false;
        parameters.push_back(value);
        name.remove_prefix(end + parameter.behind.size());
    }
    return name.empty();
}

}  // namespace starling::events
