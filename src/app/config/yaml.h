// app/config/yaml.h: a YAML file as a plain tree with line numbers. Anchors, aliases, tags and
// further documents are refused, so that each value stands where it takes effect.
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
    bool quoted = false;         // A quoted scalar, or a block scalar.
    int line = 1;                // Member of a mapping: the line of its name.
    std::string name;            // Name of a member of a mapping.
    std::string text;            // Text of a scalar.
    std::vector<Yaml> children;  // In file order, duplicates included.
};

struct YamlResult {
    Yaml root;
    std::string error;  // Empty: the file was parsed.
    int error_line = 0;
};

[[nodiscard]] YamlResult parse_yaml(const std::string& text);

}  // namespace starling::app
