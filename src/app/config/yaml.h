// app/config/yaml.h: a YAML file as a plain tree with line numbers. Stricter than YAML: no anchors,
// aliases, tags or second documents, so that what a file says stands where it says it.
//
// Owner: the caller of the parser. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace starling::app {

inline constexpr size_t yaml_bytes_max = 1024 * 1024;
inline constexpr size_t yaml_depth_max = 16;

struct Yaml {
    enum class Kind : uint8_t { null, scalar, list, mapping };
    Kind kind = Kind::null;
    bool quoted = false;         // A scalar in quotes, or of a block.
    int line = 1;                // Of a member of a mapping: its name's.
    std::string name;            // Of a member of a mapping.
    std::string text;            // Of a scalar.
    std::vector<Yaml> children;  // In the order of the file, duplicates included.
};

struct YamlResult {
    Yaml root;
    std::string error;  // Empty: parsed.
    int error_line = 0;
};

[[nodiscard]] YamlResult parse_yaml(const std::string& text);

}  // namespace starling::app
