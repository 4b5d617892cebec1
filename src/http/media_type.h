// http/media_type.h: values with parameters: Content-Type (RFC 9110 section 8.3.1) and
// Content-Disposition (RFC 6266 section 4.1). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

// "text/html" of "Text/HTML; charset=utf-8", without outer white space and in the case that was sent.
[[nodiscard]] std::string_view essence_of(std::string_view value) noexcept;

struct Parameter {
    std::string_view name;  // Compare without case.
    std::string value;      // Without its quotes.
};

// What follows the first ';' of `value`. Nothing where it breaks the grammar or says a name twice. In a
// quoted string a backslash escapes '"' and '\' alone: browsers send the backslash of a file's name as it is.
[[nodiscard]] std::optional<std::vector<Parameter>> parameters_of(std::string_view value);

// Null: no parameter has that name.
[[nodiscard]] const std::string* find_parameter(const std::vector<Parameter>& parameters,
                                                std::string_view name) noexcept;

// application/json, or a type that ends with "+json" (RFC 6839 section 3.1).
[[nodiscard]] bool is_json_type(std::string_view content_type) noexcept;

}  // namespace starling::http
