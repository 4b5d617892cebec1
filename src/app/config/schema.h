// app/config/schema.h: every configuration key, one row each. The file, the environment, the command line,
// the documentation's table and the example file's test all read this one table.
//
// A key is a path: "http.body_bytes_max"; "[]" stands behind the name of a list of mappings:
// "websocket[].path". Pure, any thread.
#pragma once

#include "app/config/settings.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::app {

// Where a row's value is kept. Its type says which values are allowed, and how they are written.
using Slot =
    std::variant<bool*, int*, uint32_t*, uint64_t*, std::chrono::milliseconds*, std::string*,
                 std::vector<std::string>*, log::Level*, log::Format*, ws::OnFull*, Kind*,
                 Listen::Tls*, events::Access*, events::Excess*, auth::Algorithm*>;

// Nothing, or what a text must be: "must be ...".
using Check = std::optional<std::string> (*)(std::string_view text);

struct Row {
    std::string_view key;
    Slot (*slot)(Settings&);   // In the last element of each list, which must not be empty.
    int64_t min = 0, max = 0;  // Of numbers. Of durations: in milliseconds.
    Check check = nullptr;     // Of texts, and of each text of a list.
    bool path = false;         // A file name: relative ones are relative to the configuration file.
    bool required = false;
    bool octal = false;  // Of numbers: written in octal digits.
    std::string_view help;
};

// One scalar as it stands in a file, a variable or a flag.
struct Scalar {
    std::string_view text;
    bool quoted = false;  // In a YAML file: a text, whatever it looks like.
};

[[nodiscard]] std::span<const Row> schema() noexcept;
[[nodiscard]] const Row* find_row(std::string_view key) noexcept;
// Is `key` the beginning of rows: a mapping, or a list of mappings?
[[nodiscard]] bool is_section(std::string_view key) noexcept;
[[nodiscard]] bool is_section_list(std::string_view key) noexcept;
// The names that may stand in the section `key`; "" is the top.
[[nodiscard]] std::vector<std::string_view> names_in(std::string_view key);
// Adds an element with its defaults to the list `key`.
void append_element(Settings& settings, std::string_view key);
void clear_list(Settings& settings, std::string_view key);

[[nodiscard]] bool takes_list(const Row& row);
// Nothing, or what the value must be: "must be an integer from 1 to 1024". `prefix_path` is put
// before relative file names.
[[nodiscard]] std::optional<std::string> store(Settings& settings, const Row& row, Scalar value,
                                               std::string_view prefix_path);
struct ListProblem {
    size_t index = 0;  // Of the value that does not fit.
    std::string text;
};
[[nodiscard]] std::optional<ListProblem> store_list(Settings& settings, const Row& row,
                                                    std::span<const Scalar> values);
// "integer, 0 to 1024"; "`text` or `json`"
[[nodiscard]] std::string describe_type(const Row& row);
// As it would be written in a file: 30, true, "text", [], ["GET"].
[[nodiscard]] std::string describe_default(const Row& row);

// The one of `names` that `wrong` was probably meant to be; "" for none.
[[nodiscard]] std::string_view closest(std::string_view wrong,
                                       std::span<const std::string_view> names);

}  // namespace starling::app
