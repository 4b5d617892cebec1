// http/media_type.h: header values with parameters: Content-Type (RFC 9110 section 8.3.1) and
// Content-Disposition (RFC 6266 section 4.1). Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

// "Text/HTML" for "Text/HTML; charset=utf-8": without surrounding whitespace, in the case that was
// sent.
[[nodiscard]] std::string_view essence_of(std::string_view value) noexcept;

struct Parameter {
    std::string_view name;  // Compare names without case.
    std::string value;      // Without the quotes of a quoted string.
};

// The parameters of `value`, which follow its first ';'. Nothing if they break the grammar or name
// a parameter twice. In a quoted string a backslash escapes only '"' and '\': browsers send a
// backslash in a file's name unescaped.
[[nodiscard]] std::optional<std::vector<Parameter>> parameters_of(std::string_view value);

// Null: no parameter has that name.
[[nodiscard]] const std::string* find_parameter(const std::vector<Parameter>& parameters,
                                                std::string_view name) noexcept;

// True for application/json, and for a type that ends with "+json" (RFC 6839 section 3.1).
[[nodiscard]] bool is_json_type(std::string_view content_type) noexcept;

}  // namespace starling::http
