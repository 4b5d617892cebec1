// app/config/flat.h: the settings as a list, one entry for each key of each element, in the order of
// the schema: "websocket[0].path". For comparing and for printing.
//
// Pure.
#pragma once

#include "app/config/schema.h"
#include "app/config/settings.h"

#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

struct FlatValue {
    std::string key;
    const Row* row;
    std::string text;  // As describe_value() writes it, secrets included.
};

[[nodiscard]] std::vector<FlatValue> flat_settings(Settings settings);
// "websocket[0].path" is "websocket[].path" in the schema.
[[nodiscard]] std::string schema_key(std::string_view key);
// The value without its secrets: "***" for a text, ["***"] for a list.
[[nodiscard]] std::string masked(const FlatValue& value);

}  // namespace starling::app
