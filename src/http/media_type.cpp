#include "http/media_type.h"

#include "base/text.h"
#include "base/tokens.h"

namespace starling::http {
namespace {

// Takes a quoted-string off the front of `rest`. False: it has no closing quote.
bool take_quoted(std::string_view& rest, std::string& value) {
    for (size_t i = 1; i < rest.size(); ++i) {
        if (rest[i] == '"') return rest.remove_prefix(i + 1), true;
        const bool escapes =
            rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\');
        if (escapes) ++i;
        value += rest[i];
    }
    return false;
}

std::string_view take_token(std::string_view& rest) {
    size_t end = 0;
    while (end < rest.size() && base::is_token_char(rest[end])) ++end;
    const auto token = rest.substr(0, end);
    rest.remove_prefix(end);
    return token;
}

}  // namespace

std::string_view essence_of(std::string_view value) noexcept {
    return base::trim(value.substr(0, value.find(';')));
}

std::optional<std::vector<Parameter>> parameters_of(std::string_view value) {
    std::vector<Parameter> parameters;
    const size_t semicolon = value.find(';');
    std::string_view rest = semicolon == std::string_view::npos ? "" : value.substr(semicolon);
    while (!(rest = base::trim(rest)).empty()) {
        if (rest.front() != ';') return std::nullopt;
        rest = base::trim(rest.substr(1));
        if (rest.empty() || rest.front() == ';')
            continue;  // RFC 9110 section 5.6.6 allows empty
                       // parameters.
        Parameter parameter{take_token(rest), {}};
        if (parameter.name.empty() || rest.empty() || rest.front() != '=') return std::nullopt;
        rest.remove_prefix(1);
        if (rest.empty()) return std::nullopt;
        if (rest.front() == '"') {
            if (!take_quoted(rest, parameter.value)) return std::nullopt;
        } else {
            parameter.value = take_token(rest);
            if (parameter.value.empty()) return std::nullopt;
        }
        if (find_parameter(parameters, parameter.name)) return std::nullopt;
        parameters.push_back(std::move(parameter));
    }
    return parameters;
}

const std::string* find_parameter(const std::vector<Parameter>& parameters,
                                  std::string_view name) noexcept {
    for (const Parameter& parameter : parameters)
        if (base::iequals(parameter.name, name)) return &parameter.value;
    return nullptr;
}

bool is_json_type(std::string_view content_type) noexcept {
    const auto essence = essence_of(content_type);
    constexpr std::string_view suffix = "+json";
    return base::iequals(essence, "application/json") ||
           (essence.size() > suffix.size() &&
            base::iequals(essence.substr(essence.size() - suffix.size()), suffix));
}

}  // namespace starling::http
