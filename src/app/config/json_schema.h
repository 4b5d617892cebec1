// app/config/json_schema.h: the configuration file as a JSON Schema (draft 2020-12), made from the table of
// its keys. Editors complete and check a YAML file with it. Pure function, any thread.
#pragma once

#include <string>

namespace starling::app {

// Several lines of JSON. What needs more than one value to be seen, such as keys that exclude each other,
// is not in it: `starling check-config` finds it.
[[nodiscard]] std::string json_schema();

}  // namespace starling::app
